// The one stream of the hub's state: what is known of all connectors, and whether the hub is there.
// Runs in a SharedWorker, one for all tabs, or in the page where there is none. No DOM.
import { SILENCE_MS } from "./sse";

export interface Snapshot {
  tables: number;
  tables_done: number;
  rows: number;
  rows_total: number;
  left_ms: number;
}

/** A row of /hub/v1/overview; a number of -1 is unknown. */
export interface Row {
  name: string;
  type: "source" | "sink" | "unknown";
  plugin: string | null;
  state: string;
  condition: string;
  stage: string | null;
  trace: string | null;
  tasks: number;
  deaths: number;
  pid: number;
  host: string | null;
  database: string | null;
  events: number;
  rate: number;
  dead: number;
  behind_ms: number;
  since_ms: number;
  lag_bytes: number;
  retained_bytes: number;
  /** Above it the server gives up on us; 0: none is set. */
  retained_limit: number;
  /** So long the server surely keeps what was not read; -1: not known, or for ever. */
  log_left_ms: number;
  /** How long it keeps log at all; 0: for ever, -1: not known. */
  log_expires_ms: number;
  /** It has removed some that was not read. */
  log_removed: boolean;
  spool_bytes: number;
  stream_bytes: number;
  resident_bytes: number;
  snapshot: Snapshot | null;
}

export interface HubInfo {
  id: string;
  version: string;
  worker: string;
  begun_ms: number;
  /** The hub of `leat demo`. */
  demo: boolean;
  /** Its machine's time zone, "Europe/Berlin"; null: it has no name. */
  zone: string | null;
}

export interface Link {
  state: "waiting" | "live" | "away";
  /** When the hub was heard last, ms since 1970; 0: never. */
  heard: number;
  /** When it is tried again. */
  next: number;
}

/** What the stream tells its listeners. */
export type Told =
  | { kind: "link"; link: Link }
  | { kind: "rows"; whole: boolean; rows: Row[]; at: number; hub: HubInfo | null };

const FIRST_MS = 500;
const MOST_MS = 10_000;

export class Feed {
  private source: EventSource | null = null;
  private rows = new Map<string, Row>();
  private hub: HubInfo | null = null;
  private at = 0;
  private link: Link = { state: "waiting", heard: 0, next: 0 };
  private wait = FIRST_MS;
  private retry: ReturnType<typeof setTimeout> | undefined;
  private silence: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private url: string,
    private tell: (told: Told) => void,
  ) {}

  /** All that is known, for a listener that comes later. */
  now(): Told[] {
    const told: Told[] = [{ kind: "link", link: this.link }];
    if (this.hub)
      told.push({ kind: "rows", whole: true, rows: [...this.rows.values()], at: this.at, hub: this.hub });
    return told;
  }

  start() {
    this.stop();
    const source = new EventSource(this.url);
    this.source = source;
    source.addEventListener("overview", (e) => this.take(JSON.parse((e as MessageEvent).data)));
    source.onerror = () => this.lost();
    this.heard();
  }

  stop() {
    this.source?.close();
    this.source = null;
    clearTimeout(this.retry);
    clearTimeout(this.silence);
  }

  /** Now, whatever the back-off says. */
  hurry() {
    if (this.link.state === "away") this.start();
  }

  private heard() {
    clearTimeout(this.silence);
    this.silence = setTimeout(() => this.lost(), SILENCE_MS);
  }

  private take(message: { at_ms: number; whole: boolean; hub?: HubInfo; rows: Row[] }) {
    this.heard();
    this.wait = FIRST_MS;
    if (message.whole) this.rows.clear();
    for (const row of message.rows) this.rows.set(row.name, row);
    this.hub = message.hub ?? this.hub;
    this.at = message.at_ms;
    const was = this.link.state;
    this.link = { state: "live", heard: Date.now(), next: 0 };
    this.tell({ kind: "rows", whole: message.whole, rows: message.rows, at: this.at, hub: this.hub });
    if (was !== "live") this.tell({ kind: "link", link: this.link });
  }

  private lost() {
    this.stop();
    const jitter = 1 + (Math.random() - 0.5) * 0.6;
    const ms = Math.round(this.wait * jitter);
    this.wait = Math.min(this.wait * 2, MOST_MS);
    this.link = { state: "away", heard: this.link.heard, next: Date.now() + ms };
    this.tell({ kind: "link", link: this.link });
    this.retry = setTimeout(() => this.start(), ms);
  }
}
