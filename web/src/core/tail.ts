// The live tail of topics, as the page sees it: the rows that are shown, and one that is looked at. A
// worker does the rest (follow.ts).
import { signal } from "@preact/signals";
import type { Asked, Opened, TailRow, Told } from "./follow";
import { tailerUrl } from "./trust";

const HIDDEN_MS = 60_000;

export class Tail {
  /** Newest first. */
  readonly rows = signal<TailRow[]>([]);
  readonly seen = signal(0);
  /** What came since it was told to hold still. */
  readonly later = signal(0);
  /** So many can be looked at. */
  readonly kept = signal(0);
  /** So many newer ones are passed over. */
  readonly skip = signal(0);
  readonly error = signal("");
  readonly frozen = signal(false);
  /** Nobody looked for a minute. */
  readonly rests = signal(false);
  readonly opened = signal<Opened | null>(null);
  /** What is looked at is not there any more. */
  readonly missing = signal("");
  private worker: Worker;
  private wanted = "";
  private hiding: ReturnType<typeof setTimeout> | undefined;
  private hidden = () => {
    clearTimeout(this.hiding);
    if (document.hidden) this.hiding = setTimeout(() => this.rest(true), HIDDEN_MS);
  };

  constructor() {
    this.worker = new Worker(tailerUrl() as string, { type: "module" });
    this.worker.onmessage = (e: MessageEvent<Told>) => this.take(e.data);
    this.worker.onerror = () => (this.error.value = "This browser could not start the worker that reads events.");
    document.addEventListener("visibilitychange", this.hidden);
  }

  private ask(asked: Asked) {
    this.worker.postMessage(asked);
  }

  private take(told: Told) {
    if (told.kind === "error") this.error.value = told.message;
    else if (told.kind === "opened") {
      if (told.id !== this.wanted) return;
      this.opened.value = told.opened;
      this.missing.value = told.opened ? "" : told.id;
    } else {
      if (told.seen > this.seen.value) this.error.value = "";
      this.rows.value = told.rows;
      this.seen.value = told.seen;
      this.later.value = told.later;
      this.kept.value = told.kept;
      requestAnimationFrame(() => this.ask({ kind: "drawn" }));
    }
  }

  /** from: "beginning", "end", an offset or a time. */
  follow(topic: string, from: string, filter: Record<string, string> = {}) {
    this.ask({ kind: "follow", topic, from, filter });
  }

  freeze(on: boolean) {
    if (on === this.frozen.value) return;
    this.frozen.value = on;
    this.skip.value = 0;
    this.ask({ kind: "freeze", on });
  }

  /** While it holds still. */
  back(skip: number) {
    this.skip.value = skip;
    this.ask({ kind: "back", skip });
  }

  /** Looks at one of them; empty: at none. */
  open(id: string) {
    if (id === this.wanted) return;
    this.wanted = id;
    this.opened.value = null;
    this.missing.value = "";
    if (id) this.ask({ kind: "open", id });
  }

  rest(on: boolean) {
    this.rests.value = on;
    this.ask({ kind: "rest", on });
  }

  stop() {
    document.removeEventListener("visibilitychange", this.hidden);
    clearTimeout(this.hiding);
    this.worker.terminate();
  }
}
