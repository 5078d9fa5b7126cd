// The hub's state in this tab: signals that the stream of feed.ts feeds. One signal for each
// connector, so that a change redraws its row alone.
import { batch, computed, signal, type Signal } from "@preact/signals";
import { type HubInfo, type Link, type Row, type Told } from "./feed";
import { root } from "./place";
import { Station, type Heard, type Said } from "./station";
import type { TailTold, Wish } from "./tails";
import { workerUrl } from "./trust";

export const link = signal<Link>({ state: "waiting", heard: 0, next: 0 });
export const hub = signal<HubInfo | null>(null);
/** Names of all connectors, sorted; null: not known yet. */
export const names = signal<string[] | null>(null);
/** The hub's clock at the last message. */
export const heardAt = signal(0);
/** When a hub that had been away was heard again, restarted or not; 0: it was not away. */
export const returned = signal<{ at: number; restarted: boolean } | null>(null);
/** Counts whole snapshots and changes of state, for lists that sort. */
export const turns = signal(0);

const rows = new Map<string, Signal<Row>>();

export function rowOf(name: string): Signal<Row> | undefined {
  return rows.get(name);
}

export const allRows = computed(() => {
  turns.value;
  return (names.value ?? []).map((name) => rows.get(name)!.value);
});

/** The live points of a connector since this tab was opened, for plots. */
export interface Point {
  at: number;
  rate: number;
  behind: number;
  lag: number;
  retained: number;
  limit: number;
}
const KEPT = 1800;
const points = new Map<string, Point[]>();
export const pointsOf = (name: string): Point[] => points.get(name) ?? [];

const TREND_S = 600;
const TREND_LEAST_S = 60;
/** Bytes a second by which what the server retains for it grew in the last ten minutes that this tab saw; null: it saw too little. */
export function growthOf(name: string): number | null {
  const list = pointsOf(name).filter((p) => !Number.isNaN(p.retained));
  const last = list[list.length - 1];
  const first = last && list.find((p) => p.at >= last.at - TREND_S);
  if (!last || !first || last.at - first.at < TREND_LEAST_S) return null;
  return (last.retained - first.retained) / (last.at - first.at);
}

const known = (n: number) => (n < 0 ? NaN : n);

function keep(row: Row, at: number) {
  let list = points.get(row.name);
  if (!list) points.set(row.name, (list = []));
  list.push({
    at: at / 1000,
    rate: known(row.rate),
    behind: known(row.behind_ms),
    lag: known(row.lag_bytes),
    retained: known(row.retained_bytes),
    limit: known(row.retained_limit),
  });
  if (list.length > KEPT) list.splice(0, list.length - KEPT);
}

function take(told: Told) {
  batch(() => {
    if (told.kind === "link") {
      const was = link.value.state;
      link.value = told.link;
      if (was === "live" && told.link.state === "away") hubBegan = hub.value?.begun_ms ?? 0;
      if (was === "away" && told.link.state === "live")
        returned.value = { at: Date.now(), restarted: hubBegan !== (hub.value?.begun_ms ?? 0) };
      return;
    }
    let changed = told.whole;
    if (told.whole) {
      const left = new Set(told.rows.map((r) => r.name));
      for (const name of rows.keys()) if (!left.has(name)) rows.delete(name);
      for (const name of points.keys()) if (!left.has(name)) points.delete(name);
    }
    for (const row of told.rows) {
      const known = rows.get(row.name);
      if (known) {
        if (known.value.condition !== row.condition) changed = true;
        known.value = row;
      } else {
        rows.set(row.name, signal(row));
        changed = true;
      }
      keep(row, told.at);
    }
    hub.value = told.hub ?? hub.value;
    heardAt.value = told.at;
    if (changed || names.value === null) {
      names.value = [...rows.keys()].sort((a, b) => (a < b ? -1 : 1));
      turns.value++;
    }
  });
}
/** When the hub began that went away. */
let hubBegan = 0;

let say: (said: Said) => void = () => {};
export const tryNow = () => say({ kind: "hurry" });

/** Those that follow topics, by the name of their tail. */
const tails = new Map<string, (told: TailTold) => void>();

/** What comes of a tail's topics is told until it is dropped. */
export function openTail(tail: string, tell: (told: TailTold) => void) {
  tails.set(tail, tell);
  return {
    follow: (wish: Wish) => say({ kind: "follow", tail, wish }),
    drop: () => {
      tails.delete(tail);
      say({ kind: "drop", tail });
    },
  };
}

function hear(heard: Heard) {
  if (heard.kind === "link" || heard.kind === "rows") return take(heard);
  tails.get(heard.tail)?.(heard);
  if (heard.kind === "lines") say({ kind: "taken", tail: heard.tail });
}

/** A tab that crashes says no bye. Browsers have locks for pages by HTTPS or from this machine only. */
function tellAlive() {
  if (!isSecureContext) return;
  const lock = `leat-tab-${crypto.randomUUID()}`;
  void navigator.locks.request(lock, () => {
    say({ kind: "alive", lock });
    return new Promise(() => {}); // until the tab ends
  });
}

export function startLive() {
  try {
    const worker = new SharedWorker(workerUrl() as string, { type: "module", name: "leat" });
    worker.port.onmessage = (e) => hear(e.data as Heard);
    worker.port.start();
    say = (said) => worker.port.postMessage(said);
    tellAlive();
  } catch {
    // A browser without workers of modules: the tab listens itself.
    say = new Station(root).join(hear);
  }
  addEventListener("pagehide", () => say({ kind: "bye" }));
  addEventListener("pageshow", (e) => {
    if (e.persisted) location.reload();
  });
  addEventListener("online", tryNow);
  addEventListener("focus", tryNow);
}
