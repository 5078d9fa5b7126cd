// Overview: what needs a person, before anything else. Rows are bound to signals, only those in view
// are drawn, and the order holds still under the pointer.
import { computed } from "@preact/signals";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { act, askStop, doing, failures, sayDoing, type Verb } from "../core/act";
import { get } from "../core/api";
import type { Row } from "../core/feed";
import { bytes, count, duration, exact, growth, rate, UNKNOWN } from "../core/format";
import { allRows, growthOf, link, names, rowOf, turns } from "../core/live";
import { go, query, setQuery, to } from "../core/place";
import { prefs } from "../core/prefs";
import { sayRetained, toneOfRetained } from "../core/retained";
import { isAlive, rankOf, STATES, toneOf, whyOf } from "../core/states";
import { lacks } from "../core/who";
import { Empty, StateWord, Title, useEvery, useTitle, Waiting } from "../parts/bits";
import { Icon } from "../parts/icon";
import { Menu } from "../parts/menu";
import { Spark, type Spark as SparkPoints } from "../parts/spark";
import { useWindow } from "../parts/window";

// ---- which, and in which order

interface Wanted {
  words: string[];
  state: string | null;
  db: string | null;
  dead: number | null;
}

/** "name, state:failed, db:db2, dead:>0" */
function wantedOf(text: string): Wanted {
  const w: Wanted = { words: [], state: null, db: null, dead: null };
  for (const part of text.toLowerCase().split(/[\s,]+/).filter(Boolean)) {
    const [key, value] = part.split(/:(.*)/s);
    if (value === undefined) w.words.push(part);
    else if (key === "state") w.state = value;
    else if (key === "db" || key === "host") w.db = value;
    else if (key === "dead") w.dead = Number(value.replace(/^>/, "")) || 0;
    else w.words.push(part);
  }
  return w;
}

function fits(row: Row, w: Wanted): boolean {
  if (w.state && !row.condition.toLowerCase().startsWith(w.state)) return false;
  if (w.db && ![row.host, row.database].some((x) => x?.toLowerCase().includes(w.db!))) return false;
  if (w.dead !== null && !(row.dead > w.dead)) return false;
  const text = `${row.name} ${row.plugin} ${row.host ?? ""} ${row.database ?? ""}`.toLowerCase();
  return w.words.every((word) => text.includes(word));
}

type Column = "state" | "name" | "rate" | "lag" | "retained" | "dead";
const values: Record<Column, (r: Row) => number | string> = {
  state: (r) => rankOf(r.condition),
  name: (r) => r.name,
  rate: (r) => -r.rate,
  lag: (r) => -r.behind_ms,
  retained: (r) => -r.retained_bytes,
  dead: (r) => -r.dead,
};

function order(rows: Row[], by: Column, down: boolean): string[] {
  const value = values[by];
  const sign = down ? -1 : 1;
  return rows
    .slice()
    .sort((a, b) => {
      const x = value(a);
      const y = value(b);
      if (x !== y) return (x < y ? -1 : 1) * sign;
      return a.name < b.name ? -1 : 1;
    })
    .map((r) => r.name);
}

/** What holds still while it is looked at: the old order, with what is new at its end. */
function holding(old: string[], now: string[]): string[] {
  const there = new Set(now);
  const kept = old.filter((n) => there.has(n));
  const had = new Set(kept);
  return [...kept, ...now.filter((n) => !had.has(n))];
}

// ---- parts

const states = computed(() => {
  const n = new Map<string, number>();
  for (const row of allRows.value) n.set(row.condition, (n.get(row.condition) ?? 0) + 1);
  return n;
});

function Chips() {
  const chosen = query.value.get("state");
  const all = STATES.filter((s) => (states.value.get(s) ?? 0) > 0 || s === chosen);
  return (
    <div class="chips" role="group" aria-label="States">
      {all.map((s) => (
        <button
          key={s}
          type="button"
          class={`chip tone-${toneOf(s)}`}
          aria-pressed={chosen === s}
          onClick={() => setQuery({ state: chosen === s ? null : s })}
        >
          <Icon name={s} size={14} />
          <b>{states.value.get(s) ?? 0}</b> {s.toLowerCase()}
        </button>
      ))}
    </div>
  );
}

