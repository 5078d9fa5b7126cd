// What a server retains of its log for a connector: a share of its limit, and when that is reached.
import type { Row } from "./feed";
import { about, bytes, exact, growth } from "./format";

/** What is left until the limit is reached at this growth in bytes a second; null: it is not foreseen. */
export function fullIn(retained: number, limit: number, perSecond: number | null): number | null {
  if (!(limit > 0) || !(retained >= 0) || perSecond === null || perSecond < 1024) return null;
  return (Math.max(0, limit - retained) / perSecond) * 1000;
}

export function toneOfRetained(row: Row): string {
  const share = row.retained_limit > 0 ? row.retained_bytes / row.retained_limit : 0;
  return share >= 0.9 ? "tone-bad" : share >= 0.75 ? "tone-warn" : "";
}

/** "no limit set", "limit 10 GiB, reached in about 3 h" */
export function sayLimit(retained: number, limit: number, perSecond: number | null): string {
  if (!(limit >= 0)) return "";
  if (limit === 0) return "no limit set";
  const left = fullIn(retained, limit, perSecond);
  return `limit ${bytes(limit)}${left === null ? "" : left === 0 ? ", reached" : `, reached in ${about(left)}`}`;
}

/** All of it in words; empty: the source does not tell. */
export function sayRetained(row: Row, perSecond: number | null): string {
  if (row.retained_bytes < 0) return "";
  return [
    `${exact(row.retained_bytes)} bytes kept by the server for it`,
    perSecond === null ? "" : growth(perSecond),
    sayLimit(row.retained_bytes, row.retained_limit, perSecond),
  ].filter(Boolean).join("; ");
}
