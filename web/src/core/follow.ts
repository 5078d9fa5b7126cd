// What the worker of a live tail does: it follows topics, keeps their newest records as they came, and
// reads only those that are shown. The page gets them as often as it draws, at most ten times a second.
import { below, feed, path } from "./http";
import { changeOf, typesOf, type Change, type ColumnType } from "./record";

const KEPT = 20_000;
const KEPT_CHARS = 32 << 20;
export const SHOWN = 40;
const TURN_MS = 100;
const FIRST_MS = 500;
const MOST_MS = 10_000;
const FETCH_MS = 5000;
const BUSY = "Other tabs of this browser follow as much as its connections allow. This one begins when one of them is closed, or was hidden for a minute.";

/** A record of the list. */
export interface TailRow extends Pick<Change, "op" | "word" | "table" | "key" | "what" | "at"> {
  /** "topic@offset" */
  id: string;
  topic: string;
  offset: string;
}

export interface Opened {
  id: string;
  topic: string;
  offset: string;
  raw: string;
  change: Change;
  /** Of its columns; null: not known yet. */
  types: Record<string, ColumnType> | null;
}

export type Asked =
  | { kind: "follow"; topic: string; from: string; filter: Record<string, string> }
  /** The list holds still, or follows again. */
  | { kind: "freeze"; on: boolean }
  /** While it holds still: so many newer ones are passed over. */
  | { kind: "back"; skip: number }
  | { kind: "open"; id: string }
  /** Nobody looks: the connections are given back until somebody does. */
  | { kind: "rest"; on: boolean }
  /** The page has drawn what it got. */
  | { kind: "drawn" };

export type Told =
  | { kind: "rows"; rows: TailRow[]; seen: number; later: number; kept: number }
  | { kind: "error"; message: string }
  | { kind: "opened"; id: string; opened: Opened | null };

interface Line {
  topic: string;
  offset: string;
  raw: string;
}

/** The newest lines: so many, or so much text. */
class Ring {
  private lines: Line[] = [];
  private from = 0;
  private chars = 0;

  get length() {
    return this.lines.length - this.from;
  }

  push(line: Line) {
    this.lines.push(line);
    this.chars += line.raw.length;
    while (this.length > KEPT || (this.chars > KEPT_CHARS && this.length > 1)) this.chars -= this.lines[this.from++]!.raw.length;
    if (this.from < KEPT) return;
    this.lines.splice(0, this.from);
    this.from = 0;
  }

  /** The newest so many, oldest first. */
  newest(n = KEPT): Line[] {
    return this.lines.slice(Math.max(this.from, this.lines.length - n));
  }
}

const idOf = (l: Line) => `${l.topic}@${l.offset}`;

function read(raw: string): Change {
  try {
    return changeOf(raw);
  } catch (e) {
    return { op: "?", word: "unreadable", table: "", key: "", what: (e as Error).message, columns: [], source: {}, at: null, record: {} };
  }
}

function rowOf(l: Line): TailRow {
  const { op, word, table, key, what, at } = read(l.raw);
  return { id: idOf(l), topic: l.topic, offset: l.offset, op, word, table, key, what, at };
}

/** Of all tabs of a browser, which has six connections to an address: one stays the shared stream's. */
const TAILS = ["1", "2", "3"];

/** Waits for one of them; the answer gives it back. */
function lend(signal: AbortSignal): Promise<() => void> {
  const locks = (navigator as { locks?: LockManager }).locks;
  if (!locks) return Promise.resolve(() => undefined);
  return new Promise((resolve, reject) => {
    const rest = new AbortController();
    let lent = false;
    signal.addEventListener("abort", () => {
      rest.abort();
      reject(new DOMException("", "AbortError"));
    });
    for (const tail of TAILS) {
      const asked = locks.request(`leat tail ${tail}`, { signal: rest.signal }, () => {
        if (lent || signal.aborted) return;
        lent = true;
        rest.abort();
        return new Promise<void>((back) => resolve(back));
      });
      void asked.catch(() => undefined); // another one came first
    }
  });
}

interface Followed {
  from: string;
  filter: Record<string, string>;
}

export class Follower {
  private ring = new Ring();
  private seen = 0;
  private told = 0;
  /** As it was when the list was told to hold still. */
  private still: { lines: Line[]; seen: number; skip: number } | null = null;
  private drawn = true;
  private changed = false;
  private following = new Map<string, Followed>();
  private abort = new AbortController();

  constructor(
    private root: URL,
    private tell: (told: Told) => void,
  ) {
    setInterval(() => this.turn(), TURN_MS);
  }