function Head(props: { by: Column; down: boolean; column: Column; children: string; right?: boolean; class?: string }) {
  const here = props.by === props.column;
  return (
    <th
      scope="col"
      role="columnheader"
      class={`${props.right ? "right" : ""} ${props.class ?? ""}`}
      aria-sort={here ? (props.down ? "descending" : "ascending") : "none"}
    >
      <button
        type="button"
        onClick={() => setQuery({ sort: props.column === "state" ? null : props.column, dir: here && !props.down ? "desc" : null })}
      >
        {props.children}
        <span class="arrow">{here ? (props.down ? "▼" : "▲") : ""}</span>
      </button>
    </th>
  );
}

const shown = (row: Row, n: number, as: (n: number) => string) => (isAlive(row) && n >= 0 ? as(n) : UNKNOWN);

/** What the server keeps for it, and whether that grows. */
function Retained({ row }: { row: Row }) {
  const by = isAlive(row) ? growthOf(row.name) : null;
  const said = by === null ? "" : growth(by);
  return (
    <span class={toneOfRetained(row)} title={sayRetained(row, by) || "The source does not tell"}>
      {shown(row, row.retained_bytes, bytes)}
      <span class="trend" role={said ? "img" : undefined} aria-label={said || undefined}>{by === null ? "" : said === "steady" ? "→" : by > 0 ? "↗" : "↘"}</span>
    </span>
  );
}

function Line(props: { name: string; at: number; ticked: boolean; tick: (name: string, on: boolean, range: boolean) => void; spark?: SparkPoints }) {
  const signal = rowOf(props.name);
  if (!signal) return null;
  const row = signal.value;
  const busy = doing.value[row.name];
  const failed = failures.value[row.name];
  const stale = link.value.state === "away";
  return (
    <tr role="row" aria-rowindex={props.at + 2} data-name={row.name} class={props.ticked ? "ticked" : ""}>
      <td role="cell" class="tick">
        <input
          type="checkbox"
          aria-label={`Tick ${row.name}`}
          checked={props.ticked}
          onClick={(e) => props.tick(row.name, e.currentTarget.checked, e.shiftKey)}
        />
      </td>
      <th role="rowheader" scope="row" class="name">
        <span class="kind" title={row.type === "sink" ? "sink" : "source"}>
          <Icon name={row.type === "sink" ? "sink" : "source"} size={14} />
        </span>
        <a href={to("c", row.name)} title={row.name}>{row.name}</a>
        <span class="muted plugin">{row.plugin ?? "not in this build"}</span>
      </th>
      <td role="cell" class="why">
        <StateWord word={busy?.was || row.condition} stale={stale} />
        <span class={failed ? "tone-bad" : "muted"} title={failed ?? whyOf(row)}>
          {failed ?? (busy ? sayDoing(busy) : whyOf(row))}
        </span>
      </td>
      <td role="cell" class="num rate" data-label="Events/s">{shown(row, row.rate, rate)}</td>
      <td role="cell" class="num lag" data-label="Lag">{shown(row, row.behind_ms, duration)}</td>
      <td role="cell" class="num retained" data-label="Retained">
        <Retained row={row} />
      </td>
      <td role="cell" class={`num dead ${row.dead > 0 ? "tone-warn" : ""}`} data-label="Dead" title={exact(row.dead)}>{count(row.dead)}</td>
      <td role="cell" class="spark"><Spark points={props.spark} label={`Events of ${row.name}, last hour`} /></td>
    </tr>
  );
}

// ---- several at once

