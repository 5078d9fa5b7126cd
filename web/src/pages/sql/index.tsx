// SQL: statements in an editor, their answers as tables, what was run before. A result is as of its time.
import { signal } from "@preact/signals";
import { useEffect, useRef, useState } from "preact/hooks";
import { time } from "../../core/format";
import { query, setQuery, to } from "../../core/place";
import {
  cell, csvOf, forgetPast, isGrave, jsonOf, markdownOf, past, remember, run, statementAt, statementsOf, type Result,
} from "../../core/sql";
import { At, Copy, Title, useTitle } from "../../parts/bits";
import { confirm } from "../../parts/dialog";
import { LazyEditor, type Handle } from "../../parts/lazy";
import { Icon } from "../../parts/icon";
import { saveFile } from "../../parts/file";

const text = signal("");
const results = signal<Result[]>([]);
const SHOWN = 500; // rows of a result, until more are asked for
const RESULTS = 30;

const EXAMPLES = [
  "SHOW CONNECTORS;",
  "SHOW TOPICS;",
  "SELECT connector, state, error FROM connectors;",
  "SELECT topic, op, count(*) FROM events WHERE ts > datetime('now', '-1 hour') GROUP BY 1, 2;",
];

function Value({ v }: { v: unknown }) {
  if (v === null || v === undefined) return <span class="muted">null</span>;
  const shown = cell(v);
  return <span class={typeof v === "object" ? "mono small" : ""}>{shown.length > 300 ? `${shown.slice(0, 300)}…` : shown}</span>;
}

const isNumber = (rows: unknown[][], i: number) => rows.length > 0 && rows.every((r) => r[i] === null || typeof r[i] === "number");

function Table({ r }: { r: Result }) {
  const [most, setMost] = useState(SHOWN);
  if (r.printed)
    return (
      <p>
        A topic is followed on its page: <a href={`${to("t", r.printed.topic)}${r.printed.beginning ? "?from=beginning" : ""}`}>{r.printed.topic}</a>.
      </p>
    );
  if (r.rows.length === 0) return <p class="muted">{r.columns.length ? "No rows." : r.note || "Done."}</p>;
  const right = r.columns.map((_, i) => isNumber(r.rows, i));
  return (
    <>
      <div class="sideways tall">
        <table class="list">
          <thead>
            <tr>{r.columns.map((c, i) => <th key={c} scope="col" class={right[i] ? "right" : ""}>{c}</th>)}</tr>
          </thead>
          <tbody>
            {r.rows.slice(0, most).map((row, n) => (
              <tr key={n}>{row.map((v, i) => <td key={i} class={right[i] ? "num" : "cell"} title={cell(v).length > 40 ? cell(v) : undefined}><Value v={v} /></td>)}</tr>
            ))}
          </tbody>
        </table>
      </div>
      {r.rows.length > most && <button type="button" class="button small" onClick={() => setMost(most + 2000)}>{r.rows.length - most} more rows</button>}
    </>
  );
}

function ResultPanel({ r }: { r: Result }) {
  const name = r.title.toLowerCase().replace(/ /g, "-");
  return (
    <section class="panel result" aria-label={r.error ? "Error" : `Result: ${r.title}`}>
      <header>
        <h2>{r.error ? <span class="tone-bad">Error</span> : r.title}</h2>
        <span class="muted small num" role="status">
          {!r.error && r.columns.length > 0 && `${r.rows.length} ${r.rows.length === 1 ? "row" : "rows"} · `}
          {(r.ms / 1000).toFixed(2)} s · <At at={r.at} />
        </span>
        <span class="row">
          {r.rows.length > 0 && (
            <>
              <button type="button" class="button small" onClick={() => saveFile(`${name}.csv`, csvOf(r), "text/csv")}>CSV</button>
              <button type="button" class="button small" onClick={() => saveFile(`${name}.json`, jsonOf(r), "application/json")}>JSON</button>
              <Copy text={() => markdownOf(r)} label="Copy as Markdown" />
            </>
          )}
        </span>
      </header>
      {r.statement && <pre class="said mono">{r.statement}</pre>}
      {r.error && (
        <div class="failure" role="alert">
          <Icon name="FAILED" class="tone-bad" />
          <div><p class="pre">{r.error.message}</p>{r.error.code && <p class="row"><code>{r.error.code}</code></p>}</div>
        </div>
      )}
      {r.warnings.map((w) => <p class="note tone-warn" key={w}>{w}</p>)}
      {r.note && r.rows.length > 0 && <p class="muted">{r.note}</p>}
      {!r.error && <Table r={r} />}
    </section>
  );
}

