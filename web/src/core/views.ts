// One configuration in several texts: JSON as Kafka Connect takes it, a .properties file, or the statement
// of SQL. What a text cannot say (comments in JSON, a null in properties) is kept beside it and comes
// back; a text that was not touched comes back byte for byte. No DOM.
import { quoteName, quoteValue, SyntaxProblem, unescape } from "./config";

export type View = "json" | "properties" | "sql";

export interface Entry {
  name: string;
  /** null: it says that it is not set. */
  value: string | null;
  /** A number or true or false, written without quotes. */
  bare: boolean;
  /** Lines of comments above it; an empty one is a blank line. */
  above: string[];
}

export interface Doc {
  name: string | null;
  /** Before which entry the name stands; -1: outside of them. */
  nameAt: number;
  kind: "SOURCE" | "SINK";
  /** {"name", "config"}, with these members beside, as they were written. */
  wrapped: [string, string][] | null;
  unless: boolean; // IF NOT EXISTS
  entries: Entry[];
  /** Comments behind the last one. */
  below: string[];
}

const empty = (): Doc => ({ name: null, nameAt: -1, kind: "SOURCE", wrapped: null, unless: false, entries: [], below: [] });
const BARE = /^(-?\d+(\.\d+)?([eE][+-]?\d+)?|true|false)$/;

/** The last of a name wins, at the place of the first. */
function put(doc: Doc, e: Entry) {
  if (e.name === "name" && e.value !== null) {
    if (doc.nameAt < 0) doc.nameAt = doc.entries.length;
    doc.name = e.value;
    return;
  }
  const at = doc.entries.findIndex((x) => x.name === e.name);
  if (at < 0) doc.entries.push(e);
  else doc.entries[at] = { ...e, above: [...doc.entries[at]!.above, ...e.above] };
}

// ---- properties

function parseProperties(text: string): Doc {
  const doc = empty();
  const lines = text.split(/\r\n|\n|\r/);
  let above: string[] = [];
  if (lines[lines.length - 1] === "") lines.pop();
  for (let i = 0; i < lines.length; i++) {
    const at = i + 1;
    let line = lines[i]!.replace(/^[ \t\f]+/, "");
    if (line === "" || line[0] === "#" || line[0] === "!") {
      above.push(line.slice(1).trimEnd() || (line ? " " : ""));
      continue;
    }
    while (/(^|[^\\])(\\\\)*\\$/.test(line) && i + 1 < lines.length) line = line.slice(0, -1) + lines[++i]!.replace(/^[ \t\f]+/, "");
    const found = /^((?:\\.|[^\\=: \t\f])+)[ \t\f]*[=:]?[ \t\f]*([\s\S]*)$/.exec(line);
    if (!found) throw new SyntaxProblem(at, "expected name=value");
    const name = unescape(found[1]!, at);
    put(doc, { name, value: unescape(found[2]!, at), bare: false, above: name === "name" ? [] : above });
    if (name !== "name") above = [];
  }
  doc.below = above;
  return doc;
}

const comments = (lines: string[], mark: string) => lines.map((l) => (l === "" ? "\n" : `${mark}${l.trimEnd()}\n`)).join("");

function writeProperties(doc: Doc): string {
  const named = doc.name === null ? "" : `name=${quoteValue(doc.name)}\n`;
  const at = Math.max(0, doc.nameAt);
  const lines = doc.entries.map((e, i) =>
    (i === at ? named : "") + comments(e.above, "#") + (e.value === null ? "" : `${quoteName(e.name)}=${quoteValue(e.value)}\n`));
  return lines.join("") + (at >= doc.entries.length ? named : "") + comments(doc.below, "#");
}

// ---- JSON, with the digits of its numbers

class Scanner {
  at = 0;
  constructor(readonly text: string) {}
  fail(what: string): never {
    throw new SyntaxProblem(this.text.slice(0, this.at).split("\n").length, what);
  }
  take(pattern: RegExp): string | null {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text);
    if (!found) return null;
    this.at += found[0].length;
    return found[0];
  }
}

