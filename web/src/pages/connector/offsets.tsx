// Offsets: where it is, in Kafka Connect's form. They change only when it is stopped, and what a
// change brings about is told before it is done.
import { useState } from "preact/hooks";
import { askStop } from "../../core/act";
import { ask, path, request } from "../../core/api";
import { precise } from "../../core/format";
import { rowOf } from "../../core/live";
import { prettyExact, readJson } from "../../core/record";
import { topicsOf } from "../../core/topics";
import { lacks } from "../../core/who";
import { momentOf, wallOf, zone } from "../../core/zone";
import { Copy, Empty, Failure, useAttempt, useLoad, Waiting } from "../../parts/bits";
import type { TabProps } from "./index";

interface Place {
  offset: unknown;
  /** As people read it. */
  text?: string | null;
}

interface Planned {
  changes: { partition: unknown; before: Place; after: Place; note: string | null }[];
  first_start?: boolean;
  /** Topics that have no position to move. */
  left?: string[];
}

/** A moment; its time as the zone's clocks show it. */
function TimeForm({ source, run, cancel, busy }: { source: boolean; run: (ms: number) => void; cancel: () => void; busy: boolean }) {
  const [text, setText] = useState(wallOf(Date.now() - 3_600_000));
  const ms = momentOf(text);
  const good = !Number.isNaN(ms);
  return (
    <form class="panel" onSubmit={(e) => { e.preventDefault(); if (good) run(ms); }}>
      <h2>Go to a time</h2>
      <label class="field">
        <span>
          {source ? "What was committed later is captured again: it goes to a place of before then that its stream recorded" : "The next record is the first that was committed then or later"}, by the clocks of {zone.value}
        </span>
        <input type="datetime-local" step="1" required value={text} onInput={(e) => setText(e.currentTarget.value)} />
      </label>
      {good && <p class="muted small">{precise(ms).replace("\n", " · ")}</p>}
      <p class="row">
        <button class="button primary" disabled={busy || !good}>Show what this brings about</button>
        <button type="button" class="button" onClick={cancel}>Cancel</button>
      </p>
    </form>
  );
}

const said = (p: Place | null) => (p === null || p.offset === null ? "none" : (p.text ?? JSON.stringify(p.offset)));
const line = (v: unknown) => (v === null || v === undefined ? "none" : JSON.stringify(v));

function Preview({ plan, run, cancel, busy }: { plan: Planned; run: () => void; cancel: () => void; busy: boolean }) {
  return (
    <section class="panel tint-warn" aria-label="What this brings about">
      <h2>What this brings about</h2>
      {plan.changes.length === 0 && <p>Nothing changes.</p>}
      {plan.changes.map((c) => (
        <div key={line(c.partition)} class="change">
          <p class="mono small">{line(c.partition)}</p>
          <p class="diff removed mono"><b>−</b> {said(c.before)}</p>
          <p class="diff added mono"><b>+</b> {said(c.after)}</p>
          {c.note && <p>{c.note}</p>}
        </div>
      ))}
      {!!plan.left?.length && <p>Left out, since it has read nothing of them yet: <span class="mono">{plan.left.join(", ")}</span></p>}
      {plan.first_start && <p><strong>No position is left: it begins as at its first start, with a snapshot where it is configured to take one.</strong></p>}
      <p class="row">
        <button type="button" class="button danger" disabled={busy || plan.changes.length === 0} onClick={run}>Change the offsets</button>
        <button type="button" class="button" onClick={cancel}>Cancel</button>
      </p>
    </section>
  );
}

