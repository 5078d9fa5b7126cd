// A plot (uPlot): y from 0, gaps stay gaps, one cursor over all plots of a page; for who cannot see
// it, a sentence and a table. Arrows move the cursor, Home and End jump.
import uPlot from "uplot";
import { useEffect, useRef, useState } from "preact/hooks";
import { time } from "../core/format";
import { isDark } from "../core/prefs";
import { zone } from "../core/zone";

export interface Series {
  label: string;
  /** A colour of the tokens: "--plot-1". */
  color: string;
  dash?: number[];
  /** NaN or null: unknown. */
  values: (number | null)[];
}

export interface PlotProps {
  title: string;
  /** Seconds since 1970. */
  times: number[];
  series: Series[];
  as: (n: number | null | undefined) => string;
  from: number;
  until: number;
  /** The y axis reaches so far at least, and its ticks stand at these steps. */
  least?: number;
  steps?: number[];
  /** Why there is nothing to see. */
  empty: string;
}

/** Ticks of sizes stand at powers of two. */
export const BYTE_STEPS = Array.from({ length: 50 }, (_, i) => 2 ** i);
const HEIGHT = 168;
const sync = uPlot.sync("page");
const token = (name: string) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const known = (n: number | null | undefined): n is number => n !== null && n !== undefined && !Number.isNaN(n);

function sentence(p: PlotProps): string {
  const said = p.series.map((s) => {
    const there = s.values.filter(known);
    if (there.length === 0) return `${s.label}: unknown`;
    return `${s.label}: ${p.as(Math.min(...there))} to ${p.as(Math.max(...there))}, last ${p.as(there[there.length - 1])}`;
  });
  return `${p.title}. ${said.join("; ")}.`;
}

function dataOf(p: PlotProps): uPlot.AlignedData {
  return [p.times, ...p.series.map((s) => s.values.map((v) => (known(v) ? v : null)))] as uPlot.AlignedData;
}

function optionsOf(p: PlotProps, width: number, as: { current: PlotProps["as"] }): uPlot.Options {
  const grid = { stroke: token("--border"), width: 1 };
  const font = "12px system-ui, sans-serif";
  return {
    width,
    height: HEIGHT,
    legend: { live: true },
    tzDate: (s) => uPlot.tzDate(new Date(s * 1000), zone.value),
    cursor: { sync: { key: sync.key, scales: ["x", null] }, points: { size: 6 } },
    scales: { x: { time: true }, y: { range: (_, __, most) => [0, Math.max(most * 1.1, p.least ?? 1)] } },
    axes: [
      { stroke: token("--muted"), grid, ticks: grid, font, space: 70, values: (_, at) => at.map((s) => time(s * 1000).slice(0, 5)) },
      {
        stroke: token("--muted"), grid, ticks: grid, font, size: 74, space: 36,
        ...(p.steps ? { incrs: p.steps } : {}),
        values: (_, at) => at.map((v) => as.current(v)),
      },
    ],
    series: [
      { label: "Time", value: (_, v) => (v === null ? "–" : time(v * 1000)) },
      ...p.series.map((s) => ({
        label: s.label,
        stroke: token(s.color),
        width: 1.5,
        dash: s.dash,
        spanGaps: false,
        points: { show: false },
        value: (_: uPlot, v: number | null) => as.current(v),
      })),
    ],
  };
}

function Table(p: PlotProps) {
  const step = Math.max(1, Math.ceil(p.times.length / 60));
  const at = p.times.map((_, i) => i).filter((i) => i % step === 0);
  return (
    <div class="sideways">
      <table class="list">
        <thead>
          <tr>
            <th scope="col">Time</th>
            {p.series.map((s) => <th scope="col" class="right" key={s.label}>{s.label}</th>)}
          </tr>
        </thead>
        <tbody>
          {at.map((i) => (
            <tr key={p.times[i]}>
              <th scope="row" class="num">{time(p.times[i]! * 1000)}</th>
              {p.series.map((s) => <td class="num" key={s.label}>{known(s.values[i]) ? p.as(s.values[i]) : "–"}</td>)}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

export function Plot(props: PlotProps) {
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const as = useRef(props.as);
  as.current = props.as;
  const [table, setTable] = useState(false);
  const dark = isDark();
  const shape = props.series.map((s) => s.label).join();

  useEffect(() => {
    if (table) return;
    const element = box.current!;
    const one = new uPlot(optionsOf(props, element.clientWidth, as), dataOf(props), element);
    plot.current = one;
    const resize = new ResizeObserver(() => one.setSize({ width: element.clientWidth, height: HEIGHT }));
    resize.observe(element);
    return () => {
      resize.disconnect();
      one.destroy();
      plot.current = null;
    };
  }, [table, dark, shape, zone.value]);

  useEffect(() => {
    const one = plot.current;
    if (!one || document.hidden) return;
    one.setData(dataOf(props), false);
    one.setScale("x", { min: props.from, max: props.until });
  }, [props.times, props.from, props.until, table, dark, shape, zone.value]);

  const keys = (e: KeyboardEvent) => {
    const one = plot.current;
    const steps: Record<string, number> = { ArrowLeft: -1, ArrowRight: 1, Home: -Infinity, End: Infinity };
    const step = steps[e.key];
    if (!one || step === undefined || props.times.length === 0) return;
    e.preventDefault();
    const at = Math.max(0, Math.min(props.times.length - 1, (one.cursor.idx ?? props.times.length - 1) + step));
    one.setCursor({ left: one.valToPos(props.times[at]!, "x"), top: HEIGHT / 2 });
  };

  const nothing = !props.series.some((s) => s.values.some(known));
  return (
    <section class="panel plot">
      <header>
        <h2>{props.title}</h2>
        <button type="button" class="button small bare" aria-pressed={table} onClick={() => setTable(!table)}>
          {table ? "Plot" : "Table"}
        </button>
      </header>
      {table ? (
        <Table {...props} />
      ) : (
        <div class="canvas" ref={box} role="img" tabIndex={0} aria-label={sentence(props)} onKeyDown={keys} />
      )}
      {nothing && !table && <p class="over muted">{props.empty}</p>}
    </section>
  );
}
