// A connector: is it well, if not why, and what can be done. The header stands on every tab.
import type { ComponentType } from "preact";
import { useEffect } from "preact/hooks";
import { act, askDelete, askLevel, askSnapshot, askStop, doing, failures, sayDoing } from "../../core/act";
import { get, path } from "../../core/api";
import { bytes, duration, exact, rate, UNKNOWN } from "../../core/format";
import { growthOf, link, names, rowOf, turns } from "../../core/live";
import { go, parts, to } from "../../core/place";
import { sayLimit, sayLoss } from "../../core/retained";
import { isAlive, snapshotOf, toneOf, traceOf } from "../../core/states";
import { lacks } from "../../core/who";
import { Copy, Empty, StateWord, Title, useEvery, useLoad, useTitle, Waiting } from "../../parts/bits";
import { Icon } from "../../parts/icon";
import { Menu } from "../../parts/menu";
import { ConfigTab } from "./config";
import { EventsTab } from "./events";
import { LogTab } from "./log";
import { OffsetsTab } from "./offsets";
import { PlotsTab } from "./plots";
import { StatusTab } from "./now";
import type { Status, Why } from "./status";
import { TablesTab } from "./tables";
import { VerifyTab } from "./verify";

export interface TabProps {
  name: string;
  status: Status | undefined;
  reload: () => void;
}

const TABS: { id: string; label: string; page: ComponentType<TabProps>; of?: "source" | "sink" }[] = [
  { id: "status", label: "Status", page: StatusTab },
  { id: "events", label: "Events", page: EventsTab, of: "source" },
  { id: "tables", label: "Tables", page: TablesTab, of: "source" },
  { id: "plots", label: "Plots", page: PlotsTab },
  { id: "offsets", label: "Offsets", page: OffsetsTab },
  { id: "log", label: "Log", page: LogTab },
  { id: "config", label: "Configuration", page: ConfigTab },
  { id: "verify", label: "Verify", page: VerifyTab },
];

function Actions({ name, condition }: { name: string; condition: string }) {
  const off = lacks("operator");
  const admin = lacks("admin");
  const rests = condition === "PAUSED" || condition === "STOPPED";
  return (
    <div class="actions">
      {rests ? (
        <button type="button" class="button primary" disabled={!!off} title={off} onClick={() => act(name, "resume")}>
          Resume
        </button>
      ) : (
        <button type="button" class="button" disabled={!!off} title={off} onClick={() => act(name, "pause")}>
          Pause
        </button>
      )}
      <button type="button" class="button" disabled={!!off || condition === "STOPPED"} title={off} onClick={() => act(name, "restart")}>
        Restart
      </button>
      <button type="button" class="button" disabled={!!off || condition === "STOPPED"} title={off} onClick={() => askStop(name)}>
        Stop
      </button>
      <Menu
        label="More"
        class="bare"
        items={[
          ...(rowOf(name)!.value.type === "source" ? [{ label: "Snapshot tables…", off: off || (rests ? "It does not run" : ""), run: () => void askSnapshot(name) }] : []),
          { label: "Log level…", off: off || (condition === "STOPPED" ? "It does not run" : ""), run: () => void askLevel(name) },
          { label: "Duplicate…", off: admin, run: () => go(`${to("new")}?like=${encodeURIComponent(name)}`) },
          {
            label: "Delete…",
            danger: true,
            off: admin,
            run: () => void askDelete(name).then((gone) => gone && go(to())),
          },
        ]}
      >
        <Icon name="more" />
      </Menu>
    </div>
  );
}

/** Why it is in this state, and what to do: the same everywhere. */
function WhyPanel({ name, condition, trace }: { name: string; condition: string; trace: string | null }) {
  const { value, again } = useLoad<Why>((signal) => get(path("hub", "v1", "connectors", name, "why"), { signal }), [name, condition, trace]);
  useEvery(5000, again);
  const found = traceOf(trace);
  const tone = toneOf(condition);
  const text = value?.why.replace(new RegExp(`^${name.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")} is [A-Z]+: `), "") ?? found?.said ?? "";
  if (!text) return null;
  return (
    <section class={`why-panel tint-${tone}`} aria-label="Why">
      <p>{text}</p>
      {found?.code && (
        <p class="row">
          <code>{found.code}</code>
          <Copy text={() => `${name}: ${text}`} />
        </p>
      )}
    </section>
  );
}