export function OffsetsTab({ name, status, reload }: TabProps) {
  const where = path("connectors", name, "offsets");
  const { value, error, again } = useLoad(async (signal) => {
    const answer = await (await request("GET", where, undefined, { signal })).text();
    const { offsets } = JSON.parse(answer) as { offsets: { partition: unknown }[] };
    return { partitions: offsets.map((o) => o.partition), pretty: prettyExact(answer, "offsets") };
  }, [name, rowOf(name)?.value.condition]);
  const [text, setText] = useState<string | null>(null);
  const [byTime, setByTime] = useState(false);
  const [plan, setPlan] = useState<{ plan: Planned; run: () => Promise<unknown> } | null>(null);
  const { error: problem, busy, attempt, forget } = useAttempt();
  const stopped = rowOf(name)?.value.condition === "STOPPED";
  const source = rowOf(name)?.value.type === "source";
  const off = lacks("admin");

  /** text: as edited; null: a reset. */
  const preview = (text: string | null) =>
    attempt(async () => {
      if (text !== null) readJson(text);
      const body = text === null ? null : `{"offsets": ${text}}`; // as typed: its numbers stay what they are
      const plan = await ask<Planned>("POST", path("hub", "v1", "connectors", name, "offsets", "preview"), body ?? { reset: true });
      setPlan({ plan, run: () => (body ? ask("PATCH", where, body) : ask("DELETE", where)) });
    });
  /** Of all that have a position. What is shown is what is done: the offsets that were found, not the time. A source's are found once more, since they may have numbers that are none here: it is stopped, so they are the same. */
  const previewTime = (ms: number) =>
    attempt(async () => {
      const time = new Date(ms).toISOString();
      const offsets = value!.partitions.map((partition) => ({ partition, offset: { time } }));
      const plan = await ask<Planned>("POST", path("hub", "v1", "connectors", name, "offsets", "preview"), { offsets });
      if (source) return setPlan({ plan, run: () => ask("PATCH", where, { offsets }) });
      const moved = new Set(value!.partitions.map((p) => (p as { kafka_topic?: string }).kafka_topic));
      const left = (await topicsOf(name)).filter((t) => !moved.has(t));
      const found = plan.changes.map((c) => ({ partition: c.partition, offset: c.after.offset }));
      setPlan({ plan: { ...plan, left }, run: () => ask("PATCH", where, { offsets: found }) });
    });
  const run = () =>
    attempt(async () => {
      await plan!.run();
      setPlan(null);
      setByTime(false);
      setText(null);
      again();
      reload();
    });

  if (error) return <Failure error={error} again={again} what="The offsets could not be read." />;
  if (!value) return <Waiting />;
  return (
    <>
      {!stopped && (
        <p class="note">
          Offsets change only when it is STOPPED.{" "}
          <button type="button" class="button small" disabled={!!lacks("operator")} title={lacks("operator")} onClick={() => askStop(name)}>Stop {name}</button>
        </p>
      )}
      {status?.position_text && <p>Position: <span class="mono">{status.position_text}</span></p>}
      {value.partitions.length === 0 && text === null ? (
        <Empty title="There is no position yet.">
          <p>It has one as soon as it has read something, or a slot was made for it.</p>
        </Empty>
      ) : text === null ? (
        <section class="panel">
          <h2>Offsets</h2>
          <pre class="code" tabIndex={0}>{value.pretty}</pre>
          <p class="row">
            <button type="button" class="button" disabled={!stopped || !!off} title={off || (stopped ? "" : "It must be stopped")} onClick={() => setText(value.pretty)}>Edit…</button>
            <button type="button" class="button" disabled={!stopped || !!off} title={off || (stopped ? "" : "It must be stopped")} onClick={() => void preview(null)}>Reset…</button>
            <button type="button" class="button" disabled={!stopped || !!off} title={off || (stopped ? "" : "It must be stopped")} onClick={() => setByTime(true)}>Go to a time…</button>
            <Copy text={value.pretty} />
          </p>
        </section>
      ) : (
        <section class="panel">
          <h2>Edit the offsets</h2>
          <label class="field">
            <span>An array of {"{"}partition, offset{"}"}; an offset of null forgets the partition</span>
            <textarea class="mono" rows={Math.min(24, text.split("\n").length + 1)} value={text} spellcheck={false} onInput={(e) => setText(e.currentTarget.value)} />
          </label>
          <p class="row">
            <button type="button" class="button primary" onClick={() => void preview(text)}>Show what this brings about</button>
            <button type="button" class="button" onClick={() => { setText(null); forget(); }}>Cancel</button>
          </p>
        </section>
      )}
      {byTime && !plan && <TimeForm source={source} busy={busy} run={(ms) => void previewTime(ms)} cancel={() => { setByTime(false); forget(); }} />}
      {problem && <Failure error={problem} />}
      {plan && <Preview plan={plan.plan} busy={busy} run={() => void run()} cancel={() => setPlan(null)} />}
    </>
  );
}
