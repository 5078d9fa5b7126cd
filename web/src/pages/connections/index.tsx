// Connections: addresses and rights, saved once, tested any time. Nothing is tested by itself.
import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { get } from "../../core/api";
import { parts, query, setQuery, to } from "../../core/place";
import { lacks } from "../../core/who";
import { At, Empty, Failure, StateWord, Title, useEvery, useLoad, useTitle, Waiting } from "../../parts/bits";
import { Glyph } from "../../parts/glyph";
import { Icon } from "../../parts/icon";
import { Table } from "../../parts/table";
import { isRunning, Trial } from "../../parts/trial";
import { ConnectionForm } from "./form";
import { addressOf, type Saved, type Unsaved } from "./model";

/** By name: the last test of this tab. */
const trials = signal<Record<string, Trial>>({});

function test(name: string) {
  const trial = trials.value[name] ?? new Trial(() => ({ connection: name }));
  trials.value = { ...trials.value, [name]: trial };
  void trial.run();
}

const trialOf = (name: string) => trials.value[name]?.now.value ?? null;

function Tested({ name }: { name: string }) {
  const t = trialOf(name);
  if (!t) return <span class="muted" title="Not tested since this page was opened">–</span>;
  if (isRunning(t)) return <span class="muted" role="status">asking the server…</span>;
  const step = t.steps.find((s) => s.state === "failed");
  const said = t.error || (step ? `${step.step}: ${step.detail ?? "failed"}` : (t.problems.find((p) => !p.warning)?.message ?? ""));
  const ok = t.done?.ok === true;
  return (
    <span class={`tone-${ok ? "ok" : "bad"} verdict-line`} role="status" title={said}>
      <Icon name={ok ? "check" : "FAILED"} size={14} /> <At at={t.at} /> {ok ? "all is well" : said}
    </span>
  );
}

function List({ saved }: { saved: Saved[] }) {
  const off = lacks("admin");
  const q = (query.value.get("q") ?? "").toLowerCase();
  const shown = saved.filter((c) => `${c.name} ${c.label} ${addressOf(c.parameters)} ${c.used_by.join(" ")}`.toLowerCase().includes(q));
  return (
    <>
      {saved.length > 5 && (
        <div class="toolbar">
          <input type="search" aria-label="Filter connections" placeholder="filter: name, system, address or connector" value={query.value.get("q") ?? ""} onInput={(e) => setQuery({ q: e.currentTarget.value })} />
          <span class="muted num">{shown.length} of {saved.length}</span>
        </div>
      )}
      <Table heads={["Name", "System", "Address", "Strategy", "Used by", "Tested", { label: <span class="sr">Actions</span> }]} panel>
        {shown.map((c) => (
          <tr key={c.name}>
            <th scope="row"><a href={to("connections", c.name)}><b>{c.name}</b></a></th>
            <td><span class="system"><Glyph name={c.system} /> {c.label}</span></td>
            <td class="mono">{addressOf(c.parameters)}</td>
            <td>{c.strategy_label}</td>
            <td>
              {c.used_by.length === 0 ? <span class="muted">nobody</span> : c.used_by.slice(0, 2).map((n, i) => (
                <span key={n}>{i > 0 && ", "}<a href={to("c", n)}>{n}</a></span>
              ))}
              {c.used_by.length > 2 && <span class="muted" title={c.used_by.join(", ")}> and {c.used_by.length - 2} more</span>}
            </td>
            <td class="tested"><Tested name={c.name} /></td>
            <td class="right">
              <button type="button" class="button small" disabled={!!off || isRunning(trialOf(c.name))} title={off} aria-label={`Test ${c.name}`} onClick={() => test(c.name)}>Test</button>
            </td>
          </tr>
        ))}
      </Table>
      {shown.length === 0 && <p class="none muted">No connection matches “{q}”.</p>}
    </>
  );
}

function Others({ list }: { list: Unsaved[] }) {
  if (list.length === 0) return null;
  return (
    <section class="panel">
      <h2>In use without a saved one</h2>
      <Table heads={["System", "Address", "Connectors"]}>
        {list.map((c) => (
          <tr key={`${c.system} ${c.host} ${c.database} ${c.user}`}>
            <th scope="row">{c.system}</th>
            <td class="mono">{c.host ? `${c.user ? `${c.user}@` : ""}${addressOf({ host: c.host, port: c.port, database: c.database })}` : "–"}</td>
            <td class="wrap">
              {c.connectors.map((k) => (
                <span class="pair" key={k.name}><a href={to("c", k.name)}>{k.name}</a> <StateWord word={k.state} /></span>
              ))}
            </td>
          </tr>
        ))}
      </Table>
    </section>
  );
}

function All() {
  const { value, error, again } = useLoad<(Saved | Unsaved)[]>((signal) => get("/hub/v1/connections", { signal }), []);
  useEvery(30_000, again);
  const off = lacks("admin");
  const saved = (value ?? []).filter((c): c is Saved => c.name !== null);
  const others = (value ?? []).filter((c): c is Unsaved => c.name === null);
  const make = off ? (
    <button type="button" class="button primary" disabled title={off}><Icon name="plus" size={14} /> New connection</button>
  ) : (
    <a class="button primary" href={`${to("connections")}?new=`}><Icon name="plus" size={14} /> New connection</a>
  );
  return (
    <>
      <div class="headline">
        <Title>Connections</Title>
        {saved.length > 0 && make}
      </div>
      {error && <Failure error={error} again={again} what="The connections could not be listed." />}
      {!value && !error && <Waiting />}
      {value && saved.length === 0 && (
        <Empty title="No connection saved.">
          <p>Save one to use it in several connectors; secrets are sealed on this machine.</p>
          {make}
        </Empty>
      )}
      {saved.length > 0 && <List saved={saved} />}
      <Others list={others} />
    </>
  );
}

export function Connections() {
  const name = parts.value[1];
  const isNew = query.value.get("new");
  useTitle(name ?? (isNew !== null ? "New connection" : "Connections"));
  useEffect(() => {
    document.querySelector<HTMLElement>("main h1")?.focus({ preventScroll: true });
  }, [isNew]);
  if (name || isNew !== null) return <ConnectionForm key={name ?? ""} name={name} />;
  return <All />;
}
