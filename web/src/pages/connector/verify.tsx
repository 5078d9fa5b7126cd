// Verify: what a sink's target holds, or a source's stream says, compared with the sources. A report stays until the
// next one; keys that differ are named, and corrected only when that was asked for.
import { useState } from "preact/hooks";
import { ask, get, path } from "../../core/api";
import { second } from "../../core/clock";
import { count, duration, exact } from "../../core/format";
import { rowOf } from "../../core/live";
import { lacks } from "../../core/who";
import { Ago, Copy, Empty, Failure, useAttempt, useEvery, useLoad, Waiting } from "../../parts/bits";
import { confirm } from "../../parts/dialog";
import { saveFile } from "../../parts/file";
import { Icon } from "../../parts/icon";
import { Table } from "../../parts/table";
import type { TabProps } from "./index";

interface Compared {
  table: string;
  target: string;
  equal: boolean;
  rows: number;
  differences: number;
  undecided: number;
  repaired: number;
  position: string;
  at: string;
  took_ms: number;
  not_compared: string;
}
interface Difference {
  difference: string;
  table: string;
  target: string;
  key: Record<string, string | null>;
  repaired: boolean;
}
interface Report {
  running: boolean;
  begun: string | null;
  ended: string | null;
  repair: boolean;
  progress: { progress: string; rows: number; ranges: number; estimate: number } | null;
  tables: Compared[];
  differences: Difference[];
  result: { equal: boolean; tables: number; rows: number; differences: number; undecided: number; repaired: number; took_ms: number; source_percent: number; target_percent: number } | null;
  error: { error: string; where: string; message: string } | null;
}

const KINDS: Record<string, string> = {
  missing: "the source has it, the target does not",
  extra: "the target has it, the source does not",
  different: "both have it, and it is not the same",
  repeated: "the target has it more often",
  undecided: "it changed whenever it was looked at",
};
const keyOf = (d: Difference) => Object.entries(d.key).map(([column, value]) => `${column}=${value ?? "null"}`).join(", ");
const many = (n: number, one: string) => `${exact(n)} ${one}${n === 1 ? "" : "s"}`;

function Verdict({ r }: { r: Report }) {
  const last = r.tables[r.tables.length - 1];
  const open = r.differences.filter((d) => !d.repaired).length;
  if (r.running) {
    const p = r.progress;
    return (
      <p class="why-panel tint-info" role="status">
        <Icon name="RESTARTING" /> Comparing for {duration(Math.max(0, second.value - Date.parse(r.begun!)))}.{" "}
        {p ? `${p.progress}: ${count(p.rows)} rows${p.estimate > 0 ? ` of about ${count(p.estimate)}` : ""} in ${many(p.ranges, "range")}.` : "Both sides are being asked."}{" "}
        {r.tables.length > 0 && `${many(r.tables.length, "table")} done.`}
      </p>
    );
  }
  if (r.error)
    return (
      <div class="failure" role="alert">
        <Icon name="FAILED" class="tone-bad" />
        <div>
          <p><strong>{r.tables.length > 0 ? `Ended after ${many(r.tables.length, "table")}.` : "It could not be verified."}</strong> {r.error.message}</p>
          <p class="row"><code>{r.error.error}</code><span class="muted">{r.error.where}</span></p>
        </div>
      </div>
    );
  const done = r.result;
  if (!done) return null;
  const used = `in ${duration(done.took_ms)}; the source was busy ${done.source_percent.toFixed(1)} % of it, the target ${done.target_percent.toFixed(1)} %`;
  if (done.equal)
    return (
      <p class="why-panel tint-ok" role="status">
        <Icon name="check" /> <strong>Equal: {many(done.tables, "table")}, {many(done.rows, "row")}</strong>, at <code>{last?.position}</code>, {used}.
      </p>
    );
  return (
    <p class="why-panel tint-bad" role="status">
      <Icon name="FAILED" />{" "}
      <strong>{done.differences > 0 ? `${many(done.differences, "key")} ${done.differences === 1 ? "differs" : "differ"}` : `${many(done.undecided, "key")} could not be decided`}</strong>
      {done.differences > 0 && done.undecided > 0 && `, ${many(done.undecided, "key")} could not be decided`}
      {done.repaired > 0 && `; ${exact(done.repaired)} corrected${open === 0 ? ": verify again to see that it is done" : ""}`}, {used}.
    </p>
  );
}

function Tables({ list }: { list: Compared[] }) {
  return (
    <section class="panel">
      <h2>Tables</h2>
      <Table heads={["Table", "Verdict", "Target", { label: "Rows", right: true }, "At position", "When"]}>
        {[...list].sort((a, b) => Number(a.equal) - Number(b.equal)).map((t) => (
          <tr key={t.table + t.target}>
            <th scope="row" class="mono">{t.table}</th>
            <td>
              {t.equal ? <span class="tone-ok">✓ equal</span> : <span class="tone-bad">✕ {t.differences > 0 ? `${exact(t.differences)} differ` : `${exact(t.undecided)} undecided`}</span>}
              {t.not_compared && <span class="muted small block">not compared: {t.not_compared}</span>}
            </td>
            <td class="mono">{t.target}</td>
            <td class="num" title={exact(t.rows)}>{count(t.rows)}</td>
            <td class="mono">{t.position || "–"}</td>
            <td><Ago at={t.at} /></td>
          </tr>
        ))}
      </Table>
    </section>
  );
}