function Bulk({ ticked, clear }: { ticked: string[]; clear: () => void }) {
  const [said, setSaid] = useState("");
  const off = lacks("operator");
  const run = async (verb: Verb, done: string) => {
    const results = await Promise.all(ticked.map(async (name) => [name, await act(name, verb)] as const));
    const bad = results.filter(([, good]) => !good).map(([name]) => name);
    setSaid(`${done} ${results.length - bad.length} of ${results.length}${bad.length ? `; not ${bad.join(", ")}` : ""}`);
    if (bad.length === 0) clear();
  };
  useEffect(() => {
    if (ticked.length > 0) setSaid("");
  }, [ticked.length]);
  if (ticked.length === 0) return <span class="bulk muted" role="status">{said}</span>;
  return (
    <div class="bulk" role="group" aria-label="What is ticked">
      <b>{ticked.length} ticked</b>
      <button type="button" class="button small" disabled={!!off} title={off} onClick={() => run("pause", "Paused")}>Pause</button>
      <button type="button" class="button small" disabled={!!off} title={off} onClick={() => run("resume", "Resumed")}>Resume</button>
      <button type="button" class="button small" disabled={!!off} title={off} onClick={() => run("restart", "Restarted")}>Restart</button>
      <Menu
        label="More for what is ticked"
        class="small bare"
        items={[
          { label: "Stop…", danger: true, off, run: () => void (ticked.length === 1 ? askStop(ticked[0]!) : run("stop", "Stopped")) },
          { label: "Untick all", run: clear },
        ]}
      >
        <Icon name="more" />
      </Menu>
      <span role="status" class="muted">{said}</span>
    </div>
  );
}

// ---- the page

function useSparks() {
  const [sparks, setSparks] = useState<Record<string, SparkPoints>>({});
  const load = () =>
    void get<{ sparks: Record<string, SparkPoints> }>("/hub/v1/overview?sparks=true").then(
      (o) => setSparks(o.sparks),
      () => {},
    );
  useEffect(load, []);
  useEvery(30_000, load);
  return sparks;
}

function Nothing() {
  return (
    <Empty title="Nothing flows yet.">
      <p>Connect a database and watch its changes in about a minute.</p>
      <p class="row center">
        <a class="button primary" href={to("new")}>New connector</a>
        <a class="button" href={`${to("new")}?view=json`}>Paste a configuration</a>
      </p>
      <p class="muted">
        Or see it with sample data: <code>leat demo</code>
      </p>
    </Empty>
  );
}

