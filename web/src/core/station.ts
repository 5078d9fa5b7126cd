// What the tabs of a browser share: the stream of the hub's state and that of events. Runs in a
// SharedWorker, one for all tabs, or in the page where there is none. No DOM.
import { Feed, type Told } from "./feed";
import { Tails, type TailTold, type Wish } from "./tails";

export type Heard = Told | TailTold;

/** What a tab says; a tail's name is the tab's own. */
export type Said =
  | { kind: "hurry" }
  /** It holds a lock of that name as long as it lives, however it ends. */
  | { kind: "alive"; lock: string }
  | { kind: "bye" }
  | { kind: "follow"; tail: string; wish: Wish }
  | { kind: "taken"; tail: string }
  | { kind: "drop"; tail: string };

export class Station {
  private tabs = new Map<number, (heard: Heard) => void>();
  private joined = 0;
  private feed: Feed;
  private tails: Tails;

  /** root: the hub's. */
  constructor(root: URL) {
    this.feed = new Feed(new URL("hub/v1/stream", root).href, (told) => {
      for (const tell of this.tabs.values()) tell(told);
    });
    this.tails = new Tails(new URL("hub/v1/events", root).href);
  }

  /** A tab comes; returns where it says something. */
  join(tell: (heard: Heard) => void): (said: Said) => void {
    const tab = ++this.joined;
    const own = new Set<string>();
    const nameOf = (tail: string) => `${tab}.${tail}`;
    const drop = (tail: string) => {
      own.delete(tail);
      this.tails.drop(nameOf(tail));
    };
    this.tabs.set(tab, tell);
    if (this.tabs.size === 1) this.feed.start();
    for (const told of this.feed.now()) tell(told);
    const hear = (said: Said) => {
      if (said.kind === "hurry") {
        this.feed.hurry();
        this.tails.hurry();
      } else if (said.kind === "alive") void navigator.locks.request(said.lock, () => hear({ kind: "bye" }));
      else if (said.kind === "follow") {
        own.add(said.tail);
        this.tails.follow(nameOf(said.tail), said.wish, (told) => tell({ ...told, tail: said.tail }));
      } else if (said.kind === "taken") this.tails.taken(nameOf(said.tail));
      else if (said.kind === "drop") drop(said.tail);
      else {
        for (const tail of own) drop(tail);
        this.tabs.delete(tab);
        if (this.tabs.size === 0) this.feed.stop();
      }
    };
    return hear;
  }
}
