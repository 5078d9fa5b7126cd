// Dead letters: what could not be delivered, why, and with which bytes. Groups by error; the list holds
// still while one is open.
import { useEffect, useRef, useState } from "preact/hooks";
import { bytes, count, exact, precise } from "../../core/format";
import { eventOf, groupsOf, letterOf, lettersOf, textOf, type Group, type Letter } from "../../core/letters";
import { allRows, names, turns } from "../../core/live";
import { query, setQuery, to } from "../../core/place";
import { changeOf } from "../../core/record";
import { Ago, At, Copy, Empty, Failure, Title, useEvery, useLoad, useTitle, Waiting } from "../../parts/bits";
import { Diff } from "../../parts/events";
import { Icon } from "../../parts/icon";
import { Table } from "../../parts/table";
import { GroupActions, LetterActions } from "./actions";

const SHOWN = 50; // of a group, until more are asked for

interface All {
  letters: Letter[];
  /** Connectors of which only the first are here. */
  cut: string[];
}

async function load(connectors: string[], signal: AbortSignal): Promise<All> {
  const all: All = { letters: [], cut: [] };
  // One after another: a browser has six connections.
  for (const name of connectors) {
    const { list, more } = await lettersOf(name, 0, signal);
    all.letters.push(...list);
    if (more) all.cut.push(name);
  }
  return all;
}

const idOf = (l: Letter) => `${l.connector}/${l.id}`;

function Facts({ letter }: { letter: Letter }) {
  return (
    <dl class="facts">
      <dt>Where</dt>
      <dd>{letter.where || "–"}</dd>
      <dt>Table</dt>
      <dd class="mono">{letter.table ?? "–"}</dd>
      <dt>Topic</dt>
      <dd>{letter.topic ? <a class="mono" href={to("t", letter.topic)}>{letter.topic}</a> : "–"}</dd>
      <dt>Committed</dt>
      <dd>{letter.ts_us > 0 ? <span title={precise(letter.ts_us / 1000)}>{precise(letter.ts_us / 1000).split("\n")[0]}</span> : "–"}</dd>
      <dt>Stored</dt>
      <dd>{precise(Date.parse(letter.stored)).split("\n")[0]}</dd>
      <dt>Position</dt>
      <dd class="mono">{letter.position || "–"}</dd>
    </dl>
  );
}

/** The row that a sink was to write, with what an edit makes of it. */
function Rows({ letter }: { letter: Letter }) {
  const after = letter.after ? { ...letter.after, ...(letter.edit ?? {}) } : null;
  const names = [...new Set([...Object.keys(letter.before ?? {}), ...Object.keys(after ?? {})])];
  const columns = names.map((name) => ({ name, before: letter.before?.[name], after: after?.[name], changed: name in (letter.edit ?? {}) }));
  return (
    <>
      <h3 class="sub">The row {letter.edit && <span class="tag tone-warn">edited</span>}</h3>
      <Diff change={{ op: letter.op ?? "", columns }} />
    </>
  );
}

/** Of a sink: the event as it stands in its topic. */
function Event({ letter }: { letter: Letter }) {
  const { value, error } = useLoad((signal) => eventOf(letter, signal), [letter.connector, letter.id]);
  if (error) return <p class="muted">Its event could not be read: {error.message}</p>;
  if (!value) return null;
  const change = changeOf(value);
  return (
    <>
      <h3 class="sub">The event <span class="muted mono small">{"{"}{change.key}{"}"}</span></h3>
      {change.columns.length > 0 ? <Diff change={change} /> : <p class="muted">{change.what}</p>}
    </>
  );
}

function Pane({ connector, id, close, changed }: { connector: string; id: number; close: () => void; changed: () => void }) {
  const { value, error, again } = useLoad((signal) => letterOf(connector, id, signal), [connector, id]);
  const box = useRef<HTMLElement>(null);
  useEffect(() => box.current?.focus({ preventScroll: true }), [connector, id]);
  const shown = value?.bytes_hex ? textOf(value.bytes_hex) : null;
  return (
    <aside class="panel event-pane" aria-label="Dead letter" ref={box} tabIndex={-1} onKeyDown={(e) => e.key === "Escape" && close()}>
      <header>
        <h2>{value?.table ?? value?.topic ?? "Dead letter"} <span class="muted small num">{connector} · {id}</span></h2>
        <button type="button" class="button bare" aria-label="Close the dead letter" onClick={close}><Icon name="close" /></button>
      </header>
      {error && <Failure error={error} again={again} what="It could not be read." />}
      {!value && !error && <Waiting />}
      {value && (
        <>
          <div class="why-panel tint-bad">
            <p>{value.reason}</p>
            <p class="row"><code>{value.code}</code><Copy text={() => `${value.connector}: ${value.reason} [${value.code}]`} /></p>
          </div>
          <LetterActions letter={value} done={(gone) => { if (gone) close(); else again(); changed(); }} />
          <Facts letter={value} />
          {!value.after && !value.before && <Event letter={value} />}
          {(value.after || value.before) && <Rows letter={value} />}
          {!value.after && !value.before && (shown || value.size > 0) && <h3 class="sub">{shown?.binary ? "Bytes" : "What it holds"} <span class="muted small num">{bytes(value.size)}</span></h3>}
          {shown && !value.after && !value.before ? <pre class="code" tabIndex={0} aria-label="What it holds">{shown.text}</pre> : null}
          {shown && <p class="row"><Copy text={shown.text} /><Copy text={value.bytes_hex!} label="Copy as hex" /></p>}
        </>
      )}
    </aside>
  );
}

