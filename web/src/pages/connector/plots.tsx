// Plots: throughput, lag, what is to be read and what is retained, up to a day back. The past comes
// from the hub's history, a point a minute; the present from the stream that this tab follows.
import { useEffect, useMemo, useState } from "preact/hooks";
import { get, path } from "../../core/api";
import { bytes, count, duration, time } from "../../core/format";
import type { Row } from "../../core/feed";
import { heardAt, pointsOf, rowOf } from "../../core/live";
import { fullIn, sayLimit } from "../../core/retained";
import { query, setQuery } from "../../core/place";
import { Failure, useEvery, useLoad } from "../../parts/bits";
import { BYTE_STEPS, Plot, type Series } from "../../parts/plot";
import type { TabProps } from "./index";

interface History {
  every_seconds: number;
  columns: string[];
  points: number[][];
}

const RANGES: [string, string, number][] = [
  ["15m", "15 min", 900],
  ["1h", "1 h", 3600],
  ["6h", "6 h", 21_600],
  ["24h", "24 h", 86_400],
];

interface Lines {
  times: number[];
  rate: number[];
  behind: number[];
  lag: number[];
  resident: number[];
  retained: number[];
  limit: number[];
}

const none = (): Lines => ({ times: [], rate: [], behind: [], lag: [], resident: [], retained: [], limit: [] });

/** A gap where nothing was noted for longer than three steps, and a rate between two counters. */
function pastOf(h: History): Lines {
  const at = (name: string) => h.columns.indexOf(name);
  const [ev, be, la, re, kept, limit] = [at("events"), at("behind_ms"), at("lag_bytes"), at("resident_bytes"), at("retained_bytes"), at("retained_limit")];
  const out = none();
  const most = Math.max(h.every_seconds, 1) * 3;
  const some = (n: number) => (n < 0 ? NaN : n);
  let before: number[] | null = null;
  for (const p of h.points) {
    const s = before ? p[0]! - before[0]! : 0;
    if (before && s > most) {
      out.times.push(before[0]! + 1);
      for (const list of [out.rate, out.behind, out.lag, out.resident, out.retained, out.limit]) list.push(NaN);
    }
    const runs = p[re]! > 0;
    out.times.push(p[0]!);
    out.rate.push(before && s <= most && runs && p[ev]! >= before[ev]! ? (p[ev]! - before[ev]!) / s : NaN);
    out.behind.push(runs ? some(p[be]!) : NaN);
    out.lag.push(runs ? some(p[la]!) : NaN);
    out.resident.push(runs ? p[re]! : NaN);
    out.retained.push(some(p[kept]!));
    out.limit.push(some(p[limit]!));
    before = p;
  }
  return out;
}

const TREND_S = 600;
const TREND_LEAST_S = 60;

/** Bytes a second by which it grew in the last ten minutes; null: too little is known. */
function growthIn(times: number[], values: number[]): number | null {
  const known = times.map((_, i) => i).filter((i) => !Number.isNaN(values[i]!));
  const last = known[known.length - 1];
  const first = last === undefined ? undefined : known.find((i) => times[i]! >= times[last]! - TREND_S);
  if (last === undefined || first === undefined || times[last]! - times[first]! < TREND_LEAST_S) return null;
  return (values[last]! - values[first]!) / (times[last]! - times[first]!);
}

