// Events as they come, newest first, and one of them as a difference before and after. The list holds
// still while one is looked at.
import { useEffect, useMemo, useState } from "preact/hooks";
import { count, exact, precise, time } from "../core/format";
import { query, setQuery } from "../core/place";
import { changeOf, short, type Change } from "../core/record";
import type { Tail, TailLine } from "../core/tail";
import { Copy, Empty } from "./bits";
import { Icon } from "./icon";

const SHOWN = 40;

const tones: Record<string, string> = { c: "tone-ok", u: "tone-accent", d: "tone-bad", r: "tone-info", t: "tone-warn" };

const cache = new WeakMap<TailLine, Change>();
function parsed(line: TailLine): Change {
  let c = cache.get(line);
  if (!c) {
    try {
      c = changeOf(line.raw);
    } catch (e) {
      c = { op: "?", word: "unreadable", table: "", key: "", what: (e as Error).message, columns: [], source: {}, at: null, record: {} };
    }
    cache.set(line, c);
  }
  return c;
}

const idOf = (l: TailLine) => `${l.topic}@${l.offset}`;

function Value({ v }: { v: unknown }) {
  if (v === undefined) return <span class="muted">–</span>;
  if (v === null) return <span class="muted">null</span>;
  const text = short(v);
  return <>{text.length > 4096 ? `${text.slice(0, 4096)}…` : text}</>;
}

export function Diff({ change }: { change: Pick<Change, "op" | "columns"> }) {
  const both = change.columns.some((c) => c.before !== undefined);
  return (
    <div class="sideways">
      <table class="list diff-table">
        <thead>
          <tr>
            <th scope="col"><span class="sr">Change</span></th>
            <th scope="col">Column</th>
            {both && <th scope="col">Before</th>}
            <th scope="col">{both ? "After" : "Value"}</th>
          </tr>
        </thead>
        <tbody>
          {change.columns.map((c) => (
            <tr key={c.name} class={c.changed ? "changed" : ""}>
              <td>{c.changed ? <><b aria-hidden="true">~</b><span class="sr">changed</span></> : ""}</td>
              <th scope="row" class="mono">{c.name}</th>
              {both && <td class={`mono wrap ${c.changed || change.op === "d" ? "removed" : ""}`}><Value v={c.before} /></td>}
              <td class={`mono wrap ${c.changed || change.op === "c" ? "added" : ""}`}><Value v={c.after} /></td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

const PANES = ["change", "record", "source"] as const;

function Pane({ line, close }: { line: TailLine; close: () => void }) {
  const change = parsed(line);
  const pane = (query.value.get("pane") ?? "change") as (typeof PANES)[number];
  const pretty = JSON.stringify(pane === "source" ? change.source : change.record, null, 2);
  return (
    <aside class="panel event-pane" aria-label="Event">
      <header>
        <h2>
          <span class={tones[change.op] ?? ""}>{change.word}</span> {change.table || line.topic}{" "}
          <span class="muted mono small">{"{"}{change.key}{"}"}</span>
        </h2>
        <button type="button" class="button bare" aria-label="Close the event" onClick={close}><Icon name="close" /></button>
      </header>
      <p class="muted small num">
        offset {Number(line.offset).toLocaleString()}{change.at !== null && <> · <span title={precise(change.at)}>{precise(change.at).split("\n")[0]}</span></>}
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
        <Copy text={line.raw} label="Copy as JSON" />
      </div>
      {pane === "change" && change.columns.length > 0 ? <Diff change={change} /> : <pre class="code" tabIndex={0}>{pane === "change" ? change.what : pretty}</pre>}
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

export function Events({ tail, several, empty }: { tail: Tail; several?: boolean; empty: string }) {
  const lines = tail.lines.value;
  const open = query.value.get("e");
  const [at, setAt] = useState<TailLine | null>(null);
  const [begun] = useState(Date.now());
  const [first, setFirst] = useState<number | null>(null);
  useEffect(() => {
    if (first === null && lines.length > 0) setFirst(Date.now() - begun);
  }, [lines.length > 0]);
  const shown = useMemo(() => lines.slice(-SHOWN).reverse(), [lines]);
  const chosen = at ?? lines.find((l) => idOf(l) === open) ?? null;
  const choose = (line: TailLine | null) => {
    setAt(line);
    tail.freeze(line !== null);
    setQuery({ e: line ? idOf(line) : null, pane: line ? query.value.get("pane") : null });
  };
  const keys = (e: KeyboardEvent) => {
    if (e.key === " " && e.target === e.currentTarget) {
      e.preventDefault();
      tail.freeze(!tail.frozen.value);
    } else if ((e.key === "[" || e.key === "]") && chosen) {
      const i = shown.indexOf(chosen);
      const next = shown[i + (e.key === "]" ? 1 : -1)];
      if (next) choose(next);
    }
  };
  const hidden = tail.frozen.value ? tail.seen.value - lines.length : 0;
  return (
    <div class={`events ${chosen ? "with-pane" : ""}`} onKeyDown={keys} tabIndex={-1}>
      <div>
        <div class="toolbar">
          <button type="button" class="button small" aria-pressed={tail.frozen.value} onClick={() => tail.freeze(!tail.frozen.value)}>
            {tail.frozen.value ? "Follow" : "Freeze"}
          </button>
          <span class="muted num">
            {tail.frozen.value ? `Frozen${hidden > 0 ? `; ${count(hidden)} more came` : ""}.` : tail.seen.value > 0 ? `${count(tail.seen.value)} events since you looked.` : "Waiting for events."}
            {first !== null && !tail.frozen.value && ` First event after ${(first / 1000).toFixed(1)} s.`}
          </span>
        </div>
        {tail.error.value && <p class="note tone-warn" role="status">{tail.error.value}</p>}
        {shown.length === 0 ? (
          <Empty title="No event yet.">
            <p>{empty}</p>
          </Empty>
        ) : (
          <div class="panel sideways">
            <table class="list event-list" aria-label="Events, newest first" aria-rowcount={-1}>
              <thead>
                <tr>
                  <th scope="col" class="right">Offset</th>
                  <th scope="col" class="right">Time</th>
                  <th scope="col">Op</th>
                  {several && <th scope="col">Table</th>}
                  <th scope="col">Key</th>
                  <th scope="col">Change</th>
                </tr>
              </thead>
              <tbody>
                {shown.map((l, i) => {
                  const c = parsed(l);
                  return (
                    // By its place: under load all are other events ten times a second, and rows are reused.
                    <tr key={i} class={chosen && idOf(chosen) === idOf(l) ? "ticked" : ""}>
                      <td class="num">{exact(Number(l.offset))}</td>
                      <td class="num">{c.at ? time(c.at) : "–"}</td>
                      <td class={`mono ${tones[c.op] ?? ""}`} title={c.word}>{c.op}</td>
                      {several && <td class="mono">{c.table || l.topic}</td>}
                      <th scope="row" class="mono"><button type="button" class="linkish mono" onClick={() => choose(l)}>{c.key || "–"}</button></th>
                      <td class="what">{c.what}</td>
                    </tr>
                  );
                })}
              </tbody>
            </table>
          </div>
        )}
      </div>
      {chosen && <Pane line={chosen} close={() => choose(null)} />}
    </div>
  );
}
