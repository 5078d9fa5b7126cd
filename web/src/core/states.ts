// Words of state: which one is shown, its colour, its order from worst to best, and the sentence that
// says why.
import type { Row } from "./feed";
import { about, bytes, duration } from "./format";
import { sayLoss } from "./retained";

export type Tone = "ok" | "info" | "warn" | "bad" | "accent" | "muted";

export const STATES = [
  "FAILED",
  "STALLED",
  "RESTARTING",
  "UNASSIGNED",
  "SPOOLING",
  "THROTTLED",
  "SNAPSHOTTING",
  "RUNNING",
  "PAUSED",
  "STOPPED",
] as const;
export type State = (typeof STATES)[number];

const tones: Record<string, Tone> = {
  FAILED: "bad",
  STALLED: "bad",
  RESTARTING: "accent",
  UNASSIGNED: "muted",
  SPOOLING: "warn",
  THROTTLED: "warn",
  SNAPSHOTTING: "info",
  RUNNING: "ok",
  PAUSED: "muted",
  STOPPED: "muted",
};

export const toneOf = (word: string): Tone => tones[word] ?? "muted";
export const rankOf = (word: string): number => {
  const at = STATES.indexOf(word as State);
  return at < 0 ? STATES.length : at;
};

/** It has a process that does something: its numbers are of now. */
export const isAlive = (row: Row) => row.pid > 0 && row.condition !== "PAUSED";

/** "code: where: what happened", as the hub traces it. */
export function traceOf(trace: string | null): { code: string; said: string } | null {
  if (!trace) return null;
  const found = /^([a-z_0-9]+\.[a-z_0-9.]+): ([\s\S]*)$/.exec(trace);
  if (!found) return { code: "", said: trace };
  return { code: found[1]!, said: found[2]!.replace(/^: /, "") };
}

const STAGES: Record<string, string> = {
  source: "the source",
  appender: "the stream's appender",
  disk: "the disk",
  kafka: "Kafka",
  dead_letters: "the dead letters",
  stream: "the stream",
  target: "the target",
  process: "its process",
};

/** One sentence: why it is in this state; and one more where the server's log does not wait for it. */
export function whyOf(row: Row): string {
  return [reasonOf(row), sayLoss(row)].filter(Boolean).join(" ");
}

function reasonOf(row: Row): string {
  const trace = traceOf(row.trace);
  switch (row.condition) {
    case "FAILED":
    case "RESTARTING":
      return trace?.said ?? (row.condition === "FAILED" ? "It gave up." : "It is started again.");
    case "STALLED":
      return `Stuck at ${STAGES[row.stage ?? ""] ?? "an unknown stage"}${trace ? `: ${trace.said}` : "."}`;
    case "SPOOLING":
      return `${bytes(row.spool_bytes)} spooled: ${trace?.said ?? "Kafka has not taken them yet."}`;
    case "THROTTLED":
      return "A limit of its configuration holds it.";
    case "SNAPSHOTTING":
      return snapshotOf(row);
    case "PAUSED":
      return row.retained_bytes > 0
        ? `Paused. The server keeps ${bytes(row.retained_bytes)} of its log for it.`
        : "Paused; it keeps its place.";
    case "STOPPED":
      return "Stopped: it has no process.";
    case "UNASSIGNED":
      return "Just starting.";
    default:
      return running(row);
  }
}

function running(row: Row): string {
  if (row.tasks > 1 && row.trace) return traceOf(row.trace)!.said;
  if (row.type === "sink") return row.rate > 0 ? "Delivering." : row.events > 0 ? "All delivered." : "Nothing came yet.";
  if (row.behind_ms < 0) return row.events > 0 ? "Waiting for changes." : "Nothing came yet.";
  if (row.since_ms > 60_000) return `Caught up; the last event came ${duration(row.since_ms)} ago.`;
  if (row.behind_ms < 5000) return `Caught up, ${duration(row.behind_ms)} behind.`;
  return `${duration(row.behind_ms)} behind, catching up.`;
}

export function snapshotOf(row: Row): string {
  const s = row.snapshot;
  if (!s || s.tables <= 0) return "Reading tables.";
  const parts = [`${s.tables_done} of ${s.tables} tables`];
  if (s.rows_total > 0) parts.push(`${Math.min(100, Math.floor((s.rows / s.rows_total) * 100))} %`);
  if (s.left_ms > 0) parts.push(`${about(s.left_ms)} left`);
  return parts.join(", ") + ".";
}
