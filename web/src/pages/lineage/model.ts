// Lineage: tables → sources → topics → sinks → targets, out of configurations, topics and counters, and where
// each is drawn. Five fixed columns; positions follow from names alone, so nothing moves by itself.
import type { Config } from "../../core/config";
import type { Row } from "../../core/feed";
import type { Topic } from "../../core/topics";


export type Infos = Record<string, { info: { config: Config; type: "source" | "sink" } }>;

export type Kind = "table" | "source" | "topic" | "sink" | "target";
export interface Node {
  id: string;
  kind: Kind;
  label: string;
  /** A second line. */
  note: string;
  /** Of connectors. */
  condition: string;
  /** Path of its page. */
  open: string[] | null;
  x: number;
  y: number;
}
export interface Edge {
  from: string;
  to: string;
  /** Events a second; -1: not known. */
  rate: number;
  /** It stops here. */
  broken: boolean;
}
export interface Graph {
  nodes: Map<string, Node>;
  edges: Edge[];
  width: number;
  height: number;
}

export const NODE = { width: 196, height: 40 };
const GAP = { x: 84, y: 12 };
const COLUMNS: Kind[] = ["table", "source", "topic", "sink", "target"];
const STOPS = new Set(["STALLED", "FAILED", "STOPPED", "PAUSED"]);
/** So many topics of a source are drawn; the others are one node until it is unfolded. */
const DRAWN = 8;

const idOf = (kind: Kind, name: string) => `${kind}:${name}`;

/** Where a source reads: its connection, or host and database. */
function systemOf(c: Config): string {
  if (c.connection) return c.connection;
  const host = c["database.hostname"] ?? "";
  const database = c["database.dbname"] ?? c["database.include.list"] ?? "";
  return [host, database].filter(Boolean).join("/") || c["connection.url"] || c["connector.class"]!.split(".").pop()!;
}

/** Where a sink writes. */
function targetOf(c: Config): string {
  const url = c["connection.url"]?.replace(/^jdbc:/, "").replace(/\?.*$/, "").replace(/\/\/[^@/]*@/, "//");
  return c.connection ?? url ?? c["bootstrap.servers"] ?? c["http.url"] ?? c["file"] ?? "outside leat";
}

/** The topics that sinks read by a pattern, by the sink's name: the hub has found them. */
export type Found = ReadonlyMap<string, string[]>;

/** The topics that a sink reads. */
function readBy(name: string, c: Config, found: Found): string[] {
  return found.get(name) ?? (c.topics ?? "").split(",").map((t) => t.trim()).filter(Boolean);
}

interface Drawn {
  source: string;
  topic: string;
  /** How many topics this one stands for. */
  more: number;
}

/** Topics by source, the first of each; the rest in one. */
function foldTopics(topics: Topic[], sources: string[], unfolded: ReadonlySet<string>): Drawn[] {
  const out: Drawn[] = [];
  for (const source of sources) {
    const own = topics.filter((t) => t.connector === source).map((t) => t.topic).sort();
    const drawn = unfolded.has(source) || own.length <= DRAWN + 1 ? own.length : DRAWN;
    for (const topic of own.slice(0, drawn)) out.push({ source, topic, more: 0 });
    if (drawn < own.length) out.push({ source, topic: `${source}: ${own.length - drawn} more`, more: own.length - drawn });
    if (own.length === 0) out.push({ source, topic: "", more: 0 });
  }
  return out;
}

/** Nodes of a column, as near to where they want to be as their height lets them. */
function place(wanted: { node: Node; y: number }[]) {
  wanted.sort((a, b) => a.y - b.y || (a.node.label < b.node.label ? -1 : 1));
  let free = 0;
  for (const w of wanted) {
    w.node.y = Math.max(free, w.y);
    free = w.node.y + NODE.height + GAP.y;
  }
}

