// A configuration: what its texts (views.ts) share, what differs between two, what the hub says of one.

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

export function unescape(text: string, line: number): string {
  return text.replace(/\\(u[0-9a-fA-F]{4}|u|[\s\S]|$)/g, (_, c: string) => {
    if (c.length === 5) return String.fromCharCode(parseInt(c.slice(1), 16));
    if (c === "u") throw new SyntaxProblem(line, "expected four hex digits behind \\u");
    return ESCAPES[c] ?? c;
  });
}

export const quoteValue = (v: string) =>
  v.replace(/\\/g, "\\\\").replace(/\n/g, "\\n").replace(/\r/g, "\\r").replace(/\t/g, "\\t").replace(/\f/g, "\\f").replace(/^ /, "\\ ");
export const quoteName = (n: string) => quoteValue(n).replace(/[=: #!]/g, (c) => `\\${c}`);

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
