// The live tail of topics in this tab: raw lines in a ring, parsed only when they are drawn. They
// come at most ten times a second; frozen, they are counted and not shown.
import { signal } from "@preact/signals";
import { openTail } from "./live";
import { newest, type TailLine, type TailTold, type Wish } from "./tails";

export type { TailLine } from "./tails";

/** "topic@offset": what an event is called in a URL. */
export const placeOf = (l: { topic: string; offset: string }) => `${l.topic}@${l.offset}`;

let opened = 0;

export class Tail {
  readonly lines = signal<TailLine[]>([]);
  readonly seen = signal(0);
  /** While it is frozen: what came since then. */
  readonly later = signal(0);
  readonly error = signal("");
  readonly frozen = signal(false);
  private all: TailLine[] = [];
  private following = new Set<string>();
  private line = openTail(String(++opened), (told) => this.take(told));

  follow(wish: Wish) {
    if (this.following.has(wish.topic)) return;
    this.following.add(wish.topic);
    this.line.follow(wish);
  }

  private take(told: TailTold) {
    this.error.value = told.kind === "problem" ? told.message : "";
    if (told.kind === "problem") return;
    this.all = newest([...this.all, ...told.lines]);
    this.seen.value += told.came;
    if (this.frozen.value) this.later.value += told.came;
    else this.lines.value = this.all;
  }

  freeze(on: boolean) {
    if (on === this.frozen.value) return;
    this.frozen.value = on;
    this.later.value = 0;
    if (!on) this.lines.value = this.all;
  }

  stop() {
    this.line.drop();
  }
}