class Json extends Scanner {
  blank = () => this.take(/[ \t\r\n]*/y);
  expect(c: string) {
    this.blank();
    if (this.text[this.at] !== c) this.fail(`expected ${c}`);
    this.at++;
  }
  string(): string {
    this.blank();
    const found = this.take(/"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y);
    return found === null ? this.fail("expected a text in double quotes, with its end") : (JSON.parse(found) as string);
  }
  /** The members of an object, each by its own. */
  members(each: (name: string) => void) {
    const had = new Set<string>();
    this.expect("{");
    this.blank();
    if (this.text[this.at] === "}") {
      this.at++;
      return;
    }
    for (;;) {
      const name = this.string();
      if (had.has(name)) this.fail(`"${name}" is there twice`);
      had.add(name);
      this.expect(":");
      each(name);
      this.blank();
      if (this.text[this.at] !== ",") break;
      this.at++;
    }
    this.expect("}");
  }
  scalar(name: string): { value: string | null; bare: boolean } {
    this.blank();
    if (this.text[this.at] === '"') return { value: this.string(), bare: false };
    const word = this.take(/-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/y);
    if (word === null) this.fail(`"${name}" must be a text, a number, true, false or null`);
    return word === "null" ? { value: null, bare: true } : { value: word, bare: true };
  }
  /** Any value, as it is written. */
  raw(): string {
    this.blank();
    const from = this.at;
    const c = this.text[this.at];
    if (c === "{") this.members(() => void this.raw());
    else if (c === "[") {
      this.at++;
      this.blank();
      while (this.text[this.at] !== "]") {
        this.raw();
        this.blank();
        if (this.text[this.at] === ",") this.at++;
        else if (this.text[this.at] !== "]") this.fail("expected , or ]");
        this.blank();
      }
      this.at++;
    } else this.scalar("a value");
    return this.text.slice(from, this.at);
  }
}

function parseJson(text: string): Doc {
  const doc = empty();
  const json = new Json(text);
  let outer: string | null = null;
  const beside: [string, string][] = [];
  const take = (name: string) => {
    const from = json.at;
    json.blank();
    if (name === "config" && json.text[json.at] === "{") {
      doc.wrapped = beside;
      const inner = doc.entries.splice(0); // members that stood before it
      const named = doc.nameAt >= 0 ? doc.name : null;
      for (const e of inner) beside.push([e.name, e.value === null ? "null" : e.bare ? e.value : JSON.stringify(e.value)]);
      doc.name = null;
      doc.nameAt = -1;
      if (named !== null) outer = named;
      json.members((option) => put(doc, { name: option, ...json.scalar(option), above: [] }));
    } else if (doc.wrapped) {
      if (name === "name") outer = json.string();
      else beside.push([name, json.raw()]);
    } else {
      json.at = from;
      put(doc, { name, ...json.scalar(name), above: [] });
    }
  };
  json.members(take);
  json.blank();
  if (json.at < text.length) json.fail("expected the end");
  if (outer !== null) doc.name = outer;
  return doc;
}

function writeJson(doc: Doc): string {
  const pad = doc.wrapped ? "    " : "  ";
  const value = (e: Entry) => (e.value === null ? "null" : e.bare && BARE.test(e.value) ? e.value : JSON.stringify(e.value));
  const lines = doc.entries.map((e) => `${pad}${JSON.stringify(e.name)}: ${value(e)}`);
  if (doc.name !== null && (doc.nameAt >= 0 || !doc.wrapped)) lines.splice(Math.max(0, doc.nameAt), 0, `${pad}"name": ${JSON.stringify(doc.name)}`);
  if (!doc.wrapped) return `{\n${lines.join(",\n")}\n}\n`;
  const members = doc.wrapped.map(([name, raw]) => `  ${JSON.stringify(name)}: ${raw}`);
  if (doc.name !== null) members.unshift(`  "name": ${JSON.stringify(doc.name)}`);
  return `{\n${[...members, `  "config": {\n${lines.join(",\n")}\n  }`].join(",\n")}\n}\n`;
}

// ---- SQL

class Sql extends Scanner {
  said: string[] = [];
  /** Blanks and comments; these are noted. */
  blank() {
    for (;;) {
      const white = this.take(/\s+/y);
      if (white) {
        // The first end of a line belongs to what stands before it.
        for (let n = white.split("\n").length - 2; n > 0; n--) this.said.push("");
        continue;
      }
      const line = this.take(/--[^\n]*/y);
      if (line !== null) {
        this.said.push(line.slice(2).trimEnd() || " ");
        continue;
      }
      const block = this.take(/\/\*[\s\S]*?\*\//y);
      if (block === null) return;
      this.said.push(...block.slice(2, -2).split("\n").map((l) => l.trimEnd() || " "));
    }
  }
  heard(): string[] {
    return this.said.splice(0);
  }
  word(pattern: RegExp, what: string): string {
    this.blank();
    return this.take(pattern) ?? this.fail(`expected ${what}`);
  }
  quoted(): string | null {
    this.blank();
    const c = this.text[this.at];
    if (c !== "'" && c !== '"' && c !== "`") return null;
    const found = this.take(c === "'" ? /'(?:[^']|'')*'/y : c === '"' ? /"(?:[^"]|"")*"/y : /`(?:[^`]|``)*`/y);
    if (found === null) this.fail("a quote has no end");
    return found.slice(1, -1).replaceAll(c + c, c);
  }
}

function parseSql(text: string): Doc {
  const doc = empty();
  const sql = new Sql(text);
  sql.word(/create\b/iy, "CREATE SOURCE CONNECTOR name WITH (...)");
  const before = sql.heard();
  doc.kind = sql.word(/(source|sink)\b/iy, "SOURCE or SINK").toUpperCase() as "SOURCE" | "SINK";
  sql.word(/connector\b/iy, "CONNECTOR");
  sql.blank();
  doc.unless = sql.take(/if\s+not\s+exists\b/iy) !== null;
  doc.name = sql.quoted() ?? sql.word(/[A-Za-z_]\w*/y, "a name").toUpperCase();
  sql.word(/with\b/iy, "WITH");
  sql.word(/\(/y, "(");
  sql.heard();
  for (let first = true; ; first = false) {
    const name = sql.quoted() ?? sql.word(/[A-Za-z_][\w.$-]*/y, "an option in quotes");
    const above = [...(first ? before : []), ...sql.heard()];
    sql.word(/=/y, "=");
    const text = sql.quoted();
    const word = text ?? sql.word(/-?[\w.+]+/y, "a value");
    const bare = text === null;
    if (bare && !BARE.test(word.toLowerCase()) && !/^null$/i.test(word)) sql.fail(`expected a value in quotes, got ${word}`);
    put(doc, { name, value: bare && /^null$/i.test(word) ? null : bare && /^(true|false)$/i.test(word) ? word.toLowerCase() : word, bare, above });
    sql.blank();
    if (sql.take(/,/y) === null) break;
  }
  sql.word(/\)/y, ", or )");
  doc.below = sql.heard();
  sql.blank();
  sql.take(/;/y);
  sql.blank();
  if (sql.at < text.length) sql.fail("one statement is expected, CREATE SOURCE CONNECTOR or CREATE SINK CONNECTOR");
  return doc;
}

const single = (v: string) => `'${v.replaceAll("'", "''")}'`;

function writeSql(doc: Doc): string {
  const value = (e: Entry) => (e.value === null ? "NULL" : e.bare && BARE.test(e.value) ? e.value : single(e.value));
  const last = doc.entries.length - 1;
  const lines = doc.entries.map((e, i) => comments(e.above, "  --") + `  ${single(e.name)} = ${value(e)}${i < last ? "," : ""}\n`);
  const name = `"${(doc.name ?? "connector").replaceAll('"', '""')}"`;
  return `CREATE ${doc.kind} CONNECTOR ${doc.unless ? "IF NOT EXISTS " : ""}${name} WITH (\n${lines.join("")}${comments(doc.below, "  --")});\n`;
}

// ---- all of them

const parsers: Record<View, (text: string) => Doc> = { json: parseJson, properties: parseProperties, sql: parseSql };
const writers: Record<View, (doc: Doc) => string> = { json: writeJson, properties: writeProperties, sql: writeSql };

export const guess = (text: string): View =>
  text.trimStart().startsWith("{") ? "json" : /^\s*((--[^\n]*\n|\/\*[\s\S]*?\*\/)\s*)*create\s/i.test(text) ? "sql" : "properties";

/** What a text says, with what it cannot say as it was. */
function onto(was: Doc, now: Doc, view: View): Doc {
  const old = new Map(was.entries.map((e) => [e.name, e]));
  const entries = now.entries.map((e) => {
    const before = old.get(e.name);
    const same = before?.value === e.value;
    return { ...e, bare: view === "properties" && same ? before!.bare : e.bare, above: view === "json" ? (before?.above ?? []) : e.above };
  });
  // Properties have no null: its lines went to what stands behind it, and it goes back before that.
  if (view === "properties")
    was.entries.forEach((e, i) => {
      if (e.value !== null || entries.some((x) => x.name === e.name)) return;
      const behind = was.entries.slice(i + 1).find((x) => entries.some((y) => y.name === x.name));
      const at = behind ? entries.findIndex((x) => x.name === behind.name) : entries.length;
      const lines = behind ? entries[at]!.above : now.below;
      const own = e.above.every((l, n) => lines[n] === l) ? lines.splice(0, e.above.length) : [];
      entries.splice(at, 0, { ...e, above: own });
    });
  const outside = was.nameAt < 0 && was.name !== null;
  return {
    ...now,
    entries,
    below: view === "json" ? was.below : now.below,
    name: view === "sql" && was.name === null && now.name === "connector" ? null : now.name,
    nameAt: view === "sql" || (outside && view === "properties") ? was.nameAt : outside && view === "json" && !was.wrapped ? -1 : now.nameAt,
    kind: view === "sql" ? now.kind : was.kind,
    unless: view === "sql" ? now.unless : was.unless,
    wrapped: view === "json" ? now.wrapped : was.wrapped,
  };
}

/** A configuration, and the texts it came from. */
export class Pad {
  doc = empty();
  private texts = new Map<View, { text: string; of: string }>();
  /** Only SQL says whether it is a source. */
  private key = (view: View) => JSON.stringify(view === "sql" ? this.doc : { ...this.doc, kind: null });

  clone(): Pad {
    const other = new Pad();
    other.doc = this.doc;
    other.texts = new Map(this.texts);
    return other;
  }

  take(view: View, text: string) {
    this.doc = onto(this.doc, parsers[view](text), view);
    this.texts.set(view, { text, of: this.key(view) });
  }
  text(view: View): string {
    const kept = this.texts.get(view);
    return kept?.of === this.key(view) ? kept.text : writers[view](this.doc);
  }
  /** How many comments a view keeps and does not show. */
  hidden = (view: View) => (view === "json" ? [...this.doc.entries.flatMap((e) => e.above), ...this.doc.below].filter((l) => l.trim()).length : 0);
  nulls = (view: View) => (view === "properties" ? this.doc.entries.filter((e) => e.value === null).length : 0);
  config(): Record<string, string> {
    return Object.fromEntries(this.doc.entries.filter((e) => e.value !== null).map((e) => [e.name, e.value!]));
  }
  /** As a form leaves it: values that changed, new ones at the end, and what is gone. */
  set(name: string | null, kind: Doc["kind"], config: Record<string, string>) {
    const entries = this.doc.entries.filter((e) => e.value === null || Object.hasOwn(config, e.name)).map((e) => {
      const value = Object.hasOwn(config, e.name) ? config[e.name]! : e.value;
      return value === e.value ? e : { ...e, value, bare: e.bare && value !== null && BARE.test(value) };
    });
    for (const [option, value] of Object.entries(config))
      if (!entries.some((e) => e.name === option)) entries.push({ name: option, value, bare: false, above: [] });
    this.doc = { ...this.doc, name, kind, entries };
  }
}
