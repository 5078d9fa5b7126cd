// Status: its tasks, the ledger of its counts, who reads its stream, what it may use, and who wanted
// what.
import { get, path } from "../../core/api";
import { bytes, count, duration, exact } from "../../core/format";
import { to } from "../../core/place";
import { Ago, Due, Empty, StateWord, useEvery, useLoad, Waiting } from "../../parts/bits";
import { Meter } from "../../parts/meter";
import { Table } from "../../parts/table";
import type { TabProps } from "./index";
import type { Status } from "./status";

function Tasks({ status }: { status: Status }) {
  const tasks = status.tasks ?? [{ id: 0, state: status.state, since: status.since ?? "", waits_for: null, error: status.error ?? null, attempts: 0 }];
  return (
    <section class="panel">
      <h2>Tasks</h2>
      <Table heads={["Task", "State", "Since", "What"]}>
        {tasks.map((t) => (
          <tr key={t.id}>
            <th scope="row" class="num">{t.id}</th>
            <td><StateWord word={t.state === "SNAPSHOT" ? "SNAPSHOTTING" : t.state === "RETRYING" ? "RESTARTING" : t.state} /></td>
            <td>{t.since ? <Ago at={t.since} /> : "–"}</td>
            <td class="wrap">
              {t.error ? (
                <>
                  {t.error.message} <code>{t.error.code}</code>
                  {t.retry_at && <span class="muted"> Attempt {t.attempts + 1} <Due at={t.retry_at} />.</span>}
                </>
              ) : t.waits_for ? (
                `Waits for ${t.waits_for}.`
              ) : (
                <span class="muted">pid {status.pid ?? "–"}</span>
              )}
            </td>
          </tr>
        ))}
      </Table>
    </section>
  );
}

const WORDS: Record<string, string> = {
  received: "received",
  appended: "appended",
  filtered: "filtered",
  dead: "dead letters",
  deduplicated: "deduplicated",
  in_flight: "in flight",
  read: "read",
  delivered: "delivered",
};

/** The sum that must hold: nothing that came is unaccounted for. */
function Ledger({ status }: { status: Status }) {
  const c = status.counts;
  if (!c) return null;
  const [whole, ...rest] = status.kind === "source" ? ["received", "appended", "filtered", "dead", "deduplicated", "in_flight"] : ["read", "delivered", "filtered", "dead", "in_flight"];
  const sum = rest.reduce((n, k) => n + (c[k] ?? 0), 0);
  // Dead letters of rows are counted with those of changes.
  const off = (c[whole!] ?? 0) - sum;
  const rows = status.kind === "source" && (c.rows_read ?? 0) > 0;
  return (
    <section class="panel">
      <h2>Ledger <span class="muted small">since it was made</span></h2>
      <p class="ledger num">
        <b title={exact(c[whole!])}>{count(c[whole!])}</b> {WORDS[whole!]}
        <span class="muted"> = </span>
        {rest.map((k, i) => (
          <span key={k}>
            {i > 0 && <span class="muted"> + </span>}
            <b title={exact(c[k])}>{count(c[k])}</b> <span class="muted">{WORDS[k]}</span>
          </span>
        ))}
        {off === 0 && <span class="tone-ok"> ✓ it adds up</span>}
      </p>
      {rows && (
        <p class="ledger num">
          <b title={exact(c.rows_read)}>{count(c.rows_read)}</b> rows read by snapshots
          <span class="muted"> = </span>
          <b title={exact(c.rows_appended)}>{count(c.rows_appended)}</b> <span class="muted">appended</span>
          <span class="muted"> + </span>
          <b title={exact(c.rows_superseded)}>{count(c.rows_superseded)}</b> <span class="muted">superseded by changes</span>
          <span class="muted"> + </span>
          <b title={exact(c.rows_in_flight)}>{count(c.rows_in_flight)}</b> <span class="muted">in flight</span>
        </p>
      )}
    </section>
  );
}

interface TableLedger {
  table?: string | null;
  topic?: string | null;
  counts: Record<string, number>;
}

const SHOWN = 25;
const COLUMNS: Record<string, [string, string][]> = {
  source: [["received", "Received"], ["appended", "Appended"], ["filtered", "Filtered"], ["dead", "Dead"], ["deduplicated", "Deduplicated"], ["rows_read", "Rows read"], ["rows_appended", "Rows"]],
  sink: [["read", "Read"], ["delivered", "Delivered"], ["filtered", "Filtered"], ["dead", "Dead"]],
};

