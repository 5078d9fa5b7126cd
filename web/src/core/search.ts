// The events of a topic that a condition of SQL wants: what is held, piece by piece, each a query of
// its own that is short, then what comes.
import { signal } from "@preact/signals";
import { ask, ApiError } from "./api";
import { Lines, type TailLine } from "./tail";
import { listTopics } from "./topics";
import type { Wish } from "./tails";

const PIECE = 200_000;
const PIECE_LEAST = 1000;
const FOUND_MOST = 1000;
const LOOK_MS = 2000;

interface Answer {
  rows: [number, string][];
  /** There were more rows, or larger ones, than an answer holds. */
  more: boolean;
}

const text = (s: string) => `'${s.replace(/'/g, "''")}'`;

export class Search extends Lines {
  /** What is wrong with the condition. */
  readonly wrong = signal("");
  /** How far it has looked; null: it is at the end. */
  readonly at = signal<{ looked: number; of: number } | null>(null);
  private abort = new AbortController();
  private piece = PIECE;

  constructor(private wish: Wish & { where: string }) {
    super();
    void this.run();
  }

  stop() {
    this.abort.abort();
  }

  private async run() {
    let next: number | null = null;
    let asked = false;
    while (!this.abort.signal.aborted) {
      let rest = LOOK_MS;
      try {
        const held = (await listTopics(this.abort.signal)).find((t) => t.topic === this.wish.topic);
        if (!held) throw new Error(`There is no topic ${this.wish.topic}.`);
        next ??= await this.begin(held.first_offset, held.next_offset);
        // From behind what is held: nothing yet.
        const end = Math.max(next, Math.min(held.next_offset, next + this.piece));
        // An empty piece is asked for, too, at first: whether the condition is one.
        if (end > next || !asked) next = await this.look(next, end);
        asked = true;
        this.piece = Math.min(this.piece * 2, PIECE);
        this.at.value = next < held.next_offset ? { looked: next - held.first_offset, of: held.next_offset - held.first_offset } : null;
        this.error.value = "";
        if (next < held.next_offset) rest = 0;
      } catch (e) {
        if (this.abort.signal.aborted) return;
        const code = e instanceof ApiError ? e.code : "";
        const tooMuch = code === "select.time" || code === "select.memory";
        if (tooMuch && this.piece > PIECE_LEAST) {
          this.piece = Math.max(Math.floor(this.piece / 2), PIECE_LEAST);
          continue;
        }
        if (tooMuch || (e instanceof ApiError && e.status === 400)) {
          this.wrong.value = (e as Error).message.split("\n")[0]!; // what follows is not the person's
          return;
        }
        this.error.value = (e as Error).message;
      }
      // Nobody sees what a hidden tab would find; what is begun goes on.
      do await new Promise((r) => setTimeout(r, rest));
      while (rest > 0 && document.hidden && !this.abort.signal.aborted);
    }
  }

  /** The offset of the first that may be wanted. */
  private async begin(first: number, next: number): Promise<number> {
    const { from } = this.wish;
    if (from === "beginning") return first;
    if (from === "end") return next;
    if (/^\d+$/.test(from)) return Math.max(first, Number(from));
    const { rows } = await this.query(`SELECT "offset", '' FROM events WHERE topic = ${text(this.wish.topic)} AND ts >= ${text(from)} ORDER BY "offset" LIMIT 1`);
    return rows[0]?.[0] ?? next;
  }

  /** From an offset up to another one; returns where to go on. */
  private async look(from: number, end: number): Promise<number> {
    const { topic, where, op, contains } = this.wish;
    const record = `'{"topic":' || json_quote(topic) || ',"partition":0,"offset":' || "offset" || ',"timestamp":' || coalesce(ts_ms, 'null') || ',"key":' || coalesce("key", 'null') || ',"value":' || coalesce(value, 'null') || ',"headers":[]}'`;
    const ops = op ? ` AND op IN (${[...op].map(text).join()})` : "";
    // The bounds stand apart, so that they hold whatever the condition is. It is on lines of its
    // own: a comment in it ends there.
    const { rows, more } = await this.query(
      `SELECT "offset", ${record} FROM (SELECT * FROM events WHERE topic = ${text(topic)} AND "offset" >= ${from} AND "offset" < ${end}${ops}) AS events WHERE (\n${where}\n/**/) ORDER BY "offset" LIMIT ${FOUND_MOST + 1}`,
    );
    // One that closes the parentheses may bring rows of its own.
    const own = rows.filter(([offset]) => offset >= from && offset < end);
    const lines: TailLine[] = own.map(([offset, raw]) => ({ topic, offset: String(offset), raw: String(raw) }));
    const found = contains ? lines.filter((l) => l.raw.includes(contains)) : lines;
    if (found.length > 0) this.add(found, found.length);
    return more && own.length > 0 ? own[own.length - 1]![0] + 1 : end;
  }

  private query(sql: string): Promise<Answer> {
    return ask("POST", "/hub/v1/query", { sql, max_rows: FOUND_MOST }, { signal: this.abort.signal });
  }
}