function Figures({ name }: { name: string }) {
  const row = rowOf(name)!.value;
  const alive = isAlive(row);
  const limit = sayLimit(row, row.retained_bytes, row.retained_limit, growthOf(name));
  const figure = (label: string, value: string, title?: string) => (
    <div>
      <dt>{label}</dt>
      <dd class="num" title={title}>{value}</dd>
    </div>
  );
  return (
    <dl class="figures">
      {figure("Events/s", alive && row.rate >= 0 ? rate(row.rate) : UNKNOWN)}
      {figure("Behind", alive ? duration(row.behind_ms) : UNKNOWN, "from the commit of the newest event to when it was read")}
      {row.type === "source" && figure("To read", alive ? bytes(row.lag_bytes) : UNKNOWN, "of the source's log")}
      {row.type === "source" && figure("Retained", alive ? bytes(row.retained_bytes) : UNKNOWN, `of the source's log, which the server keeps for it${limit && `; ${limit}`}`)}
      {figure(row.type === "sink" ? "Delivered" : "Appended", row.events >= 0 ? exact(row.events) : UNKNOWN)}
      {figure("Dead letters", exact(row.dead))}
      {figure("Memory", alive ? bytes(row.resident_bytes) : UNKNOWN)}
    </dl>
  );
}

function Gone({ name }: { name: string }) {
  return (
    <>
      <Title>{name}</Title>
      <Empty title={`There is no connector ${name} here.`}>
        <p>It may have been deleted, or belong to another hub.</p>
        <a class="button primary" href={to()}>Overview</a>
      </Empty>
    </>
  );
}

export function Connector() {
  const name = parts.value[1] ?? "";
  const id = parts.value[2] ?? "status";
  turns.value;
  const row = rowOf(name)?.value;
  useTitle(row ? `${name} · ${row.condition}` : name);
  const { value, error, again } = useLoad<Status>((signal) => get(path("hub", "v1", "connectors", name, "status"), { signal }), [name, row?.condition]);
  useEvery(2000, again);
  // On a phone the tabs scroll: the one that is open is in sight.
  useEffect(() => document.querySelector(".tabs [aria-current]")?.scrollIntoView({ block: "nearest", inline: "nearest" }), [id, !!row]);
  useEffect(() => {
    if (!parts.value[2] && name) go(to("c", name, "status"), true);
  }, [name]);
  if (names.value === null) return link.value.state === "away" ? <Title>{name}</Title> : <Waiting rows={6} />;
  if (!row) return <Gone name={name} />;
  const tabs = TABS.filter((t) => !t.of || row.type === t.of);
  const Tab = (tabs.find((t) => t.id === id) ?? tabs[0]!).page;
  const busy = doing.value[name];
  const failed = failures.value[name];
  const troubled = !["RUNNING", "SNAPSHOTTING", "STOPPED"].includes(row.condition) || !!row.trace;
  return (
    <>
      <div class="headline">
        <Title class="with-state">
          <Icon name={row.type === "sink" ? "sink" : "source"} size={18} class="muted" />
          <span class="middle">{name}</span>
          <StateWord word={busy?.was || row.condition} stale={link.value.state === "away"} />
          {busy && <span class="muted small">{sayDoing(busy)}</span>}
        </Title>
        <Actions name={name} condition={row.condition} />
      </div>
      {failed && (
        <div class="failure" role="alert">
          <Icon name="FAILED" class="tone-bad" />
          <p>{failed}</p>
        </div>
      )}
      {troubled && <WhyPanel name={name} condition={row.condition} trace={row.trace} />}
      {!troubled && sayLoss(row) && (
        <p class="tint-warn why-panel">
          {sayLoss(row)} {row.log_removed ? "Unless another server still has it, begin anew behind the gap (Offsets)." : "Let the connector go on, or have the server keep its log for longer."}
        </p>
      )}
      {row.condition === "SNAPSHOTTING" && (
        <p class="tint-info why-panel">
          {snapshotOf(row)} Changes flow beside it. <a href={to("c", name, "tables")}>Tables</a>
        </p>
      )}
      <Figures name={name} />
      <nav class="tabs" aria-label={`Of ${name}`}>
        {tabs.map((t) => (
          <a key={t.id} href={to("c", name, t.id)} aria-current={t.id === id ? "page" : undefined}>
            {t.label}
          </a>
        ))}
      </nav>
      <Tab key={name} name={name} status={error ? undefined : value} reload={again} />
    </>
  );
}