export function Overview() {
  useTitle("Overview");
  const q = query.value.get("q") ?? "";
  const state = query.value.get("state");
  const by = (Object.keys(values).includes(query.value.get("sort") ?? "") ? query.value.get("sort") : "state") as Column;
  const down = query.value.get("dir") === "desc";
  const [ticked, setTicked] = useState<ReadonlySet<string>>(new Set());
  const [held, setHeld] = useState<string[] | null>(null);
  const last = useRef<string | null>(null);
  const box = useRef<HTMLDivElement>(null);
  const sparks = useSparks();
  turns.value;

  const wanted = useMemo(() => wantedOf(q), [q]);
  const rows = allRows.value.filter((r) => (!state || r.condition === state) && fits(r, wanted));
  const sorted = order(rows, by, down);
  const list = held ? holding(held, sorted) : sorted;
  const moved = held ? list.filter((n, i) => n !== sorted[i]).length : 0;
  const height = prefs.value.density === "compact" ? 32 : 40;
  const view = useWindow(box, list.length, height);

  const hold = () => setHeld((h) => h ?? sorted);
  const release = () => {
    const inside = box.current?.contains(document.activeElement) && document.activeElement !== box.current;
    if (!inside) setHeld(null);
  };
  useEffect(() => setHeld(null), [q, state, by, down]);

  const tick = (name: string, on: boolean, range: boolean) => {
    const next = new Set(ticked);
    const a = last.current ? list.indexOf(last.current) : -1;
    const b = list.indexOf(name);
    const from = range && a >= 0 ? Math.min(a, b) : b;
    const until = range && a >= 0 ? Math.max(a, b) : b;
    for (const n of list.slice(from, until + 1)) on ? next.add(n) : next.delete(n);
    last.current = name;
    setTicked(next);
  };

  const keys = (e: KeyboardEvent) => {
    const line = (e.target as Element).closest("tr[data-name]");
    if (!line || (e.target as Element).matches("input:not([type=checkbox])")) return;
    const at = list.indexOf(line.getAttribute("data-name")!);
    const step = e.key === "ArrowDown" || e.key === "j" ? 1 : e.key === "ArrowUp" || e.key === "k" ? -1 : 0;
    if (step !== 0 && list[at + step] !== undefined) {
      e.preventDefault();
      if (e.shiftKey) tick(list[at + step]!, true, true);
      view.show(at + step);
      requestAnimationFrame(() =>
        box.current?.querySelector<HTMLElement>(`tr[data-name="${CSS.escape(list[at + step]!)}"] a`)?.focus(),
      );
    } else if (e.key === "x") {
      const name = list[at]!;
      tick(name, !ticked.has(name), false);
    } else if (e.key === "Enter" && (e.target as Element).matches("input")) {
      go(to("c", list[at]!));
    }
  };

  const known = names.value;
  const there = [...ticked].filter((n) => known?.includes(n));
  return (
    <>
      <div class="headline">
        <Title>Overview</Title>
        <a class="button primary" href={to("new")}>
          <Icon name="plus" size={14} /> New connector
        </a>
      </div>
      {known === null ? (
        link.value.state === "away" ? null : <Waiting rows={6} />
      ) : known.length === 0 ? (
        <Nothing />
      ) : (
        <>
          <Chips />
          <div class="toolbar">
            <input
              type="search"
              aria-label="Filter connectors"
              placeholder="filter: name, state:failed, db:shop, dead:>0"
              value={q}
              onInput={(e) => setQuery({ q: e.currentTarget.value })}
              onKeyDown={(e) => {
                if (e.key === "Enter" && list.length === 1) go(to("c", list[0]!));
              }}
            />
            {moved > 0 && (
              <span class="held">
                {moved} rows would move.{" "}
                <button type="button" class="button small" onClick={() => setHeld(sorted)}>Sort again</button>
              </span>
            )}
            <Bulk ticked={there} clear={() => setTicked(new Set())} />
          </div>
          {list.length === 0 ? (
            <Empty title={`No connector matches “${[state?.toLowerCase(), q].filter(Boolean).join(" ")}”.`}>
              <button type="button" class="button" onClick={() => setQuery({ q: null, state: null })}>Clear filter</button>
            </Empty>
          ) : (
            <div class="scroller panel" ref={box} onPointerEnter={hold} onPointerLeave={release} onFocusIn={hold} onFocusOut={release} onKeyDown={keys} tabIndex={-1}>
              <table role="table" class="list connectors" aria-rowcount={list.length + 1} aria-label="Connectors">
                <thead role="rowgroup">
                  <tr role="row" aria-rowindex={1}>
                    <th role="columnheader" class="tick" scope="col">
                      <input
                        type="checkbox"
                        aria-label="Tick all that are listed"
                        checked={list.every((n) => ticked.has(n))}
                        onClick={(e) => setTicked(e.currentTarget.checked ? new Set(list) : new Set())}
                      />
                    </th>
                    <Head by={by} down={down} column="name">Name</Head>
                    <Head by={by} down={down} column="state">State, why</Head>
                    <Head by={by} down={down} column="rate" right>Events/s</Head>
                    <Head by={by} down={down} column="lag" right>Lag</Head>
                    <Head by={by} down={down} column="retained" right>Retained</Head>
                    <Head by={by} down={down} column="dead" right>Dead</Head>
                    <th role="columnheader" scope="col" class="spark">Last hour</th>
                  </tr>
                </thead>
                <tbody role="rowgroup">
                  {view.before > 0 && <tr aria-hidden="true" style={{ height: `${view.before}px` }} />}
                  {list.slice(view.from, view.until).map((name, i) => (
                    <Line key={name} name={name} at={view.from + i} ticked={ticked.has(name)} tick={tick} spark={sparks[name]} />
                  ))}
                  {view.after > 0 && <tr aria-hidden="true" style={{ height: `${view.after}px` }} />}
                </tbody>
              </table>
            </div>
          )}
          <p class="muted foot num" role="status">
            {list.length === known.length ? `${known.length} ${known.length === 1 ? "connector" : "connectors"}` : `${list.length} of ${known.length} connectors`}
          </p>
        </>
      )}
    </>
  );
}