function Past({ take }: { take: (text: string) => void }) {
  if (past.value.length === 0)
    return (
      <>
        <h2>Try</h2>
        <ul class="past">
          {EXAMPLES.map((t) => <li key={t}><button type="button" class="linkish mono" onClick={() => take(t)}>{t}</button></li>)}
        </ul>
      </>
    );
  return (
    <>
      <h2>History</h2>
      <ul class="past">
        {past.value.slice(0, 60).map((t) => <li key={t}><button type="button" class="linkish mono" title={t} onClick={() => take(t)}>{t}</button></li>)}
      </ul>
      <p><button type="button" class="linkish small" onClick={forgetPast}>Forget all</button></p>
      <p class="muted small">Kept in this browser. What sets values is not: it may hold secrets.</p>
    </>
  );
}

export function Sql() {
  useTitle("SQL");
  const handle = useRef<Handle | null>(null);
  const [busy, setBusy] = useState<AbortController | null>(null);
  const [begun, setBegun] = useState(0);
  const given = query.value.get("q");
  useEffect(() => {
    if (given === null) return;
    text.value = given;
    setQuery({ q: null });
  }, [given]);

  const go = async (all: boolean) => {
    const list = statementsOf(text.value);
    const marked = handle.current?.marked().trim();
    const chosen = marked || (all ? text.value.trim() : statementAt(list, handle.current?.caret() ?? text.value.length)?.text);
    if (!chosen || busy) return;
    const grave = statementsOf(chosen).filter((s) => isGrave(s.text));
    if (grave.length > 0) {
      const { yes } = await confirm({ title: "Run what cannot be taken back?", effects: grave.map((s) => s.text), verb: "Run it", danger: true });
      if (!yes) return;
    }
    const abort = new AbortController();
    setBusy(abort);
    setBegun(Date.now());
    remember(chosen);
    try {
      const found = await run(chosen, abort.signal);
      results.value = [...found.reverse(), ...results.value].slice(0, RESULTS);
    } finally {
      setBusy(null);
    }
  };
  return (
    <>
      <div class="headline">
        <Title>SQL</Title>
        <p class="muted small">Connectors, connections, offsets and topics by <a href="../docs/sql">statement</a></p>
      </div>
      <div class="console">
        <div>
          <div class="panel ask">
            <LazyEditor label="Statements" language="sql" value={text.value} change={(t) => (text.value = t)} run={() => void go(false)} hint="SHOW CONNECTORS;" handle={handle} />
          </div>
          <p class="row buttons">
            <button type="button" class="button primary" disabled={!!busy || !text.value.trim()} onClick={() => void go(false)}>Run <kbd>Ctrl ⏎</kbd></button>
            <button type="button" class="button" disabled={!!busy || !text.value.trim()} onClick={() => void go(true)}>Run all</button>
            {busy && <button type="button" class="button" onClick={() => busy.abort()}>Stop</button>}
            {results.value.length > 0 && <button type="button" class="button" onClick={() => (results.value = [])}>Clear results</button>}
            <span class="muted" role="status">{busy ? `Running since ${time(begun)}.` : ""}</span>
          </p>
          {results.value.map((r) => <ResultPanel key={r.id} r={r} />)}
        </div>
        <aside class="panel side" aria-label="Statements of before">
          <Past take={(t) => { text.value = t; handle.current?.focus(); }} />
        </aside>
      </div>
    </>
  );
}
