// Events as they come, newest first, and one of them as a difference before and after. The list holds
// still while one is looked at.
import { useEffect, useMemo, useState } from "preact/hooks";
import { eventAt, read, type Opened } from "../core/event";
import { count, exact, precise } from "../core/format";
import { query, setQuery } from "../core/place";
import { meant, NOT_SENT, short, type Change, type ColumnType } from "../core/record";
import { placeOf, type Lines, type TailLine } from "../core/tail";
import { At, Copy, Empty, Failure, useLoad } from "./bits";
import { Icon } from "./icon";
import { Table } from "./table";

const SHOWN = 40;

const tones: Record<string, string> = { c: "tone-ok", u: "tone-accent", d: "tone-bad", r: "tone-info", t: "tone-warn" };

const cache = new WeakMap<TailLine, Change>();
function parsed(line: TailLine): Change {
  let c = cache.get(line);
  if (!c) cache.set(line, (c = read(line.raw)));
  return c;
}

function Value({ v, type }: { v: unknown; type?: ColumnType }) {
  if (v === undefined) return <span class="muted">–</span>;
  if (v === null) return <span class="muted">null</span>;
  if (v === NOT_SENT) return <span class="muted" title="The log does not carry it; the row still has its value.">unchanged, not sent</span>;
  const text = short(v);
  const read = meant(v, type);
  if (read !== null) return <span title={`sent as ${text}`}>{read}</span>;
  return <>{text.length > 4096 ? `${text.slice(0, 4096)}…` : text}</>;
}

export function Diff({ change, types }: { change: Pick<Change, "op" | "columns">; types?: Record<string, ColumnType> | null }) {
  const both = change.columns.some((c) => c.before !== undefined);
  return (
    <Table heads={[{ label: <span class="sr">Change</span> }, "Column", !!types && "Type", both && "Before", both ? "After" : "Value"]} class="diff-table">
      {change.columns.map((c) => (
        <tr key={c.name} class={c.changed ? "changed" : ""}>
          <td>{c.changed ? <><b aria-hidden="true">~</b><span class="sr">changed</span></> : ""}</td>
          <th scope="row" class="mono">{c.name}</th>
          {types && <td class="muted small">{types[c.name]?.said ?? "–"}</td>}
          {both && <td class={`mono wrap ${c.changed || change.op === "d" ? "removed" : ""}`}><Value v={c.before} type={types?.[c.name]} /></td>}
          <td class={`mono wrap ${c.changed || change.op === "c" ? "added" : ""}`}><Value v={c.after} type={types?.[c.name]} /></td>
        </tr>
      ))}
    </Table>
  );
}

const PANES = ["change", "record", "source"] as const;

function Pane({ opened, close }: { opened: Opened; close: () => void }) {
  const { change } = opened;
  const pane = (query.value.get("pane") ?? "change") as (typeof PANES)[number];
  const pretty = JSON.stringify(pane === "source" ? change.source : change.record, null, 2);
  return (
    <aside class="panel event-pane" aria-label="Event">
      <header>
        <h2>
          <span class={tones[change.op] ?? ""}>{change.word}</span> {change.table || opened.topic}{" "}
          <span class="muted mono small">{"{"}{change.key}{"}"}</span>
        </h2>
        <button type="button" class="button bare" aria-label="Close the event" onClick={close}><Icon name="close" /></button>
      </header>
      <p class="muted small num">
        offset {exact(Number(opened.offset))}{change.at !== null && <> · <span title={precise(change.at)}>{precise(change.at).split("\n")[0]}</span></>}
        {change.source.lsn !== undefined && <> · LSN {lsnOf(change.source.lsn)}</>}
        {change.source.txId !== undefined && change.source.txId !== null && <> · tx {String(change.source.txId)}</>}
      </p>
      <div class="toolbar">
        <div class="segments" role="group" aria-label="What is shown">
          {PANES.map((p) => (
            <button key={p} type="button" aria-pressed={pane === p} onClick={() => setQuery({ pane: p === "change" ? null : p })}>
              {p[0]!.toUpperCase() + p.slice(1)}
            </button>
          ))}
        </div>
        <Copy text={opened.raw} label="Copy as JSON" />
        <Copy text={() => location.href} label="Copy link" />
      </div>
      {pane === "change" && change.columns.length > 0 ? <Diff change={change} types={opened.types} /> : <pre class="code" tabIndex={0}>{pane === "change" ? change.what : pretty}</pre>}
    </aside>
  );
}

