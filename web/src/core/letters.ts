// Dead letters: what connectors could not handle, by connector and error.
import { ask, get, path, request } from "./api";
import { parseExact } from "./record";

export interface Letter {
  connector: string;
  id: number;
  stored: string;
  /** Commit time at the source, µs since 1970; 0: unknown. */
  ts_us: number;
  code: string;
  reason: string;
  where: string;
  table: string | null;
  topic: string | null;
  position: string;
  size: number;
  bytes_hex?: string;
  /** "waits": one before it, of the same key, has to end first. */
  state?: "failed" | "waits" | "superseded";
  /** It can be written again: a sink's. */
  retriable?: boolean;
  tries?: number;
  tried?: string | null;
  /** What its row is to have otherwise, by column. */
  edit?: Row | null;
  op?: string;
  before?: Row | null;
  after?: Row | null;
}
export type Row = Record<string, unknown>;

/** Which letters an action is about. */
export type Choice = { ids: number[] } | { all: true; code?: string; table?: string; topic?: string };
export interface Tried {
  retried: number;
  failed: number;
  letters: { id: number; ok: boolean; code: string | null; reason: string | null }[];
}

const actions = (connector: string, ...more: string[]) => path("hub", "v1", "connectors", connector, "dead-letters", ...more);
export const retry = (connector: string, choice: Choice) => ask<Tried>("POST", actions(connector, "retry"), choice as Row);
export const drop = (connector: string, choice: Choice) => ask<{ dropped: number }>("POST", actions(connector, "drop"), choice as Row);
/** after: the columns that are to be otherwise; null takes an edit back. */
export const edit = (connector: string, id: number, after: Row | null) => ask<Letter>("PATCH", actions(connector, String(id)), { after });

const PAGE = 200;

/** Those behind an id, oldest first; more: there are others behind them. */
export async function lettersOf(connector: string, after: number, signal?: AbortSignal) {
  const list = await get<Letter[]>(`${path("hub", "v1", "connectors", connector, "dead-letters")}?after=${after}&max=${PAGE}`, { signal });
  return { list: list.map((l) => ({ ...l, connector })), more: list.length === PAGE };
}

/** Numbers that a double cannot hold are texts. */
export async function letterOf(connector: string, id: number, signal?: AbortSignal): Promise<Letter> {
  const answer = await request("GET", actions(connector, String(id)), undefined, { signal });
  return { ...(parseExact(await answer.text()) as Letter), connector };
}

/** The record in its topic that a letter of a sink is about; null: none, or it is gone. */
export async function eventOf(l: Letter, signal?: AbortSignal): Promise<string | null> {
  let at: { topic?: unknown; offset?: unknown };
  try {
    at = JSON.parse(l.position) as { topic?: unknown; offset?: unknown };
  } catch {
    return null;
  }
  if (typeof at.topic !== "string" || typeof at.offset !== "number") return null;
  const answer = await request("GET", `${path("hub", "v1", "topics", at.topic, "events")}?from=${at.offset}&max=1`, undefined, { signal });
  const text = await answer.text();
  // As it was sent: numbers that a double cannot hold stay.
  const found = parseExact(text) as { events: { offset: number }[] };
  return found.events[0]?.offset === at.offset ? JSON.stringify(found.events[0]) : null;
}

export interface Group {
  connector: string;
  code: string;
  letters: Letter[];
  last: number;
}

/** By connector and code, the newest first. */
export function groupsOf(letters: Letter[]): Group[] {
  const groups = new Map<string, Group>();
  for (const l of letters) {
    const key = `${l.connector}\n${l.code}`;
    let g = groups.get(key);
    if (!g) groups.set(key, (g = { connector: l.connector, code: l.code, letters: [], last: 0 }));
    g.letters.push(l);
    g.last = Math.max(g.last, Date.parse(l.stored));
  }
  return [...groups.values()].sort((a, b) => b.last - a.last);
}

/** The bytes as a text, when they are one; JSON is laid out. */
export function textOf(hex: string): { text: string; binary: boolean } {
  const bytes = new Uint8Array(hex.length / 2);
  for (let i = 0; i < bytes.length; i++) bytes[i] = parseInt(hex.slice(i * 2, i * 2 + 2), 16);
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return { text: dump(bytes), binary: true };
  }
  if (/[\u0000-\u0008\u000e-\u001f]/.test(text)) return { text: dump(bytes), binary: true };
  try {
    return { text: JSON.stringify(JSON.parse(text), null, 2), binary: false };
  } catch {
    return { text, binary: false };
  }
}

const DUMPED = 4096;

/** Sixteen bytes a line, in hex and as ASCII. */
function dump(bytes: Uint8Array): string {
  const lines: string[] = [];
  for (let at = 0; at < Math.min(bytes.length, DUMPED); at += 16) {
    const row = [...bytes.slice(at, at + 16)];
    const hex = row.map((b) => b.toString(16).padStart(2, "0")).join(" ").padEnd(47);
    const ascii = row.map((b) => (b >= 32 && b < 127 ? String.fromCharCode(b) : ".")).join("");
    lines.push(`${at.toString(16).padStart(6, "0")}  ${hex}  ${ascii}`);
  }
  if (bytes.length > DUMPED) lines.push(`… ${bytes.length - DUMPED} bytes more`);
  return lines.join("\n");
}
