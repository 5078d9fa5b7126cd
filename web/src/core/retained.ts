// What a server retains of its log for a connector: a share of its limit, and when that is reached;
// and what of it is soon too old for the server to keep.
import type { Row } from "./feed";
import { about, bytes, exact, growth } from "./format";

/** What is left until the limit is reached at this growth in bytes a second; null: it is not foreseen. */
export function fullIn(retained: number, limit: number, perSecond: number | null): number | null {
  if (!(limit > 0) || !(retained >= 0) || perSecond === null || perSecond < 1024) return null;
  return (Math.max(0, limit - retained) / perSecond) * 1000;
}

const NEAR = 0.75;
const NEARER = 0.9;

/** How much of its time has passed; 0: not known, or it has no end. */
const shareOfAge = (row: Row) => (row.log_left_ms >= 0 && row.log_expires_ms > 0 ? 1 - row.log_left_ms / row.log_expires_ms : 0);

export function toneOfRetained(row: Row): string {
  const size = row.retained_limit > 0 ? row.retained_bytes / row.retained_limit : 0;
  const share = row.log_removed ? 1 : Math.max(size, shareOfAge(row));
  return share >= NEARER ? "tone-bad" : share >= NEAR ? "tone-warn" : "";
}

/** A sentence where what was not read is lost, or soon may be; else empty. */
export function sayLoss(row: Row): string {
  if (row.log_removed) return "The server has removed log that was not read.";
  if (shareOfAge(row) < NEAR) return "";
  return row.log_left_ms === 0
    ? "The server may remove log that was not read at any moment."
    : `The server may remove log that was not read in ${about(row.log_left_ms)}.`;
}

/** "limit 10 GiB, reached in about 3 h", "kept for about 29 d more, of 30 d", "no limit set" */
export function sayLimit(row: Row, retained: number, limit: number, perSecond: number | null): string {
  const left = fullIn(retained, limit, perSecond);
  return [
    limit > 0 ? `limit ${bytes(limit)}${left === null ? "" : left === 0 ? ", reached" : `, reached in ${about(left)}`}` : "",
    row.log_removed ? "a part was removed" : row.log_left_ms < 0 ? "" : row.log_left_ms === 0 ? "old enough to be removed" : `kept for ${about(row.log_left_ms)} more`,
  ].filter(Boolean).join("; ") || (limit === 0 ? "no limit set" : "");
}

/** All of it in words; empty: the source does not tell. */
export function sayRetained(row: Row, perSecond: number | null): string {
  const limit = sayLimit(row, row.retained_bytes, row.retained_limit, perSecond);
  if (row.retained_bytes < 0) return limit;
  return [`${exact(row.retained_bytes)} bytes kept by the server for it`, perSecond === null ? "" : growth(perSecond), limit].filter(Boolean).join("; ");
}