function lsnOf(lsn: unknown): string {
  try {
    const n = BigInt(String(lsn));
    return `${(n >> 32n).toString(16).toUpperCase()}/${(n & 0xffffffffn).toString(16).toUpperCase()}`;
  } catch {
    return String(lsn);
  }
}

/** The event of the URL, out of the list or from the hub. The one before stays until it is there. */
function useOpened(place: string, lines: TailLine[]) {
  const find = () => lines.find((l) => placeOf(l) === place);
  const { value, error, again } = useLoad<Opened | null>(async (signal) => (place ? await eventAt(place, find(), signal) : null), [place]);
  if (!place) return { opened: null, error: null, again };
  if (value && placeOf(value) === place) return { opened: value, error: null, again };
  const line = find();
  const opened = line ? { ...line, change: parsed(line), types: null } : error ? null : (value ?? null);
  return { opened, error: line ? null : error, again };
}

export function Events({ tail, several, empty }: { tail: Lines; several?: boolean; empty: string }) {
  const lines = tail.lines.value;
  const frozen = tail.frozen.value;
  const later = tail.later.value;
  const place = query.value.get("e") ?? "";
  const { opened, error, again } = useOpened(place, lines);
  const [begun] = useState(Date.now());
  const [first, setFirst] = useState<number | null>(null);
  useEffect(() => {
    if (first === null && lines.length > 0) setFirst(Date.now() - begun);
  }, [lines.length > 0]);
  const shown = useMemo(() => lines.slice(-SHOWN).reverse(), [lines]);
  const choose = (line: TailLine | null) => {
    tail.freeze(line !== null);
    setQuery({ e: line && placeOf(line), pane: line ? query.value.get("pane") : null });
  };
  const keys = (e: KeyboardEvent) => {
    if (e.key === " " && e.target === e.currentTarget) {
      e.preventDefault();
      tail.freeze(!tail.frozen.value);
    } else if ((e.key === "[" || e.key === "]") && opened) {
      const i = shown.findIndex((l) => placeOf(l) === placeOf(opened));
      const next = shown[i + (e.key === "]" ? 1 : -1)];
      if (next) choose(next);
    }
  };
  return (
    <div class={`events ${opened ? "with-pane" : ""}`} onKeyDown={keys} tabIndex={-1}>
      <div>
        <div class="toolbar">
          <button type="button" class="button small" aria-pressed={frozen} onClick={() => tail.freeze(!frozen)}>
            {frozen ? "Follow" : "Freeze"}
          </button>
          <span class="muted num">
            {frozen ? `Frozen${later > 0 ? `; ${count(later)} more came` : ""}.` : tail.seen.value > 0 ? `${count(tail.seen.value)} ${tail.seen.value === 1 ? "event" : "events"} since you looked.` : tail.error.value ? "" : "Waiting for events."}
            {first !== null && !frozen && ` First event after ${(first / 1000).toFixed(1)} s.`}
          </span>
        </div>
        {tail.error.value && <p class="note tone-warn" role="status">{tail.error.value}</p>}
        {error && <Failure error={error} again={again} what="The event could not be opened." />}
        {shown.length === 0 ? !tail.error.value && (
          <Empty title="No event yet.">
            <p>{empty}</p>
          </Empty>
        ) : (
          <Table heads={[
              { label: "Offset", right: true, class: "place" },
              { label: "Time", right: true, class: "time" },
              { label: "Op", class: "op" },
              !!several && { label: "Table", class: "table" },
              "Key",
              "Change",
            ]} panel class="event-list" aria-label="Events, newest first" aria-rowcount={-1}>
            {shown.map((l, i) => {
              const c = parsed(l);
              return (
                // By its place: under load all are other events ten times a second, and rows are reused.
                <tr key={i} class={opened && placeOf(opened) === placeOf(l) ? "ticked" : ""}>
                  <td class="num">{exact(Number(l.offset))}</td>
                  <td class="num">{c.at ? <At at={c.at} /> : "–"}</td>
                  <td class={`mono ${tones[c.op] ?? ""}`} title={c.word}>{c.op}</td>
                  {several && <td class="mono">{c.table || l.topic}</td>}
                  <th scope="row" class="mono"><button type="button" class="linkish mono" onClick={() => choose(l)}>{c.key || "–"}</button></th>
                  <td class="what">{c.what}</td>
                </tr>
              );
            })}
          </Table>
        )}
      </div>
      {opened && <Pane opened={opened} close={() => choose(null)} />}
    </div>
  );
}
