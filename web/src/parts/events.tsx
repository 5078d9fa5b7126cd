// Events as they come, newest first, and one of them as a difference before and after. The list holds
// still while one is looked at.
import { useEffect, useState } from "preact/hooks";
import { SHOWN, type Opened, type TailRow } from "../core/follow";
import { count, exact, precise } from "../core/format";
import { query, setQuery } from "../core/place";
import { meant, NOT_SENT, short, type Change, type ColumnType } from "../core/record";
import type { Tail } from "../core/tail";
import { At, Copy, Empty } from "./bits";
import { Icon } from "./icon";
import { Table } from "./table";

const tones: Record<string, string> = { c: "tone-ok", u: "tone-accent", d: "tone-bad", r: "tone-info", t: "tone-warn" };

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

/** What stands above the list: whether it follows, and how far one may look back. */
function Bar({ tail }: { tail: Tail }) {
  const frozen = tail.frozen.value;
  const [begun] = useState(Date.now());
  const [first, setFirst] = useState<number | null>(null);
  const seen = tail.seen.value;
  const skip = tail.skip.value;
  const later = tail.later.value;
  useEffect(() => {
    if (first === null && seen > 0) setFirst(Date.now() - begun);
  }, [seen > 0]);
  return (
    <div class="toolbar">
      <button type="button" class="button small" aria-pressed={frozen} onClick={() => tail.freeze(!frozen)}>
        {frozen ? "Follow" : "Freeze"}
      </button>
      {frozen && tail.kept.value > SHOWN && (
        <>
          <button type="button" class="button small" disabled={skip === 0} onClick={() => tail.back(Math.max(0, skip - SHOWN))}>Newer</button>
          <button type="button" class="button small" disabled={skip + SHOWN >= tail.kept.value} onClick={() => tail.back(skip + SHOWN)}>Older</button>
        </>
      )}
      <span class="muted num">
        {frozen
          ? `Frozen${later > 0 ? `; ${count(later)} more came` : ""}. ${exact(skip + 1)} to ${exact(Math.min(skip + SHOWN, tail.kept.value))} of the last ${exact(tail.kept.value)}.`
          : seen > 0 ? `${count(seen)} events since you looked.` : "Waiting for events."}
        {first !== null && !frozen && ` First event after ${(first / 1000).toFixed(1)} s.`}
      </span>
    </div>
  );
}

export function Events({ tail, several, empty }: { tail: Tail; several?: boolean; empty: string }) {
  const shown = tail.rows.value;
  const open = query.value.get("e") ?? "";
  useEffect(() => tail.open(open), [tail, open]);
  const chosen = open ? tail.opened.value : null;
  const choose = (row: TailRow | null) => {
    tail.freeze(row !== null);
    setQuery({ e: row?.id, pane: row ? query.value.get("pane") : null });
  };
  const keys = (e: KeyboardEvent) => {
    if (e.key === " " && e.target === e.currentTarget) {
      e.preventDefault();
      tail.freeze(!tail.frozen.value);
    } else if ((e.key === "[" || e.key === "]") && chosen) {
      const i = shown.findIndex((r) => r.id === chosen.id);
      const next = shown[i + (e.key === "]" ? 1 : -1)];
      if (next) choose(next);
    }
  };
  return (
    <div class={`events ${chosen ? "with-pane" : ""}`} onKeyDown={keys} tabIndex={-1}>
      <div>
        <Bar tail={tail} />
        {tail.error.value && <p class="note tone-warn" role="status">{tail.error.value}</p>}
        {tail.rests.value && (
          <p class="note" role="status">
            Stopped while hidden. <button type="button" class="button small" onClick={() => tail.rest(false)}>Go on</button>
          </p>
        )}
        {tail.missing.value && <p class="note tone-warn" role="status">{tail.missing.value} is not there: it may have been removed, or is still to come.</p>}
        {shown.length === 0 ? (
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
            {shown.map((r, i) => (
              // By its place: under load all are other events ten times a second, and rows are reused.
              <tr key={i} class={chosen?.id === r.id ? "ticked" : ""}>
                <td class="num">{exact(Number(r.offset))}</td>
                <td class="num">{r.at ? <At at={r.at} /> : "–"}</td>
                <td class={`mono ${tones[r.op] ?? ""}`} title={r.word}>{r.op}</td>
                {several && <td class="mono">{r.table || r.topic}</td>}
                <th scope="row" class="mono"><button type="button" class="linkish mono" onClick={() => choose(r)}>{r.key || "–"}</button></th>
                <td class="what">{r.what}</td>
              </tr>
            ))}
          </Table>
        )}
      </div>
      {chosen && <Pane opened={chosen} close={() => choose(null)} />}
    </div>
  );
}