const SHOWN = 200;

function Differences({ name, list, all }: { name: string; list: Difference[]; all: number }) {
  return (
    <section class="panel" aria-label="Keys that differ">
      <h2>
        Keys that differ{" "}
        <span class="muted small num">
          {list.length > SHOWN ? `${SHOWN} of ${exact(all)}` : exact(all)}
        </span>
      </h2>
      <Table heads={["Table", "Key", "What", "Corrected"]}>
        {list.slice(0, SHOWN).map((d) => (
          <tr key={`${d.table} ${keyOf(d)} ${d.difference}`}>
            <th scope="row" class="mono">{d.table}</th>
            <td class="mono">{keyOf(d)}</td>
            <td><b>{d.difference}</b> <span class="muted">{KINDS[d.difference]}</span></td>
            <td>{d.repaired ? <span class="tone-ok">✓ a correction was sent</span> : "–"}</td>
          </tr>
        ))}
      </Table>
      <p class="row">
        <button type="button" class="button small" onClick={() => saveFile(`${name}-differences.json`, JSON.stringify(list, null, 2), "application/json")}>Save as JSON</button>
        <Copy text={() => list.map((d) => `${d.difference} ${d.table} ${keyOf(d)}`).join("\n")} />
      </p>
    </section>
  );
}

export function VerifyTab({ name }: TabProps) {
  const where = path("hub", "v1", "connectors", name, "verify");
  const { value: r, error, again, setValue } = useLoad<Report>((signal) => get(where, { signal }), [name]);
  const [load, setLoad] = useState(10);
  const [only, setOnly] = useState("");
  const { error: problem, attempt } = useAttempt();
  const off = lacks("operator");
  const folds = rowOf(name)?.value.type === "source";
  useEvery(1000, () => r?.running && again());

  const begin = async (repair: boolean) => {
    const tables = only.split(/[\s,]+/).filter(Boolean);
    await attempt(async () => setValue(await ask<Report>("POST", where, { load, repair, ...(tables.length ? { tables } : {}) })));
  };
  const stop = async () => {
    await attempt(() => ask("DELETE", where));
    again();
  };
  const askRepair = async () => {
    const of = (kind: string) => r!.differences.filter((d) => d.difference === kind).length;
    const again = of("missing") + of("different") + of("repeated");
    const { yes } = await confirm({
      title: `Repair what differs in ${name}?`,
      effects: [
        "All is compared again, and what differs then is corrected.",
        `${many(again, "row")} of the last report would be read again at the source and go through the stream to all its sinks.`,
        folds
          ? `${many(of("extra"), "row")} would stay: no event of the source takes away what the stream has too much.`
          : `${many(of("extra"), "row")} would be removed from the target, each only if it still is what was seen.`,
      ],
      verb: "Repair",
      danger: true,
    });
    if (yes) await begin(true);
  };

  if (error) return <Failure error={error} again={again} what="The report could not be read." />;
  if (!r) return <Waiting />;
  const found = r.result?.differences ?? r.differences.length;
  return (
    <>
      <div class="toolbar verify">
        {r.running ? (
          <button type="button" class="button" disabled={!!off} title={off} onClick={() => void stop()}>Stop it</button>
        ) : (
          <>
            <button type="button" class={`button ${found > 0 ? "" : "primary"}`} disabled={!!off} title={off} onClick={() => void begin(false)}>{r.begun ? "Verify again" : "Verify"}</button>
            {found > 0 && !r.repair && (
              <button type="button" class="button danger" disabled={!!off} title={off} onClick={() => void askRepair()}>Repair…</button>
            )}
          </>
        )}
        <label class="row">
          <span>At most</span>
          <input type="range" min={1} max={100} value={load} disabled={r.running} aria-label="Load, in percent of each database's time" onInput={(e) => setLoad(Number(e.currentTarget.value))} />
          <span class="num">{load} % of each database's time</span>
        </label>
        <label class="row grow">
          <span>Tables</span>
          <input type="text" class="mono" placeholder="all; or schema.table, schema.table" value={only} disabled={r.running} spellcheck={false} onInput={(e) => setOnly(e.currentTarget.value)} />
        </label>
        {r.begun && <span class="muted small">begun <Ago at={r.begun} /></span>}
      </div>
      {problem && <Failure error={problem} />}
      {!r.begun ? (
        <Empty title="Not verified yet.">
          {folds && <p>The stream is folded to tables, from its first record on, and these are compared with the source's: what every consumer of it would hold.</p>}
          <p>Both {folds ? "sides" : "databases"} sum up their rows, range by range, while all goes on; what differs is looked at until it is proven. Nothing is stopped, locked or written.</p>
          <p><a href="../docs/verify">How it is known</a></p>
        </Empty>
      ) : (
        <>
          <Verdict r={r} />
          {r.differences.length > 0 && <Differences name={name} list={r.differences} all={Math.max(found, r.differences.length)} />}
          {r.tables.length > 0 && <Tables list={r.tables} />}
        </>
      )}
    </>
  );
}
