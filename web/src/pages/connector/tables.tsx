// Tables: how far the snapshot of each is. Without a total there is a number and a rate, no bar.
import { about, count, exact, rate } from "../../core/format";
import { Empty, Waiting } from "../../parts/bits";
import { Table } from "../../parts/table";
import type { TabProps } from "./index";
import type { TableProgress } from "./status";

const PHASES: Record<TableProgress["state"], string> = {
  waiting: "waits",
  reading: "being read",
  paused: "paused",
  done: "done",
};

function Line({ t }: { t: TableProgress }) {
  const share = t.rows_total && t.rows_total > 0 ? Math.min(1, t.rows / t.rows_total) : null;
  return (
    <tr>
      <th scope="row" class="mono">{t.table}</th>
      <td>{PHASES[t.state]}{t.snapshot === "incremental" && <span class="muted"> (asked for)</span>}</td>
      <td class="num" title={exact(t.rows)}>
        {count(t.rows)}
        {t.rows_total ? <span class="muted"> / about {count(t.rows_total)}</span> : null}
      </td>
      <td class="progress">
        {t.state === "done" ? (
          <span class="tone-ok">✓</span>
        ) : share !== null ? (
          <div class="track" role="img" aria-label={`${Math.floor(share * 100)} %`}>
            <i style={{ width: `${share * 100}%` }} />
          </div>
        ) : (
          "–"
        )}
      </td>
      <td class="num">{t.state === "reading" && t.rows_per_second !== null ? `${rate(t.rows_per_second)}/s` : "–"}</td>
      <td>{t.state === "reading" && t.milliseconds_left ? about(t.milliseconds_left) : "–"}</td>
    </tr>
  );
}

export function TablesTab({ status }: TabProps) {
  if (!status) return <Waiting />;
  const s = status.snapshot;
  const list = s?.table_progress ?? [];
  if (list.length === 0)
    return (
      <Empty title={s?.state === "done" ? "The snapshot is done." : "No snapshot runs."}>
        <p>
          {s && s.tables > 0 && `${s.tables_done} of ${s.tables} tables were read. `}
          How far each table is stands here while a snapshot runs.
        </p>
      </Empty>
    );
  return (
    <section class="panel">
      <h2>
        Snapshot: {s!.state}{" "}
        <span class="muted small num">
          {s!.tables_done} of {s!.tables} tables, {count(s!.rows)} rows
          {s!.rows_per_second !== null && `, ${rate(s!.rows_per_second)}/s`}
          {s!.milliseconds_left ? `, ${about(s!.milliseconds_left)} left` : ""}
        </span>
      </h2>
      <Table heads={["Table", "Phase", { label: "Rows", right: true }, "Progress", { label: "Rate", right: true }, "Left"]}>
        {list.map((t) => (
          <Line key={t.table} t={t} />
        ))}
      </Table>
    </section>
  );
}
