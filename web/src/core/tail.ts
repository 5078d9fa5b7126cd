// Events in this tab: raw lines in a ring, parsed only when they are drawn. Those of a live tail
// come at most ten times a second; frozen, they are counted and not shown.
import { signal } from "@preact/signals";
import { openTail } from "./live";
import { newest, type TailLine, type TailTold, type Wish } from "./tails";

export type { TailLine } from "./tails";

/** "topic@offset": what an event is called in a URL. */
export const placeOf = (l: { topic: string; offset: string }) => `${l.topic}@${l.offset}`;

/** What is shown of events, live or found. */
export abstract class Lines {
  readonly lines = signal<TailLine[]>([]);
  readonly seen = signal(0);
  /** While it is frozen: what came since then. */
  readonly later = signal(0);
  readonly error = signal("");
  readonly frozen = signal(false);
  private all: TailLine[] = [];

  /** came: with those that are left out of lines. */
  protected add(lines: TailLine[], came: number) {
    this.all = newest([...this.all, ...lines]);
    this.seen.value += came;
    if (this.frozen.value) this.later.value += came;
    else this.lines.value = this.all;
  }

  freeze(on: boolean) {
    if (on === this.frozen.value) return;
    this.frozen.value = on;
    this.later.value = 0;
    if (!on) this.lines.value = this.all;
  }

  abstract stop(): void;
}

let opened = 0;

export class Tail extends Lines {
  private following = new Set<string>();
  private line = openTail(String(++opened), (told) => this.take(told));

  follow(wish: Wish) {
    if (this.following.has(wish.topic)) return;
    this.following.add(wish.topic);
    this.line.follow(wish);
  }

  private take(told: TailTold) {
    if (told.kind === "lines") this.add(told.lines, told.came);
    else this.error.value = told.message;
  }

  stop() {
    this.line.drop();
  }
}
