// One event, opened by its place "topic@offset", with what the list does not have: the types of its
// columns.
import { path, request } from "./api";
import { changeOf, typesOf, type Change, type ColumnType } from "./record";
import { placeOf, type TailLine } from "./tail";

export interface Opened extends TailLine {
  change: Change;
  /** Of its columns; null: not known. */
  types: Record<string, ColumnType> | null;
}

/** A record that cannot be read is shown as such. */
export function read(raw: string): Change {
  try {
    return changeOf(raw);
  } catch (e) {
    return { op: "?", word: "unreadable", table: "", key: "", what: (e as Error).message, columns: [], source: {}, at: null, record: {} };
  }
}

/** The record there as the hub writes it: cut out, since to parse it would change long numbers. */
async function recordAt(topic: string, offset: string, form: Record<string, string>, signal: AbortSignal): Promise<string> {
  const query = new URLSearchParams({ ...form, from: offset, max: "1" });
  const answer = await request("GET", `${path("hub", "v1", "topics", topic, "events")}?${query}`, undefined, { signal });
  const list = await answer.text();
  const raw = list.slice(list.indexOf("[", list.indexOf('"events":')) + 1, list.lastIndexOf("]"));
  if (!raw || String(read(raw).record.offset) !== offset)
    throw new Error(`${placeOf({ topic, offset })} is not there: it may have been removed, or is still to come.`);
  return raw;
}

/** kept: it is in the list. */
export async function eventAt(place: string, kept: TailLine | undefined, signal: AbortSignal): Promise<Opened> {
  const at = place.lastIndexOf("@");
  const [topic, offset] = [place.slice(0, at), place.slice(at + 1)];
  const raw = kept?.raw ?? (await recordAt(topic, offset, {}, signal));
  const types = await recordAt(topic, offset, { schemas: "true" }, signal).then(typesOf, () => null);
  return { topic, offset, raw, change: read(raw), types };
}