function GroupPanel({ group, open, choose, changed }: { group: Group; open: string | null; choose: (l: Letter) => void; changed: () => void }) {
  const [most, setMost] = useState(SHOWN);
  const newest = [...group.letters].reverse();
  return (
    <section class="panel" aria-label={`${group.connector} ${group.code}`}>
      <h2 class="group-head">
        <a href={to("c", group.connector)}>{group.connector}</a> <code>{group.code}</code>
        <span class="muted small num">{exact(group.letters.length)} {group.letters.length === 1 ? "event" : "events"}, last <Ago at={group.last} /></span>
      </h2>
      <GroupActions group={group} changed={changed} />
      <Table heads={["Time", "Table", "Why", { label: "Size", right: true }]} class="letters">
        {newest.slice(0, most).map((l) => (
          <tr key={l.id} class={open === idOf(l) ? "ticked" : ""}>
            <td class="num left"><At at={Date.parse(l.stored)} /></td>
            <th scope="row"><button type="button" class="linkish mono" onClick={() => choose(l)}>{l.table ?? l.topic ?? `letter ${l.id}`}</button></th>
            <td class="what">{l.reason}</td>
            <td class="num">{l.size > 0 ? bytes(l.size) : "–"}</td>
          </tr>
        ))}
      </Table>
      {newest.length > most && <p class="row"><button type="button" class="button small" onClick={() => setMost(most + 200)}>{count(newest.length - most)} more</button></p>}
    </section>
  );
}

function Filter({ letters, shown }: { letters: Letter[]; shown: number }) {
  const at = (name: string) => query.value.get(name) ?? "";
  const distinct = (list: string[]) => [...new Set(list)].sort();
  const select = (name: string, label: string, list: string[]) => (
    <select aria-label={label} value={at(name)} onChange={(e) => setQuery({ [name]: e.currentTarget.value, id: null })}>
      <option value="">{label}: all</option>
      {distinct([...list, ...(at(name) ? [at(name)] : [])]).map((v) => <option key={v} value={v}>{v}</option>)}
    </select>
  );
  return (
    <div class="toolbar">
      <input type="search" aria-label="Filter dead letters" placeholder="filter: reason, table, topic or position" value={at("q")} onInput={(e) => setQuery({ q: e.currentTarget.value })} />
      {select("connector", "Connector", letters.map((l) => l.connector))}
      {select("code", "Error", letters.map((l) => l.code))}
      <span class="muted num" role="status">{exact(shown)} of {exact(letters.length)}</span>
    </div>
  );
}

export function Letters() {
  useTitle("Dead letters");
  turns.value;
  const rows = allRows.value.filter((r) => r.dead > 0);
  const total = rows.reduce((n, r) => n + r.dead, 0);
  const key = rows.map((r) => `${r.name}:${r.dead}`).join(" ");
  const open = query.value.get("id");
  const [wanted, setWanted] = useState("");
  // While one is looked at the list holds still.
  useEffect(() => {
    if (!open || !wanted) setWanted(key);
  }, [key, open]);
  const { value, error, again } = useLoad<All | undefined>(
    (signal) => (names.value === null ? Promise.resolve(undefined) : load(rows.map((r) => r.name), signal)),
    [wanted, names.value === null],
  );
  useEvery(30_000, () => !open && again());
  const at = (name: string) => query.value.get(name) ?? "";
  const letters = value?.letters ?? [];
  const q = at("q").toLowerCase();
  const shown = letters.filter(
    (l) => (!at("connector") || l.connector === at("connector")) && (!at("code") || l.code === at("code")) &&
      `${l.reason} ${l.table} ${l.topic} ${l.position} ${l.where}`.toLowerCase().includes(q),
  );
  const [connector, id] = open ? [open.slice(0, open.lastIndexOf("/")), Number(open.slice(open.lastIndexOf("/") + 1))] : ["", 0];
  return (
    <>
      <div class="headline"><Title>Dead letters</Title></div>
      {error && <Failure error={error} again={again} what="The dead letters could not be read." />}
      {!value && !error && <Waiting />}
      {value && letters.length === 0 && !error && (
        <Empty title="No dead letters.">
          <p>Events that cannot be decoded, converted or written wait here; none is thrown away.</p>
        </Empty>
      )}
      {letters.length > 0 && (
        <>
          <Filter letters={letters} shown={shown.length} />
          {value!.cut.length > 0 && <p class="note">The oldest 200 of {value!.cut.join(", ")} are listed; there are {exact(total)} in all.</p>}
          <div class={`events ${open ? "with-pane" : ""}`}>
            <div>
              {groupsOf(shown).map((g) => (
                <GroupPanel key={`${g.connector} ${g.code}`} group={g} open={open} choose={(l) => setQuery({ id: idOf(l) }, open === null)} changed={again} />
              ))}
              {shown.length === 0 && <p class="muted">No dead letter fits. <button type="button" class="linkish" onClick={() => setQuery({ q: null, connector: null, code: null })}>Clear filter</button></p>}
            </div>
            {open && id > 0 && <Pane connector={connector} id={id} close={() => setQuery({ id: null })} changed={again} />}
          </div>
        </>
      )}
    </>
  );
}
