// Lineage: what comes from where, and what breaks if this stops. A drawing, or the same as a list.
import { useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { get } from "../../core/api";
import { rate as sayRate } from "../../core/format";
import { allRows, turns } from "../../core/live";
import { query, setQuery, to } from "../../core/place";
import { listTopics, topicsOf, type Topic } from "../../core/topics";
import { Empty, Failure, StateWord, Title, useEvery, useLoad, useTitle, Waiting } from "../../parts/bits";
import { Icon } from "../../parts/icon";
import { Table } from "../../parts/table";
import { toneOf } from "../../core/states";
import { graphOf, NODE, pathOf, type Edge, type Found, type Graph, type Infos, type Kind, type Node } from "./model";

const EVERY = 5000;
const ZOOMS = [0.5, 0.65, 0.8, 1, 1.25, 1.5];
const HEADS: [Kind, string][] = [["table", "Tables"], ["source", "Sources"], ["topic", "Topics"], ["sink", "Sinks"], ["target", "Targets"]];

/** 1.5 px and more by the logarithm of the rate. */
const widthOf = (rate: number) => (rate <= 0 ? 1.5 : Math.min(9, 1.5 + Math.log10(1 + rate) * 1.8));

/** Records a second of each topic, between two looks. */
function useRates(topics: Topic[] | undefined): Map<string, number> {
  const before = useRef<{ at: number; ends: Map<string, number> } | null>(null);
  const rates = useRef(new Map<string, number>());
  return useMemo(() => {
    if (!topics) return rates.current;
    const now = { at: Date.now(), ends: new Map(topics.map((t) => [t.topic, t.next_offset])) };
    const was = before.current;
    if (was && now.at - was.at > 500)
      rates.current = new Map(topics.filter((t) => was.ends.has(t.topic)).map((t) => [t.topic, Math.max(0, (t.next_offset - was.ends.get(t.topic)!) / ((now.at - was.at) / 1000))]));
    before.current = now;
    return rates.current;
  }, [topics]);
}

function Line({ e, g, on }: { e: Edge; g: Graph; on: boolean }) {
  const a = g.nodes.get(e.from)!;
  const b = g.nodes.get(e.to)!;
  const x1 = a.x + NODE.width;
  const y1 = a.y + NODE.height / 2;
  const y2 = b.y + NODE.height / 2;
  const bend = Math.max(24, (b.x - x1) / 2);
  return (
    <path d={`M${x1} ${y1} C${x1 + bend} ${y1} ${b.x - bend} ${y2} ${b.x} ${y2}`} class={`edge ${e.broken ? "broken" : ""} ${on ? "" : "faded"}`} stroke-width={widthOf(e.rate)}>
      <title>{`${a.label} → ${b.label}${e.rate >= 0 ? `: ${sayRate(e.rate)}/s` : ""}${e.broken ? ", it stops here" : ""}`}</title>
    </path>
  );
}

function Box({ n, on, chosen, press, rate }: { n: Node; on: boolean; chosen: boolean; press: () => void; rate: number | undefined }) {
  return (
    <button type="button" class={`node kind-${n.kind} ${on ? "" : "faded"} ${chosen ? "chosen" : ""} ${n.label === "outside leat" ? "outside" : ""}`} aria-pressed={chosen}
      style={{ left: `${n.x}px`, top: `${n.y}px`, width: `${NODE.width}px`, height: `${NODE.height}px` }} title={n.note ? `${n.label}\n${n.note}` : n.label} onClick={press}>
      {n.condition && <span class={`tone-${toneOf(n.condition)}`}><Icon name={n.condition} size={13} /><span class="sr">{n.condition} </span></span>}
      <span class={`text ${n.kind === "topic" || n.kind === "table" ? "mono" : ""}`}>
        <span>{n.label}</span>
        {(n.note || rate !== undefined) && <span class="muted tiny num">{rate !== undefined ? `${sayRate(rate)}/s` : n.note}</span>}
      </span>
    </button>
  );
}

function Drawing({ g, rates, unfold }: { g: Graph; rates: Map<string, number>; unfold: (source: string) => void }) {
  const focus = query.value.get("focus");
  const box = useRef<HTMLDivElement>(null);
  const [room, setRoom] = useState(0);
  useLayoutEffect(() => {
    const measure = () => setRoom(box.current!.clientWidth - 32);
    measure();
    addEventListener("resize", measure);
    return () => removeEventListener("resize", measure);
  }, []);
  // All of its width is in view until somebody zooms.
  const fitting = room > 0 ? Math.max(0.4, Math.min(1, room / g.width)) : 1;
  const zoom = Number(query.value.get("zoom") ?? 0) || fitting;
  const lit = focus && g.nodes.has(focus) ? pathOf(g, focus) : null;
  const turn = (by: number) => {
    const next = by > 0 ? ZOOMS.find((z) => z > zoom + 0.01) : [...ZOOMS].reverse().find((z) => z < zoom - 0.01);
    if (next) setQuery({ zoom: String(next) });
  };
  const press = (n: Node) => {
    if (n.kind === "topic" && n.note === "show them") unfold(n.label.split(": ")[0]!);
    else setQuery({ focus: focus === n.id ? null : n.id });
  };
  const node = focus ? g.nodes.get(focus) : undefined;
  return (
    <>
      <div class="toolbar">
        <div class="segments" role="group" aria-label="Zoom">
          <button type="button" aria-label="Smaller" onClick={() => turn(-1)}>−</button>
          <button type="button" aria-label="Larger" onClick={() => turn(1)}>+</button>
          <button type="button" onClick={() => setQuery({ zoom: null })}>Fit</button>
        </div>
        {node && (
          <span class="row" role="status">
            <b>{node.label}</b>
            {node.note && <span class="muted">{node.note}</span>}
            {node.condition && <StateWord word={node.condition} />}
            {node.open && <a class="button small" href={to(...node.open)}>Open</a>}
            <button type="button" class="button small" onClick={() => setQuery({ focus: null })}>Show all</button>
          </span>
        )}
        {!node && <span class="muted small">Press one to see what leads to it and what comes from it. Width is events a second.</span>}
      </div>
      <div class="panel lineage" ref={box} tabIndex={0} role="group" aria-label="Lineage, drawn">
        <div style={{ width: `${g.width * zoom}px`, height: `${(g.height + 30) * zoom}px` }}>
          <div class="drawing" style={{ width: `${g.width}px`, height: `${g.height + 30}px`, transform: `scale(${zoom})` }}>
            {HEADS.map(([kind, label], i) => <span key={kind} class="muted small column-head" style={{ left: `${i * (g.width + 84) / HEADS.length}px` }}>{label}</span>)}
            <div class="plane">
              <svg width={g.width} height={g.height} aria-hidden="true">{g.edges.map((e) => <Line key={`${e.from} ${e.to}`} e={e} g={g} on={!lit || (lit.has(e.from) && lit.has(e.to))} />)}</svg>
              {[...g.nodes.values()].map((n) => <Box key={n.id} n={n} on={!lit || lit.has(n.id)} chosen={n.id === focus} press={() => press(n)} rate={n.kind === "topic" ? rates.get(n.label) : undefined} />)}
            </div>
          </div>
        </div>
      </div>
    </>
  );
}

/** The same by topic, for readers of screens and phones. */
function List({ g, rates }: { g: Graph; rates: Map<string, number> }) {
  const of = (id: string, forward: boolean) => g.edges.filter((e) => (forward ? e.from : e.to) === id).map((e) => g.nodes.get(forward ? e.to : e.from)!);
  const names = (list: Node[]) => list.map((n, i) => <span key={n.id}>{i > 0 && ", "}{n.open ? <a href={to(...n.open)}>{n.label}</a> : n.label}{n.condition && <> <StateWord word={n.condition} /></>}</span>);
  const topics = [...g.nodes.values()].filter((n) => n.kind === "topic").sort((a, b) => a.y - b.y);
  return (
    <Table heads={["Topic", { label: "Events/s", right: true }, "From", "Read by", "Target"]} panel>
      {topics.map((t) => (
        <tr key={t.id}>
          <th scope="row" class="mono">{t.open ? <a href={to(...t.open)}>{t.label}</a> : t.label}</th>
          <td class="num">{sayRate(rates.get(t.label))}</td>
          <td>{names(of(t.id, false))}</td>
          <td>{of(t.id, true).length ? names(of(t.id, true)) : <span class="muted">nobody</span>}</td>
          <td class="mono">{of(t.id, true).flatMap((s) => of(s.id, true)).map((n) => n.label).join(", ")}</td>
        </tr>
      ))}
    </Table>
  );
}

export function Lineage() {
  useTitle("Lineage");
  turns.value;
  const infos = useLoad<Infos>((signal) => get("/connectors?expand=info", { signal }), [turns.value]);
  const topics = useLoad(listTopics, []);
  const patterns = Object.entries(infos.value ?? {}).filter(([, i]) => i.info.config["topics.regex"]).map(([name]) => name);
  const found = useLoad<Found>(async (signal) => new Map(await Promise.all(patterns.map(async (name): Promise<[string, string[]]> =>
    [name, await topicsOf(name, { signal })]))), [patterns.join(" ")]);
  useEvery(EVERY, () => { topics.again(); found.again(); });
  const [unfolded, setUnfolded] = useState<ReadonlySet<string>>(new Set());
  const rates = useRates(topics.value);
  const rows = allRows.value;
  const g = useMemo(
    () => (infos.value && topics.value ? graphOf(rows, infos.value, topics.value, found.value ?? new Map(), rates, unfolded) : null),
    [infos.value, topics.value, found.value, rates, unfolded, turns.value],
  );
  const view = query.value.get("view") ?? (innerWidth < 700 ? "list" : "graph");
  const error = infos.error ?? topics.error;
  return (
    <>
      <div class="headline">
        <Title>Lineage</Title>
        <div class="segments" role="group" aria-label="View">
          <button type="button" aria-pressed={view === "graph"} onClick={() => setQuery({ view: "graph" })}>Drawing</button>
          <button type="button" aria-pressed={view === "list"} onClick={() => setQuery({ view: "list" })}>List</button>
        </div>
      </div>
      {error && !g && <Failure error={error} again={() => { infos.again(); topics.again(); }} what="It could not be drawn." />}
      {!g && !error && <Waiting />}
      {g && g.nodes.size === 0 && (
        <Empty title="Nothing to draw yet: lineage comes from connectors.">
          <a class="button primary" href={to("new")}>New connector</a>
        </Empty>
      )}
      {g && g.nodes.size > 0 && (view === "list" ? <List g={g} rates={rates} /> : <Drawing g={g} rates={rates} unfold={(s) => setUnfolded(new Set([...unfolded, s]))} />)}
    </>
  );
}
