// The one stream of events of a browser: all topics that its tabs follow, read by one request. Who
// comes or goes has it begun anew, each topic from behind what it gave. Each tail's lines are
// gathered, and told at most ten times a second and not before the last were taken, so that a slow
// tab is told the newest and holds up nobody. Runs where feed.ts runs. No DOM.
import { refusal } from "./error";
import { readEvents, SILENCE_MS, type FeedEvent } from "./sse";

export const KEPT = 5000;
const KEPT_CHARS = 32 << 20;
const TELL_MS = 100;
const FIRST_MS = 500;
const MOST_MS = 10_000;
/** What the hub follows in a request, and what of its line passes proxies, which take 8 KiB. */
const WISHES_MOST = 64;
const QUERY_MOST = 7000;

export interface TailLine {
  topic: string;
  offset: string;
  raw: string;
}

/** from: "beginning", "end", an offset or a time. */
export interface Wish {
  topic: string;
  from: string;
  contains?: string;
  op?: string;
}

/** What it tells of a tail; came: with those that are left out of lines; message: empty: it is over. */
export type TailTold =
  | { kind: "lines"; tail: string; came: number; lines: TailLine[] }
  | { kind: "problem"; tail: string; message: string };

interface Tail {
  tell: (told: TailTold) => void;
  fresh: TailLine[];
  chars: number;
  came: number;
  /** What was told last was not taken yet. */
  busy: boolean;
  /** The problem that was told last. */
  problem: string;
}

interface Followed {
  tail: string;
  wish: Wish;
  /** Why nothing comes of it; empty: something does. */
  problem: string;
}

const chars = (lines: TailLine[]) => lines.reduce((n, l) => n + l.raw.length, 0);

/** The newest: so many, or so much text, but one at least. */
export function newest(lines: TailLine[]): TailLine[] {
  let from = Math.max(0, lines.length - KEPT);
  for (let over = chars(lines.slice(from)) - KEPT_CHARS; over > 0 && from < lines.length - 1; from++) over -= lines[from]!.raw.length;
  return lines.slice(from);
}

export class Tails {
  private tails = new Map<string, Tail>();
  /** By what the hub calls it. */
  private wishes = new Map<string, Followed>();
  /** Why nothing comes of any. */
  private away = "";
  private asked = 0;
  private abort: AbortController | null = null;
  private begin: ReturnType<typeof setTimeout> | undefined;
  private silence: ReturnType<typeof setTimeout> | undefined;
  private wait = FIRST_MS;
  private telling: ReturnType<typeof setInterval> | undefined;

  constructor(private url: string) {}

  /** A tail follows one topic more. */
  follow(tail: string, wish: Wish, tell: (told: TailTold) => void) {
    if (!this.tails.has(tail)) this.tails.set(tail, { tell, fresh: [], chars: 0, came: 0, busy: false, problem: "" });
    this.wishes.set(String(++this.asked), { tail, wish: { ...wish }, problem: "" });
    this.telling ??= setInterval(() => this.tell(), TELL_MS);
    this.anew(0);
  }

  drop(tail: string) {
    if (!this.tails.delete(tail)) return;
    for (const [id, followed] of this.wishes) if (followed.tail === tail) this.wishes.delete(id);
    this.anew(0);
  }

  /** What was told of it last is in the tab. */
  taken(tail: string) {
    const one = this.tails.get(tail);
    if (one) one.busy = false;
  }

  /** Now, whatever the back-off says. */
  hurry() {
    if (this.away) this.anew(0);
  }

  private tell() {
    for (const [name, tail] of this.tails) {
      if (tail.came === 0 || tail.busy) continue;
      const { came, fresh } = tail;
      Object.assign(tail, { fresh: [], chars: 0, came: 0, busy: true });
      tail.tell({ kind: "lines", tail: name, came, lines: newest(fresh) });
    }
  }

  private anew(ms: number) {
    this.abort?.abort();
    this.abort = null;
    clearTimeout(this.begin);
    clearTimeout(this.silence);
    if (this.wishes.size > 0) {
      this.begin = setTimeout(() => void this.read(), ms);
      return;
    }
    clearInterval(this.telling);
    this.telling = undefined;
  }

  private async read() {
    const abort = (this.abort = new AbortController());
    const query = this.query();
    const heard = () => {
      clearTimeout(this.silence);
      this.silence = setTimeout(() => this.lost("The hub does not answer."), SILENCE_MS);
    };
    let said = "The hub ended the stream.";
    try {
      heard();
      const answer = await fetch(`${this.url}?${query}`, { headers: { Accept: "text/event-stream" }, signal: abort.signal });
      if (!answer.ok) throw await refusal(answer);
      this.away = "";
      this.tellProblems();
      await readEvents(
        answer,
        (e) => !abort.signal.aborted && this.take(e),
        () => !abort.signal.aborted && heard(),
      );
    } catch (e) {
      said = e instanceof TypeError ? "The hub does not answer." : (e as Error).message;
    }
    if (!abort.signal.aborted) this.lost(said);
  }

  /** The newest that fit into a request; the others have that as their problem. */
  private query(): string {
    const fit: string[] = [];
    let left = QUERY_MOST;
    for (const [id, one] of [...this.wishes].reverse()) {
      const { topic, from, contains, op } = one.wish;
      const text = `follow=${encodeURIComponent(JSON.stringify({ id, topic, from, contains: contains || undefined, op: op || undefined }))}`;
      const fits = fit.length < WISHES_MOST && text.length < left;
      one.problem = fits ? "" : "The tabs of this browser follow more topics than one request holds: close some.";
      if (!fits) continue;
      fit.push(text);
      left -= text.length + 1;
    }
    return fit.join("&");
  }

  private lost(said: string) {
    this.away = said;
    this.tellProblems();
    this.anew(this.wait);
    this.wait = Math.min(this.wait * 2, MOST_MS);
  }

  /** Of each tail the first, where it is another than the last that was told. */
  private tellProblems() {
    const found = new Map<string, string>();
    for (const { tail, problem } of this.wishes.values()) if (!found.get(tail)) found.set(tail, this.away || problem);
    for (const [name, tail] of this.tails) {
      const message = found.get(name) ?? "";
      if (message === tail.problem) continue;
      tail.problem = message;
      tail.tell({ kind: "problem", tail: name, message });
    }
  }

  private take(e: FeedEvent) {
    this.wait = FIRST_MS;
    if (e.event === "failed") {
      const { id, message } = JSON.parse(e.data) as { id: string; message: string };
      const followed = this.wishes.get(id);
      if (followed) followed.problem = message;
      this.tellProblems();
      return;
    }
    const at = e.id.indexOf(":");
    const followed = this.wishes.get(e.id.slice(0, at));
    if (!followed) return;
    if (followed.problem) {
      followed.problem = "";
      this.tellProblems();
    }
    const offset = e.id.slice(at + 1);
    followed.wish.from = e.event === "at" ? offset : String(Number(offset) + 1);
    if (e.event !== "event") return;
    const tail = this.tails.get(followed.tail)!;
    tail.came++;
    tail.fresh.push({ topic: followed.wish.topic, offset, raw: e.data });
    tail.chars += e.data.length;
    if (tail.fresh.length <= KEPT * 2 && tail.chars <= KEPT_CHARS * 2) return;
    tail.fresh = newest(tail.fresh);
    tail.chars = chars(tail.fresh);
  }
}
