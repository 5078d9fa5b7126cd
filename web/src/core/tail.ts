// The live tail of topics: raw lines in a ring, parsed only when they are drawn. What comes is gathered
// and shown at most ten times a second; frozen, it is counted and not shown.
import { signal } from "@preact/signals";
import { feed, path } from "./api";

const KEPT = 5000;
const KEPT_CHARS = 32 << 20;

export interface TailLine {
  topic: string;
  offset: string;
  raw: string;
}

/** "topic@offset": what an event is called in a URL. */
export const placeOf = (l: { topic: string; offset: string }) => `${l.topic}@${l.offset}`;

const chars = (lines: TailLine[]) => lines.reduce((n, l) => n + l.raw.length, 0);

/** The newest: so many, or so much text, but one at least. */
function newest(lines: TailLine[]): TailLine[] {
  let from = Math.max(0, lines.length - KEPT);
  for (let over = chars(lines.slice(from)) - KEPT_CHARS; over > 0 && from < lines.length - 1; from++) over -= lines[from]!.raw.length;
  return lines.slice(from);
}

export class Tail {
  readonly lines = signal<TailLine[]>([]);
  readonly seen = signal(0);
  /** While it is frozen: what came since then. */
  readonly later = signal(0);
  readonly error = signal("");
  readonly frozen = signal(false);
  private fresh: TailLine[] = [];
  private freshChars = 0;
  private came = 0;
  private all: TailLine[] = [];
  private timer: ReturnType<typeof setInterval>;
  private abort = new AbortController();
  private following = new Map<string, string>();

  constructor() {
    this.timer = setInterval(() => this.flush(), 100);
  }

  /** from: "beginning", "end", an offset or a time. */
  async follow(topic: string, from: string, more: Record<string, string> = {}) {
    if (this.following.has(topic)) return;
    this.following.set(topic, from);
    let wait = 500;
    while (!this.abort.signal.aborted) {
      const query = new URLSearchParams({ from: this.following.get(topic)!, ...more });
      try {
        await feed("GET", `${path("hub", "v1", "topics", topic, "events")}?${query}`, undefined, (e) => {
          if (e.event === "failed") {
            this.error.value = (JSON.parse(e.data) as { message: string }).message;
            return;
          }
          this.following.set(topic, String(Number(e.id) + 1));
          this.take({ topic, offset: e.id, raw: e.data });
          wait = 500;
        }, this.abort.signal);
      } catch (e) {
        if ((e as Error).name === "AbortError") return;
        this.error.value = (e as Error).message;
      }
      await new Promise((r) => setTimeout(r, wait));
      wait = Math.min(wait * 2, 10_000);
    }
  }

  private take(line: TailLine) {
    this.came++;
    this.fresh.push(line);
    this.freshChars += line.raw.length;
    if (this.fresh.length <= KEPT * 2 && this.freshChars <= KEPT_CHARS * 2) return;
    this.fresh = newest(this.fresh);
    this.freshChars = chars(this.fresh);
  }

  private flush() {
    if (this.came === 0) return;
    this.error.value = "";
    this.all = newest([...this.all, ...this.fresh]);
    this.seen.value += this.came;
    if (this.frozen.value) this.later.value += this.came;
    else this.lines.value = this.all;
    this.fresh = [];
    this.freshChars = this.came = 0;
  }

  freeze(on: boolean) {
    if (on === this.frozen.value) return;
    this.frozen.value = on;
    this.later.value = 0;
    if (!on) this.lines.value = this.all;
  }

  stop() {
    clearInterval(this.timer);
    this.abort.abort();
  }
}
