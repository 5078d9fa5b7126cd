// A spark line: rates between counters, drawn as one SVG path; what is not known is a gap.

/** Seconds since 1970, and how many events there had been by then. */
export type Spark = [number, number][];

const W = 96;
const H = 20;
const HOUR = 3600;

function pathOf(points: Spark): { d: string; most: number } {
  const now = Date.now() / 1000;
  const rates: [number, number][] = [];
  for (let i = 1; i < points.length; i++) {
    const [at, events] = points[i]!;
    const [before, had] = points[i - 1]!;
    const s = at - before;
    rates.push([at, s > 0 && s < 300 && events >= had ? (events - had) / s : NaN]);
  }
  const most = Math.max(0, ...rates.map(([, r]) => (Number.isNaN(r) ? 0 : r)));
  let d = "";
  let pen = false;
  for (const [at, r] of rates) {
    if (Number.isNaN(r)) {
      pen = false;
      continue;
    }
    const x = W - ((now - at) / HOUR) * W;
    const y = H - 2 - (most > 0 ? r / most : 0) * (H - 4);
    d += `${pen ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`;
    pen = true;
  }
  return { d, most };
}

export function Spark({ points, label }: { points: Spark | undefined; label: string }) {
  if (!points || points.length < 2) return <span class="muted nospark" title="No history yet">–</span>;
  const { d, most } = pathOf(points);
  const said = `${label}: up to ${Math.round(most).toLocaleString()} a second`;
  return (
    <svg class="sparkline" viewBox={`0 0 ${W} ${H}`} width={W} height={H} role="img" aria-label={said}>
      <path d={d} fill="none" stroke="currentColor" stroke-width="1.4" stroke-linejoin="round" />
    </svg>
  );
}
