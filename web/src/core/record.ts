// A record of a topic as a change: operation, key, columns before and after. Numbers stay as they were
// sent: integers that a double cannot hold are kept as text.

export interface Column {
  name: string;
  before: unknown;
  after: unknown;
  /** It was not sent. */
  changed: boolean;
}

export interface Change {
  op: string;
  word: string;
  table: string;
  key: string;
  /** "status, total", "new row" ... */
  what: string;
  columns: Column[];
  source: Record<string, unknown>;
  /** Commit time, ms since 1970. */
  at: number | null;
  record: Record<string, unknown>;
}

const WORDS: Record<string, string> = { c: "insert", u: "update", d: "delete", r: "read", t: "truncate", m: "message" };

/** JSON with long integers as texts: nothing passes through a double. mark: stands before them. */
export function parseExact(raw: string, mark = ""): unknown {
  let inText = false;
  let out = "";
  for (let i = 0; i < raw.length; i++) {
    const c = raw[i]!;
    if (inText) {
      out += c;
      if (c === "\\") out += raw[++i] ?? "";
      else if (c === '"') inText = false;
    } else if (c === '"') {
      inText = true;
      out += c;
    } else if ((c >= "0" && c <= "9") || c === "-") {
      let end = i + 1;
      while (end < raw.length && /[0-9.eE+-]/.test(raw[end]!)) end++;
      const text = raw.slice(i, end);
      out += /^-?\d+$/.test(text) && !Number.isSafeInteger(Number(text)) ? `"${mark}${text}"` : text;
      i = end - 1;
    } else out += c;
  }
  return JSON.parse(out);
}

/** A member of an object, to be shown or edited, with its numbers as they were written. */
export function prettyExact(raw: string, member: string): string {
  const marked = parseExact(raw, "\\u0000") as Record<string, unknown>;
  return JSON.stringify(marked[member], null, 2).replace(/"\\u0000(-?\d+)"/g, "$1");
}

/** What Debezium writes for a column that the log did not carry, such as unchanged TOAST. */
export const NOT_SENT = "__debezium_unavailable_value";

/** JSON that a person wrote. */
export function readJson(text: string): unknown {
  try {
    return parseExact(text);
  } catch (e) {
    throw new Error(`This is no JSON: ${(e as Error).message}`);
  }
}

const isObject = (v: unknown): v is Record<string, unknown> => typeof v === "object" && v !== null && !Array.isArray(v);

export function short(v: unknown): string {
  if (v === undefined) return "";
  if (v === null) return "null";
  if (v === "") return "“”";
  return typeof v === "string" ? v : JSON.stringify(v);
}

function keyOf(key: unknown): string {
  if (!isObject(key)) return short(key ?? "");
  const inner = isObject(key.payload) ? key.payload : key;
  return Object.entries(inner).map(([k, v]) => `${k}: ${short(v)}`).join(", ");
}

interface Schema {
  type?: unknown;
  field?: string;
  name?: string;
  optional?: boolean;
  parameters?: Record<string, string>;
  fields?: Schema[];
}

export interface ColumnType {
  /** "int32, not null", "Date", "Decimal(2)": a semantic type by the end of its name. */
  said: string;
  name: string;
  scale: number;
}

function typeOf(s: Schema): ColumnType {
  const word = s.name ? s.name.split(".").pop()! : String(s.type);
  const scale = s.parameters?.scale;
  return { said: `${word}${scale === undefined ? "" : `(${scale})`}${s.optional ? "" : ", not null"}`, name: s.name ?? "", scale: Number(scale ?? 0) };
}

/** The number of which these are the bytes, as Connect's Decimal has them: two's complement, in Base64. */
function decimalOf(base64: string, scale: number): string {
  const hex = [...atob(base64)].map((c) => c.charCodeAt(0).toString(16).padStart(2, "0")).join("");
  const unscaled = BigInt.asIntN(hex.length * 4, BigInt(`0x${hex || "0"}`));
  const digits = String(unscaled < 0n ? -unscaled : unscaled).padStart(scale + 1, "0");
  const text = scale > 0 ? `${digits.slice(0, -scale)}.${digits.slice(-scale)}` : digits + "0".repeat(-scale);
  return unscaled < 0n ? `-${text}` : text;
}

type Read = (n: bigint) => string;

/** Days since 1970. */
const date: Read = (n) => new Date(Number(n) * 86_400_000).toISOString().split("T")[0]!;

/** Since 1970, in units of which a second has 10^digits. */
const timestamp = (digits: number): Read => (n) => {
  const second = 10n ** BigInt(digits);
  const rest = ((n % second) + second) % second;
  return `${new Date(Number((n - rest) / second) * 1000).toISOString().slice(0, -5)}.${String(rest).padStart(digits, "0")}`;
};

