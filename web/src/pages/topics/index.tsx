// Topics: the list, and one of them live or from any place in time, with a filter.
import { useEffect, useMemo, useState } from "preact/hooks";
import { bytes, count, exact } from "../../core/format";
import { parts, query, setQuery, to } from "../../core/place";
import { Search } from "../../core/search";
import { Tail } from "../../core/tail";
import { listTopics } from "../../core/topics";
import { Empty, Failure, Title, useEvery, useLoad, useTitle, Waiting } from "../../parts/bits";
import { Events } from "../../parts/events";
import { Table } from "../../parts/table";

export function Topics() {
  useTitle("Topics");
  const { value, error, again } = useLoad(listTopics, []);
  useEvery(5000, again);
  const q = query.value.get("q") ?? "";
  const shown = (value ?? []).filter((t) => `${t.topic} ${t.connector}`.toLowerCase().includes(q.toLowerCase()));
  return (
    <>
      <div class="headline"><Title>Topics</Title></div>
      {error && <Failure error={error} again={again} what="The topics could not be listed." />}
      {!value && !error && <Waiting />}
      {value && value.length === 0 && (
        <Empty title="No topic yet.">
          <p>A source makes one for each table that it captures, when its first event comes.</p>
          <a class="button primary" href={to("new")}>New connector</a>
        </Empty>
      )}
      {value && value.length > 0 && (
        <>
          <div class="toolbar">
            <input type="search" aria-label="Filter topics" placeholder="filter: topic or connector" value={q} onInput={(e) => setQuery({ q: e.currentTarget.value })} />
            <span class="muted num">{shown.length} of {value.length}</span>
          </div>
          <Table heads={["Topic", "From", { label: "Records", right: true }, { label: "Size", right: true }, { label: "Offsets", right: true }]} panel>
            {shown.slice(0, 500).map((t) => (
              <tr key={t.topic}>
                <th scope="row"><a class="mono" href={to("t", t.topic)}>{t.topic}</a></th>
                <td>{t.connector_exists ? <a href={to("c", t.connector)}>{t.connector}</a> : <span class="muted">{t.connector} (deleted)</span>}</td>
                <td class="num" title={exact(t.next_offset - t.first_offset)}>{count(t.next_offset - t.first_offset)}</td>
                <td class="num">{bytes(t.bytes)}</td>
                <td class="num">{exact(t.first_offset)} to {exact(t.next_offset - 1)}</td>
              </tr>
            ))}
          </Table>
        </>
      )}
    </>
  );
}

const OPS: [string, string][] = [["c", "inserts"], ["u", "updates"], ["d", "deletes"], ["r", "reads"]];

export function TopicPage() {
  const topic = parts.value[1] ?? "";
  useTitle(topic);
  const from = query.value.get("from") ?? "end";
  const contains = query.value.get("f") ?? "";
  const op = query.value.get("op") ?? "";
  const where = query.value.get("where") ?? "";
  const [typed, setTyped] = useState(contains);
  const [condition, setCondition] = useState(where);
  const [place, setPlace] = useState(from);
  const key = [topic, from, contains, op, where].join("|");
  const tail = useMemo(() => {
    const wish = { topic, from, contains, op };
    if (where) return new Search({ ...wish, where });
    const one = new Tail();
    one.follow(wish);
    return one;
  }, [key]);
  useEffect(() => () => tail.stop(), [tail]);
  const search = tail instanceof Search ? tail : null;
  const wrong = search?.wrong.value ?? "";
  const looking = search?.at.value;
  const { value } = useLoad(listTopics, [topic]);
  const info = value?.find((t) => t.topic === topic);
  return (
    <>
      <div class="headline">
        <Title class="mono">{topic}</Title>
      </div>
      {info && (
        <p class="muted num">
          from {info.connector_exists ? <a href={to("c", info.connector)}>{info.connector}</a> : `${info.connector} (deleted)`} · {count(info.next_offset - info.first_offset)} records · {bytes(info.bytes)} · offsets {exact(info.first_offset)} to {exact(info.next_offset - 1)}
        </p>
      )}
      <form class="toolbar" onSubmit={(e) => { e.preventDefault(); setQuery({ from: place === "end" ? null : place, f: typed, where: condition.trim(), e: null }); }}>
        <label class="inline">
          From
          <input class="from" list="places" value={place} onInput={(e) => setPlace(e.currentTarget.value)} onChange={(e) => setQuery({ from: e.currentTarget.value === "end" ? null : e.currentTarget.value, e: null })} aria-describedby="from-help" />
          <datalist id="places"><option value="end" /><option value="beginning" /></datalist>
        </label>
        <input type="search" aria-label="Only records that contain" placeholder="only records that contain…" value={typed} onInput={(e) => setTyped(e.currentTarget.value)} />
        <div class="segments" role="group" aria-label="Operations">
          {OPS.map(([o, word]) => (
            <button key={o} type="button" title={word} aria-label={word} aria-pressed={op.includes(o)} onClick={() => setQuery({ op: op.includes(o) ? op.replace(o, "") : op + o, e: null })}>{o}</button>
          ))}
        </div>
        <label class="inline where">
          where
          <input class="mono" aria-label="Only events where" aria-invalid={!!wrong} aria-describedby="where-said" spellcheck={false} autocomplete="off"
            placeholder="after->>'$.total' > 100" value={condition} onInput={(e) => setCondition(e.currentTarget.value)} />
        </label>
        <button class="button small">Apply</button>
        <span class="muted small" id="from-help">end, beginning, an offset, or a time such as 2026-01-31T10:00:00Z</span>
      </form>
      <p class="where-said" id="where-said" role={wrong ? "alert" : "status"}>
        {wrong ? <span class="tone-bad">{wrong}</span> : looking ? (
          <span class="muted num">Looked at {count(looking.looked)} of {count(looking.of)} events, {exact(search!.seen.value)} found. <button type="button" class="button small" onClick={() => setQuery({ where: null })}>Stop</button></span>
        ) : where && <span class="muted">A condition of <a href="../docs/sql/#select" target="_blank" rel="noreferrer">SQL</a>: columns op, ts, key, before, after, source, tx and offset.</span>}
      </p>
      <Events key={key} tail={tail} empty={from === "end" ? "What comes from now on appears here; “beginning” shows what is there." : "Nothing fits."} />
    </>
  );
}