  take(asked: Asked) {
    if (asked.kind === "follow") this.begin(asked.topic, asked);
    else if (asked.kind === "open") void this.open(asked.id);
    else if (asked.kind === "rest") this.rest(asked.on);
    else if (asked.kind === "drawn") this.drawn = true;
    else {
      if (asked.kind === "back") {
        if (this.still) this.still.skip = Math.max(0, Math.min(asked.skip, this.still.lines.length - 1));
      } else this.still = asked.on ? { lines: this.ring.newest(), seen: this.seen, skip: 0 } : null;
      this.changed = true;
      this.turn();
    }
  }

  private begin(topic: string, how: Followed) {
    if (this.following.has(topic)) return;
    this.following.set(topic, { from: how.from, filter: how.filter });
    void this.follow(topic, this.abort.signal);
  }

  private rest(on: boolean) {
    if (on === this.abort.signal.aborted) return;
    if (on) {
      this.abort.abort();
      return;
    }
    this.abort = new AbortController();
    for (const topic of this.following.keys()) void this.follow(topic, this.abort.signal);
  }

  private events(topic: string, query: Record<string, string>): URL {
    return below(this.root, `${path("hub", "v1", "topics", topic, "events")}?${new URLSearchParams(query)}`);
  }

  private async follow(topic: string, signal: AbortSignal) {
    const own = this.following.get(topic)!;
    let wait = FIRST_MS;
    while (!signal.aborted) {
      let back = () => {};
      try {
        back = await this.lent(signal);
        await feed("GET", this.events(topic, { ...own.filter, from: own.from }), undefined, (e) => {
          if (e.event === "failed") {
            this.fail((JSON.parse(e.data) as { message: string }).message);
            return;
          }
          own.from = String(Number(e.id) + 1);
          this.ring.push({ topic, offset: e.id, raw: e.data });
          this.seen++;
          wait = FIRST_MS;
        }, signal);
      } catch (e) {
        if ((e as Error).name === "AbortError") return;
        this.fail((e as Error).message);
      } finally {
        back();
      }
      await new Promise((r) => setTimeout(r, wait));
      wait = Math.min(wait * 2, MOST_MS);
    }
  }

  private async lent(signal: AbortSignal): Promise<() => void> {
    const long = setTimeout(() => this.fail(BUSY), FIRST_MS);
    try {
      return await lend(signal);
    } finally {
      clearTimeout(long);
    }
  }

  private fail(message: string) {
    this.tell({ kind: "error", message });
  }

  private turn() {
    if (!this.drawn || (!this.changed && this.seen === this.told)) return;
    this.drawn = this.changed = false;
    this.told = this.seen;
    const still = this.still;
    const end = still ? still.lines.length - still.skip : 0;
    const shown = still ? still.lines.slice(Math.max(0, end - SHOWN), end) : this.ring.newest(SHOWN);
    this.tell({
      kind: "rows",
      rows: shown.reverse().map(rowOf),
      seen: this.seen,
      later: still ? this.seen - still.seen : 0,
      kept: still ? still.lines.length : this.ring.length,
    });
  }

  /** From what is kept, or else from the hub; its types are asked for, since a tail comes without. */
  private async open(id: string) {
    const at = id.lastIndexOf("@");
    const topic = id.slice(0, at);
    const offset = id.slice(at + 1);
    const fits = (l: Line) => l.offset === offset && l.topic === topic;
    const kept = this.still?.lines.find(fits) ?? this.ring.newest().find(fits);
    const raw = kept?.raw ?? (await this.fetched(topic, offset, {}));
    if (raw === null) {
      this.tell({ kind: "opened", id, opened: null });
      return;
    }
    const opened: Opened = { id, topic, offset, raw, change: read(raw), types: null };
    this.tell({ kind: "opened", id, opened });
    const typed = await this.fetched(topic, offset, { schemas: "true" });
    if (typed !== null) this.tell({ kind: "opened", id, opened: { ...opened, types: typesOf(typed) } });
  }

  /** The first event from there on, if it is that one. */
  private async fetched(topic: string, offset: string, form: Record<string, string>): Promise<string | null> {
    const abort = new AbortController();
    const late = setTimeout(() => abort.abort(), FETCH_MS);
    let raw: string | null = null;
    try {
      await feed("GET", this.events(topic, { ...form, from: offset }), undefined, (e) => {
        if (!abort.signal.aborted && e.id === offset) raw = e.data;
        abort.abort();
      }, abort.signal);
    } catch {
      /* it is not there, or was found and the rest was not waited for */
    }
    clearTimeout(late);
    return raw;
  }
}
