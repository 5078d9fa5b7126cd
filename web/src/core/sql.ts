// Statements of SQL: cut at their semicolons, sent to POST /ksql, and their answers as tables.
import { signal } from "@preact/signals";
import { exact } from "./format";
import { root } from "./place";
import { parseExact } from "./record";

export interface Statement {
  text: string;
  /** Where it begins and ends in the whole. */
  from: number;
  to: number;
}

/** Statements between semicolons that stand in no quotes and no comment. */
export function statementsOf(text: string): Statement[] {
  const out: Statement[] = [];
  let from = 0;
  let at = 0;
  const skip = (end: string) => {
    const found = text.indexOf(end, at + 1);
    at = found < 0 ? text.length : found + end.length - 1;
  };
  const put = (to: number) => {
    const one = text.slice(from, to);
    if (/[^\s;]/.test(one.replace(/--[^\n]*|\/\*[\s\S]*?\*\//g, ""))) out.push({ text: one.trim(), from, to });
    from = to;
  };
  for (; at < text.length; at++) {
    const c = text[at]!;
    if (c === "'" || c === '"' || c === "`") skip(c);
    else if (c === "-" && text[at + 1] === "-") skip("\n");
    else if (c === "/" && text[at + 1] === "*") skip("*/");
    else if (c === ";") put(at + 1);
  }
  put(text.length);
  return out;
}

/** The one at a place; behind the last one: the last. */
export const statementAt = (all: Statement[], at: number) => all.find((s) => at <= s.to) ?? all[all.length - 1];

/** Without the comments before it. */
const bare = (text: string) => text.replace(/^(\s|--[^\n]*\n|\/\*[\s\S]*?\*\/)+/, "");

/** It takes something away, or brings something to a halt. */
export const isGrave = (text: string) => /^(drop|reset|stop|alter\s+offsets)\b/i.test(bare(text));

/** It may hold a secret: it is not kept. */
const setsValues = (text: string) => /\bwith\s*\(|\b(set|define)\b/i.test(text);

export interface Result {
  id: number;
  statement: string;
  title: string;
  columns: string[];
  rows: unknown[][];
  warnings: string[];
  /** What there is beside a table. */
  note: string;
  error: { message: string; code: string } | null;
  /** The topic that PRINT asked for, which its own page follows. */
  printed?: { topic: string; beginning: boolean };
  at: number;
  ms: number;
}

type Entity = Record<string, unknown> & { "@type": string };

const isObject = (v: unknown): v is Record<string, unknown> => typeof v === "object" && v !== null && !Array.isArray(v);

const words = (type: string) => type.replace(/_/g, " ").replace(/^./, (c) => c.toUpperCase());

/** A list of objects has the columns of them all; of scalars, one. */
export function tableOf(list: unknown[], name: string): { columns: string[]; rows: unknown[][] } {
  if (!list.every(isObject)) return { columns: [name], rows: list.map((v) => [v]) };
  const columns = [...new Set(list.flatMap((r) => Object.keys(r)))].filter((c) => list.some((r) => r[c] !== null && r[c] !== undefined));
  return { columns, rows: list.map((r) => columns.map((c) => r[c] ?? null)) };
}

let count = 0;

export function resultOf(e: Entity, ms: number): Result {
  const { "@type": type, statementText, warnings, ...rest } = e;
  const base = {
    id: ++count,
    statement: String(statementText ?? ""),
    title: words(type),
    warnings: ((warnings ?? []) as { message: string }[]).map((w) => w.message),
    error: null,
    at: Date.now(),
    ms,
  };
  const lists = Object.entries(rest).filter(([, v]) => Array.isArray(v) && v.length > 0);
  const empty = Object.entries(rest).find(([, v]) => Array.isArray(v));
  const others = Object.entries(rest).filter(([, v]) => !Array.isArray(v));
  const flat = (o: [string, unknown][]): [string, unknown][] =>
    o.flatMap(([k, v]) => (isObject(v) ? flat(Object.entries(v).filter(([, x]) => x !== null).map(([kk, x]) => [`${k}.${kk}`, x])) : [[k, v]]));
  const note = type === "warning_entity" ? String(rest.message ?? "") : "";
  if (lists.length === 1 && others.length <= 3) {
    const [name, list] = lists[0]!;
    return { ...base, ...tableOf(list as unknown[], name), note: flat(others).map(([k, v]) => `${k}: ${cell(v)}`).join(" · ") };
  }
  if (lists.length === 0 && empty && others.length === 0) return { ...base, columns: [empty[0]], rows: [], note };
  if (note) return { ...base, columns: [], rows: [], note };
  return { ...base, columns: ["name", "value"], rows: [...flat(others), ...flat(lists)].map(([k, v]) => [k, v]), note };
}

const failure = (statement: string, message: string, code: string, ms: number): Result => ({
  id: ++count, statement, title: "Error", columns: [], rows: [], warnings: [], note: "", error: { message, code }, at: Date.now(), ms,
});

const isSelect = (text: string) => /^(select|with)\b/i.test(bare(text));

const isPrint = (text: string) => /^print\b/i.test(bare(text));

function print(text: string): Result {
  const found = /^print\s+(?:"([^"]+)"|'([^']+)'|`([^`]+)`|([^\s;]+))(\s+from\s+beginning)?/i.exec(bare(text));
  const topic = found?.slice(1, 5).find(Boolean);
  if (!topic) return failure(text, "PRINT needs the name of a topic: SHOW TOPICS lists them.", "", 0);
  return { id: ++count, statement: text, title: "Print", columns: [], rows: [], warnings: [], note: "", error: null, printed: { topic, beginning: !!found![5] }, at: Date.now(), ms: 0 };
}

/** What the hub says to a body; without an answer: a result that tells it. */
async function send(where: string, body: object, text: string, ms: () => number, signal?: AbortSignal): Promise<{ status: number; text: string } | Result> {
  try {
    const answer = await fetch(new URL(where, root), {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
      signal,
    });
    return { status: answer.status, text: await answer.text() };
  } catch (e) {
    if ((e as Error).name === "AbortError") return failure(text, "Stopped. What the hub had begun goes on.", "", ms());
    return failure(text, "The hub does not answer.", "", ms());
  }
}

/** What somebody else answered in the hub's place is no JSON, or says nothing. */
function bodyOf(text: string): object {
  try {
    const body = parseExact(text);
    return isObject(body) || (Array.isArray(body) && body.every(isObject)) ? body : {};
  } catch {
    return {};
  }
}

interface Selected {
  columns: string[];
  rows: unknown[][];
  more: boolean;
  events: number;
  ms: number;
  message?: string;
  error_code?: number;
}

async function select(text: string, ms: () => number, signal?: AbortSignal): Promise<Result> {
  const answer = await send("hub/v1/query", { sql: text.replace(/;\s*$/, "") }, text, ms, signal);
  if ("id" in answer) return answer;
  const body = bodyOf(answer.text) as Selected;
  if (!body.columns || !body.rows) return failure(text, body.message ?? `HTTP ${answer.status}`, String(body.error_code ?? answer.status), ms());
  const note = `${exact(body.events)} events read.${body.more ? ` Stopped at ${exact(body.rows.length)} rows: there are more. Narrow it, or LIMIT it.` : ""}`;
  return { id: ++count, statement: text, title: "Select", columns: body.columns, rows: body.rows, warnings: [], note, error: null, at: Date.now(), ms: body.ms };
}

/** Of statements that are looked at together; what fails is a result, too. */
async function command(text: string, ms: () => number, signal?: AbortSignal): Promise<Result[]> {
  const answer = await send("ksql", { ksql: /;\s*$/.test(text) ? text : `${text};` }, text, ms, signal);
  if ("id" in answer) return [answer];
  const body = bodyOf(answer.text) as Entity[] | { message?: string; error_code?: number };
  if (Array.isArray(body)) return body.map((e) => resultOf(e, ms()));
  return [failure(text, body.message ?? `HTTP ${answer.status}`, String(body.error_code ?? answer.status), ms())];
}

/** Carries out statements in their order, until one fails: each SELECT and PRINT by itself, those between together. */
export async function run(text: string, signal?: AbortSignal): Promise<Result[]> {
  const parts: { kind: "select" | "print" | "command"; text: string }[] = [];
  for (const s of statementsOf(text)) {
    const last = parts[parts.length - 1];
    const kind = isSelect(s.text) ? "select" : isPrint(s.text) ? "print" : "command";
    if (kind === "command" && last?.kind === kind) last.text += `\n${s.text}`;
    else parts.push({ kind, text: s.text });
  }
  const out: Result[] = [];
  for (const part of parts) {
    const begun = performance.now();
    const ms = () => Math.round(performance.now() - begun);
    if (part.kind === "print") out.push(print(part.text));
    else out.push(...(part.kind === "select" ? [await select(part.text, ms, signal)] : await command(part.text, ms, signal)));
    if (out[out.length - 1]?.error) break;
  }
  return out;
}

// ---- history, in this browser

const KEY = "leat.sql";
const KEPT = 200;

function load(): string[] {
  try {
    const list = JSON.parse(localStorage.getItem(KEY) ?? "[]") as unknown;
    return Array.isArray(list) ? list.filter((t): t is string => typeof t === "string") : [];
  } catch {
    return [];
  }
}

/** Newest first. What sets values is not kept: it may hold secrets. */
export const past = signal<string[]>(load());

function store(list: string[]) {
  past.value = list;
  try {
    localStorage.setItem(KEY, JSON.stringify(list));
  } catch {
    /* a browser that keeps nothing */
  }
}

export function remember(text: string) {
  if (!setsValues(text)) store([text, ...past.value.filter((t) => t !== text)].slice(0, KEPT));
}
export const forgetPast = () => store([]);

// ---- a table as a file

export const cell = (v: unknown): string => (v === null || v === undefined ? "" : typeof v === "string" ? v : JSON.stringify(v));

export const quoted = (text: string) => (/[",\r\n]/.test(text) ? `"${text.replace(/"/g, '""')}"` : text);

/** As RFC 4180 has it. */
export const csvOf = (r: Result) => [r.columns, ...r.rows].map((row) => row.map((v) => quoted(cell(v))).join(",")).join("\r\n") + "\r\n";

export const jsonOf = (r: Result) => JSON.stringify(r.rows.map((row) => Object.fromEntries(r.columns.map((c, i) => [c, row[i]]))), null, 2) + "\n";

export const markdownOf = (r: Result) => {
  const line = (row: unknown[]) => `| ${row.map((v) => cell(v).replace(/\|/g, "\\|").replace(/\n/g, " ")).join(" | ")} |`;
  return [line(r.columns), line(r.columns.map(() => "---")), ...r.rows.map(line)].join("\n") + "\n";
};