/** Since midnight; MySQL's may be negative, or longer than a day. */
const timeOfDay = (digits: number): Read => (n) => {
  const second = 10n ** BigInt(digits);
  const of = n < 0n ? -n : n;
  const s = of / second;
  const two = (part: bigint) => String(part).padStart(2, "0");
  return `${n < 0n ? "-" : ""}${two(s / 3600n)}:${two((s / 60n) % 60n)}:${two(s % 60n)}.${String(of % second).padStart(digits, "0")}`;
};

const TIMES: Record<string, Read> = {
  "io.debezium.time.Date": date,
  "org.apache.kafka.connect.data.Date": date,
  "io.debezium.time.Timestamp": timestamp(3),
  "org.apache.kafka.connect.data.Timestamp": timestamp(3),
  "io.debezium.time.MicroTimestamp": timestamp(6),
  "io.debezium.time.NanoTimestamp": timestamp(9),
  "io.debezium.time.Time": timeOfDay(3),
  "org.apache.kafka.connect.data.Time": timeOfDay(3),
  "io.debezium.time.MicroTime": timeOfDay(6),
  "io.debezium.time.NanoTime": timeOfDay(9),
};

/** What a value that stands for a number or a time is; null: it is what it says. */
export function meant(v: unknown, type: ColumnType | undefined): string | null {
  if (!type || v === null || v === undefined) return null;
  try {
    if (type.name === "org.apache.kafka.connect.data.Decimal" && typeof v === "string") return decimalOf(v, type.scale);
    if (type.name === "io.debezium.data.VariableScaleDecimal" && isObject(v)) return decimalOf(String(v.value), Number(v.scale));
    return TIMES[type.name]?.(BigInt(v as number | string)) ?? null;
  } catch {
    return null; // not of that form, or a time out of range
  }
}

/** The type of each column, of a record that came with its schema. */
export function typesOf(raw: string): Record<string, ColumnType> {
  const value = (JSON.parse(raw) as { value?: { schema?: Schema } | null }).value;
  const fields = value?.schema?.fields ?? [];
  const row = fields.find((f) => f.field === "after" || f.field === "before");
  return Object.fromEntries((row?.fields ?? fields).map((f) => [f.field ?? "", typeOf(f)]));
}

export function changeOf(raw: string): Change {
  const record = parseExact(raw) as Record<string, unknown>;
  let value = record.value;
  if (isObject(value) && isObject(value.payload) && "schema" in value) value = value.payload;
  const source = isObject(value) && isObject(value.source) ? value.source : {};
  const key = keyOf(record.key);
  const base = { key, source, record, table: [source.schema, source.table].filter(Boolean).join(".") };
  const stamp = Number(source.ts_ms ?? record.timestamp);
  const at = Number.isFinite(stamp) && stamp > 0 ? stamp : null;
  if (value === null || value === undefined) return { ...base, at, op: "∅", word: "tombstone", what: "deleted (tombstone)", columns: [] };
  if (!isObject(value) || typeof value.op !== "string") {
    const columns = isObject(value) ? Object.entries(value).map(([name, after]) => ({ name, before: undefined, after, changed: false })) : [];
    // A row may have a column of that name.
    const ddl = isObject(value) && isObject(value.source) && Array.isArray(value.tableChanges) && typeof value.ddl === "string" ? value.ddl : null;
    return { ...base, at, op: "·", word: ddl === null ? "record" : "schema change", what: ddl ?? columns.slice(0, 4).map((c) => c.name).join(", "), columns };
  }
  const before = isObject(value.before) ? value.before : null;
  const after = isObject(value.after) ? value.after : null;
  const names = [...new Set([...Object.keys(before ?? {}), ...Object.keys(after ?? {})])];
  const columns = names.map((name) => {
    const b = before ? before[name] : undefined;
    const a = after ? after[name] : undefined;
    return { name, before: b, after: a, changed: value.op === "u" && before !== null && a !== NOT_SENT && JSON.stringify(b) !== JSON.stringify(a) };
  });
  columns.sort((x, y) => Number(y.changed) - Number(x.changed));
  const op = value.op;
  const changed = columns.filter((c) => c.changed).map((c) => c.name);
  const what = op === "u" ? (before === null ? "updated" : changed.join(", ") || "nothing changed") : op === "c" ? "new row" : op === "r" ? "row read" : op === "d" ? "deleted" : (WORDS[op] ?? op);
  return { ...base, at, op, word: WORDS[op] ?? op, what, columns };
}
