// The live tail of topics: raw lines in a ring, parsed only when they are drawn. What comes is gathered
// and shown at most ten times a second; frozen, it is counted and not shown.
import { signal } from "@preact/signals";
import { feed, path } from "./api";

const KEPT = 5000;

export interface TailLine {
  topic: string;
  offset: string;
  raw: string;
}

/** "topic@offset": what an event is called in a URL. */
export const placeOf = (l: { topic: string; offset: string }) => `${l.topic}@${l.offset}`;

export class Tail {
  readonly lines = signal<TailLine[]>([]);
  readonly seen = signal(0);
  /** While it is frozen: what came since then. */
  readonly later = signal(0);
  readonly error = signal("");
  readonly frozen = signal(false);
  private fresh: TailLine[] = [];
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
          this.fresh.push({ topic, offset: e.id, raw: e.data });
          if (this.fresh.length > KEPT * 2) this.fresh.splice(0, this.fresh.length - KEPT);
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

  private flush() {
    if (this.fresh.length === 0) return;
    const n = this.fresh.length;
    this.error.value = "";
    this.all = [...this.all, ...this.fresh].slice(-KEPT);
    this.fresh = [];
    this.seen.value += n;
    if (this.frozen.value) this.later.value += n;
    else this.lines.value = this.all;
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