/** The same table by table, those with the most first. */
function LedgerTables({ status }: { status: Status }) {
  const { value, again } = useLoad<{ tables: TableLedger[] }>((signal) => get(path("hub", "v1", "connectors", status.name, "tables"), { signal }), [status.name]);
  useEvery(10000, again);
  if (!value?.tables.length) return null;
  const columns = COLUMNS[status.kind]!;
  const weight = (t: TableLedger) => columns.reduce((n, [k]) => n + (t.counts[k] ?? 0), 0);
  const tables = [...value.tables].sort((x, y) => weight(y) - weight(x));
  const rest = tables.length - SHOWN;
  return (
    <section class="panel">
      <h2>Ledger by {status.kind === "source" ? "table" : "topic"}</h2>
      <Table heads={[status.kind === "source" ? "Table" : "Topic", ...columns.map(([, label]) => ({ label, right: true }))]}>
        {tables.slice(0, SHOWN).map((t) => {
          const name = t.table ?? t.topic;
          return (
            <tr key={name ?? ""}>
              <th scope="row">{name ?? <span class="muted">(others)</span>}</th>
              {columns.map(([k]) => <td key={k} class="num" title={exact(t.counts[k])}>{count(t.counts[k])}</td>)}
            </tr>
          );
        })}
      </Table>
      {rest > 0 && <p class="muted small">And {rest} more: leat status {status.name} --tables</p>}
    </section>
  );
}

function Readers({ status }: { status: Status }) {
  if (status.kind !== "source" || !status.readers) return null;
  return (
    <section class="panel">
      <h2>Who reads its stream</h2>
      {status.readers.length === 0 ? (
        <p class="muted">No sink reads it yet. Its events stay in the stream and can be read at any time.</p>
      ) : (
        <Table heads={["Sink", { label: "Events behind", right: true }, { label: "Bytes behind", right: true }, "Oldest unread"]}>
          {status.readers.map((r) => (
            <tr key={r.sink}>
              <th scope="row">{r.exists ? <a href={to("c", r.sink)}>{r.sink}</a> : <span class="tone-warn">{r.sink} (deleted, still holds the stream)</span>}</th>
              <td class="num" title={exact(r.events_behind)}>{count(r.events_behind)}</td>
              <td class="num">{bytes(r.bytes_behind)}</td>
              <td>{r.fault ? <span class="tone-bad">{r.fault}</span> : r.oldest_unread ? <Ago at={r.oldest_unread} /> : "all read"}</td>
            </tr>
          ))}
        </Table>
      )}
    </section>
  );
}

function Budgets({ status }: { status: Status }) {
  if (status.kind !== "source" || status.memory_bytes === undefined) return null;
  const d = status.delivery;
  return (
    <section class="panel">
      <h2>Budgets</h2>
      <Meter label="Memory for events" used={status.memory_bytes} of={status.memory_bound_bytes} as={bytes} />
      {d && d.spool_max_bytes > 0 && <Meter label="Spool" used={d.spool_bytes} of={d.spool_max_bytes} as={bytes} />}
      {d?.spool_full_at && <p class="muted small">The spool is full <Due at={d.spool_full_at} /> at the rate of now.</p>}
      <Meter label="Stream on disk" used={status.stream_bytes} as={bytes} />
    </section>
  );
}

function Facts({ status }: { status: Status }) {
  const d = status.desired;
  return (
    <section class="panel">
      <h2>Position</h2>
      <dl class="facts">
        <dt>Durable here</dt>
        <dd class="mono">{status.position_text ?? "–"}</dd>
        {status.kind === "source" && (
          <>
            <dt>Read up to</dt>
            <dd class="mono">{status.received_position ?? "–"}</dd>
            <dt>Acknowledged</dt>
            <dd class="mono">{status.acknowledged_position ?? "–"}</dd>
            <dt>Last event</dt>
            <dd>
              <Ago at={status.last_event} />
              {status.milliseconds_behind_source != null && <span class="muted">, read {duration(status.milliseconds_behind_source)} after its commit</span>}
            </dd>
          </>
        )}
        {d?.by && (
          <>
            <dt>Wanted</dt>
            <dd>
              {d.state} by {d.by}, <Ago at={d.at} />
            </dd>
          </>
        )}
      </dl>
    </section>
  );
}

export function StatusTab({ status }: TabProps) {
  if (!status) return <Waiting />;
  if (!status.counts && !status.tasks)
    return (
      <Empty title={`It is ${status.state}.`}>
        <p>A connector without a process tells little of itself. Its offsets and its configuration can be changed now.</p>
      </Empty>
    );
  return (
    <div class="columns">
      <div>
        <Tasks status={status} />
        <Ledger status={status} />
        <LedgerTables status={status} />
        <Readers status={status} />
      </div>
      <div>
        <Facts status={status} />
        <Budgets status={status} />
      </div>
    </div>
  );
}
