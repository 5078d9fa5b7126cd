// A configuration as text and back: a .properties file, or JSON as Kafka Connect takes it. What a
// person did not touch stays as it was.

export type Config = Record<string, string>;

export class SyntaxProblem extends Error {
  constructor(
    readonly line: number,
    what: string,
  ) {
    super(`Line ${line}: ${what}`);
  }
}

const ESCAPES: Record<string, string> = { t: "\t", n: "\n", r: "\r", f: "\f" };

function unescape(text: string, line: number): string {
  return text.replace(/\\(u[0-9a-fA-F]{4}|u|[\s\S]|$)/g, (_, c: string) => {
    if (c.length === 5) return String.fromCharCode(parseInt(c.slice(1), 16));
    if (c === "u") throw new SyntaxProblem(line, "expected four hex digits behind \\u");
    return ESCAPES[c] ?? c;
  });
}

/** As Java reads a .properties file: comments, continued lines, escapes; the last of a name wins. */
export function parseProperties(text: string): Config {
  const out: Config = {};
  const lines = text.split(/\r\n|\n|\r/);
  for (let i = 0; i < lines.length; i++) {
    const at = i + 1;
    let line = lines[i]!.trimStart();
    if (line === "" || line[0] === "#" || line[0] === "!") continue;
    while (/(^|[^\\])(\\\\)*\\$/.test(line) && i + 1 < lines.length) line = line.slice(0, -1) + lines[++i]!.trimStart();
    const found = /^((?:\\.|[^\\=:\s])+)\s*[=:]?\s*([\s\S]*)$/.exec(line);
    if (!found) throw new SyntaxProblem(at, "expected name=value");
    out[unescape(found[1]!, at)] = unescape(found[2]!, at);
  }
  return out;
}

const quoteValue = (v: string) =>
  v.replace(/\\/g, "\\\\").replace(/\n/g, "\\n").replace(/\r/g, "\\r").replace(/\t/g, "\\t").replace(/^ /, "\\ ");
const quoteName = (n: string) => quoteValue(n).replace(/[=: #!]/g, (c) => `\\${c}`);

export const writeProperties = (config: Config) =>
  Object.entries(config)
    .map(([name, value]) => `${quoteName(name)}=${quoteValue(value)}\n`)
    .join("");

/** The options alone, or {"name", "config"} as it is posted. */
export function parseJson(text: string): { name: string | null; config: Config } {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (e) {
    const at = /position (\d+)/.exec((e as Error).message);
    const before = at ? text.slice(0, Number(at[1])) : "";
    throw new SyntaxProblem(before.split("\n").length, (e as Error).message.replace(/ in JSON.*| \(line.*/s, ""));
  }
  if (typeof json !== "object" || json === null || Array.isArray(json)) throw new SyntaxProblem(1, "expected an object");
  const all = json as Record<string, unknown>;
  const inner = typeof all.config === "object" && all.config !== null ? (all.config as Record<string, unknown>) : all;
  const config: Config = {};
  for (const [name, value] of Object.entries(inner)) {
    if (value === null) continue;
    if (typeof value === "object") throw new SyntaxProblem(1, `"${name}" must be a text, a number or true or false`);
    config[name] = String(value);
  }
  const name = typeof all.name === "string" ? all.name : (config.name ?? null);
  return { name, config };
}

export const writeJson = (config: Config) => JSON.stringify(config, null, 2) + "\n";

export interface Change {
  name: string;
  before: string | null;
  after: string | null;
}

export function changesOf(before: Config, after: Config): Change[] {
  const out: Change[] = [];
  for (const name of new Set([...Object.keys(before), ...Object.keys(after)])) {
    const a = name in before ? before[name]! : null;
    const b = name in after ? after[name]! : null;
    if (a !== b) out.push({ name, before: a, after: b });
  }
  return out;
}

/** What the hub shows instead of a secret; sent back it keeps what is stored. */
export const MASK = "***";

export interface Problem {
  option: string;
  message: string;
}

interface Validation {
  configs: { value: { name: string; errors: string[] } }[];
}
export const problemsOf = (v: Validation): Problem[] =>
  v.configs.flatMap((c) => c.value.errors.map((message) => ({ option: c.value.name, message })));
export type { Validation };