/** What the server retains, its limit, and where both lead: a quarter of the time ahead, or to the limit. */
function Retained({ row, lines, from, until, label, empty }: { row: Row; lines: Lines; from: number; until: number; label: string; empty: string }) {
  const by = growthIn(lines.times, lines.retained);
  const last = lines.retained.reduce((found, v, i) => (Number.isNaN(v) ? found : i), -1);
  const [now, limit] = last < 0 ? [NaN, NaN] : [lines.retained[last]!, lines.limit[last]!];
  const left = fullIn(now, limit, by);
  const ahead = left === null ? 0 : Math.min((until - from) / 4, left / 1000);
  const begun = last < 0 ? 0 : lines.times[last]!;
  const times = left === null ? lines.times : [...lines.times.filter((t) => t <= begun + ahead), begun + ahead];
  const series: Series[] = [{ label: "kept by the server", color: "--plot-4", values: times.map((_, i) => lines.retained[i] ?? NaN) }];
  if (limit > 0) series.push({ label: "limit", color: "--bad", dash: [6, 4], values: times.map((_, i) => (i < lines.limit.length ? lines.limit[i] || NaN : limit)) });
  if (left !== null) series.push({ label: "forecast", color: "--plot-4", dash: [2, 4], values: times.map((t) => (t < begun ? NaN : now + by! * (t - begun))) });
  const said = sayLimit(row, now, limit, by);
  return (
    <Plot
      times={times}
      from={from}
      until={until + ahead}
      empty={empty}
      title={`Retained${said && ` (${said})`}, last ${label}`}
      least={1024}
      steps={BYTE_STEPS}
      as={(n) => bytes(n)}
      series={series}
    />
  );
}

export function PlotsTab({ name }: TabProps) {
  const chosen = RANGES.find(([id]) => id === query.value.get("range")) ?? RANGES[1]!;
  const [, label, seconds] = chosen;
  const step = Math.max(1, Math.floor(seconds / 720));
  const { value, error, again } = useLoad<History>(
    (signal) => get(`${path("hub", "v1", "connectors", name, "history")}?seconds=${seconds}&step=${step}`, { signal }),
    [name, seconds],
  );
  useEvery(30_000, again);
  const [turn, setTurn] = useState(0);
  useEffect(() => setTurn((n) => n + 1), [heardAt.value]);
  const until = heardAt.value / 1000;
  const row = rowOf(name)?.value;
  const source = row?.type === "source";

  const lines = useMemo(() => {
    const past = value ? pastOf(value) : none();
    const last = past.times.length ? past.times[past.times.length - 1]! : 0;
    for (const p of pointsOf(name)) {
      if (p.at <= last) continue;
      past.times.push(p.at);
      past.rate.push(p.rate);
      past.behind.push(p.behind);
      past.lag.push(p.lag);
      past.resident.push(NaN);
      past.retained.push(p.retained);
      past.limit.push(p.limit);
    }
    return past;
  }, [value, turn, name]);

  if (error) return <Failure error={error} again={again} what="The history could not be read." />;
  const since = lines.times[0];
  const empty = value && value.every_seconds === 0 ? "This hub keeps no history (--history 0)." : since ? `Recording since ${time(since * 1000)}.` : "Recording begins now.";
  const common = { times: lines.times, from: until - seconds, until, empty };
  return (
    <>
      <div class="toolbar">
        <div class="segments" role="group" aria-label="How far back">
          {RANGES.map(([id, text]) => (
            <button key={id} type="button" aria-pressed={id === chosen[0]} onClick={() => setQuery({ range: id === "1h" ? null : id })}>
              {text}
            </button>
          ))}
        </div>
        <span class="muted small">Drag to zoom, double-click to go back. A stop is a gap, not zero.</span>
      </div>
      <div class="plots">
        <Plot {...common} least={10} title={`Throughput, last ${label}`} as={(n) => (n == null || Number.isNaN(n) ? "–" : `${count(Math.round(n))}/s`)} series={[{ label: "events", color: "--plot-1", values: lines.rate }]} />
        <Plot {...common} title={`Lag, last ${label}`} least={1000} as={(n) => duration(n)} series={[{ label: "behind the source", color: "--plot-2", values: lines.behind }]} />
        {source && <Plot {...common} title={`Still to read, last ${label}`} least={1024} steps={BYTE_STEPS} as={(n) => bytes(n)} series={[{ label: "of the source's log", color: "--plot-3", values: lines.lag }]} />}
        {source && <Retained {...common} row={row} lines={lines} label={label} />}
        <Plot {...common} title={`Memory, last ${label}`} least={1024} steps={BYTE_STEPS} as={(n) => bytes(n)} series={[{ label: "resident", color: "--plot-5", values: lines.resident }]} />
      </div>
    </>
  );
}