export function graphOf(rows: Row[], infos: Infos, topics: Topic[], found: Found, rates: Map<string, number>, unfolded: ReadonlySet<string>): Graph {
  const nodes = new Map<string, Node>();
  const edges: Edge[] = [];
  const row = new Map(rows.map((r) => [r.name, r]));
  const put = (kind: Kind, name: string, more: Partial<Node>): Node => {
    const id = idOf(kind, name);
    let n = nodes.get(id);
    if (!n) nodes.set(id, (n = { id, kind, label: name, note: "", condition: "", open: null, x: COLUMNS.indexOf(kind) * (NODE.width + GAP.x), y: 0, ...more }));
    return n;
  };
  const link = (from: Node, to: Node, rate: number, broken: boolean) => {
    const known = edges.find((e) => e.from === from.id && e.to === to.id);
    if (known) known.rate = Math.max(known.rate, 0) + Math.max(rate, 0);
    else edges.push({ from: from.id, to: to.id, rate, broken });
  };
  const names = Object.keys(infos).sort();
  const stops = (name: string) => STOPS.has(row.get(name)?.condition ?? "");
  const sources = [...new Set([...names.filter((n) => infos[n]!.info.type === "source"), ...topics.map((t) => t.connector)])].sort();
  const drawn = foldTopics(topics, sources, unfolded);
  const shown = new Map<string, string>(); // of each topic: the node that stands for it
  const step = NODE.height + GAP.y;
  drawn.forEach((d, i) => {
    const config = infos[d.source]?.info.config;
    const gone = !config;
    const source = put("source", d.source, { note: gone ? "deleted" : "", condition: row.get(d.source)?.condition ?? "", open: gone ? null : ["c", d.source] });
    if (!d.topic) {
      source.y = i * step;
      return;
    }
    const topic = put("topic", d.topic, { y: i * step, open: d.more ? null : ["t", d.topic], note: d.more ? "show them" : "" });
    link(source, topic, rates.get(d.topic) ?? -1, stops(d.source));
    if (d.more)
      for (const t of topics.filter((x) => x.connector === d.source && !drawn.some((y) => y.topic === x.topic))) shown.set(t.topic, topic.id);
    else shown.set(d.topic, topic.id);
    if (gone) return;
    const prefix = `${config["topic.prefix"] ?? ""}.`;
    const name = d.topic.startsWith(prefix) ? d.topic.slice(prefix.length) : d.topic;
    const table = put("table", `${d.source} ${name}`, { label: name, note: systemOf(config), y: i * step });
    link(table, source, rates.get(d.topic) ?? -1, stops(d.source));
  });
  for (const name of names.filter((n) => infos[n]!.info.type === "sink")) {
    const config = infos[name]!.info.config;
    const sink = put("sink", name, { condition: row.get(name)?.condition ?? "", open: ["c", name] });
    const target = put("target", targetOf(config), {});
    link(sink, target, row.get(name)?.rate ?? -1, stops(name));
    for (const t of readBy(name, config, found)) {
      const at = shown.get(t);
      const from = at ? nodes.get(at)! : put("topic", t, { note: "not there yet", open: ["t", t] });
      link(from, sink, rates.get(t) ?? -1, stops(name));
    }
  }
  settle(nodes, edges);
  const all = [...nodes.values()];
  return { nodes, edges, width: COLUMNS.length * (NODE.width + GAP.x) - GAP.x, height: Math.max(0, ...all.map((n) => n.y + NODE.height)) };
}

/** Connectors and targets stand at the middle of what leads to them, or what they lead to. */
function settle(nodes: Map<string, Node>, edges: Edge[]) {
  const middle = (ids: string[]) => {
    const list = ids.map((id) => nodes.get(id)!.y);
    return list.length ? (Math.min(...list) + Math.max(...list)) / 2 : 0;
  };
  const column = (kind: Kind) => [...nodes.values()].filter((n) => n.kind === kind);
  const last = Math.max(0, ...column("topic").map((n) => n.y));
  place(column("topic").map((node) => ({ node, y: node.note === "not there yet" ? last + NODE.height + GAP.y : node.y })));
  place(column("source").map((node) => ({ node, y: edges.some((e) => e.from === node.id) ? middle(edges.filter((e) => e.from === node.id).map((e) => e.to)) : node.y })));
  place(column("sink").map((node) => ({ node, y: middle(edges.filter((e) => e.to === node.id).map((e) => e.from)) })));
  place(column("target").map((node) => ({ node, y: middle(edges.filter((e) => e.to === node.id).map((e) => e.from)) })));
}

/** A node and all that leads to it or comes from it. */
export function pathOf(g: Graph, id: string): Set<string> {
  const out = new Set<string>();
  const walk = (at: string, forward: boolean) => {
    for (const e of g.edges) {
      const next = forward ? (e.from === at ? e.to : null) : e.to === at ? e.from : null;
      if (next && !out.has(next)) {
        out.add(next);
        walk(next, forward);
      }
    }
  };
  if (!g.nodes.has(id)) return out;
  walk(id, true);
  walk(id, false);
  return out.add(id);
}
