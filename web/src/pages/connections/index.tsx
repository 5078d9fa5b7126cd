// Connections: addresses and rights, saved once, tested any time. Nothing is tested by itself.
import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { feed, get } from "../../core/api";
import { time } from "../../core/format";
import { parts, query, setQuery, to } from "../../core/place";
import { lacks } from "../../core/who";
import { Empty, Failure, StateWord, Title, useEvery, useLoad, useTitle, Waiting } from "../../parts/bits";
import { Glyph } from "../../parts/glyph";
import { Icon } from "../../parts/icon";
import { ConnectionForm } from "./form";
import { addressOf, type Saved, type Unsaved } from "./model";

interface Verdict {
  at: number;
  running: boolean;
  ok: boolean;
  said: string;
}
/** By name: how the last test of this tab ended. */
const verdicts = signal<Record<string, Verdict>>({});

async function test(name: string) {
  const put = (v: Partial<Verdict>) => {
    const was = verdicts.value[name] ?? { at: 0, running: false, ok: false, said: "" };
    verdicts.value = { ...verdicts.value, [name]: { ...was, at: Date.now(), ...v } };
  };
  put({ running: true });
  let failed = "";
  try {
    await feed("POST", "/hub/v1/checks", { connection: name }, (e) => {
      const data = JSON.parse(e.data) as { state?: string; step?: string; detail?: string; ok?: boolean; message?: string; warning?: boolean };
      if (e.event === "step" && data.state === "failed" && !failed) failed = `${data.step}: ${data.detail ?? "failed"}`;
      if (e.event === "problem" && !data.warning && !failed) failed = data.message ?? "";
      if (e.event === "done") put({ running: false, ok: data.ok === true, said: data.ok ? "" : failed });
    });
  } catch (e) {
    put({ ok: false, said: (e as Error).message });
  }
  put({ running: false });
}

function Tested({ name }: { name: string }) {
  const v = verdicts.value[name];
  if (!v) return <span class="muted" title="Not tested since this page was opened">–</span>;
  if (v.running) return <span class="muted" role="status">asking the server…</span>;
  return (
    <span class={`tone-${v.ok ? "ok" : "bad"} verdict-line`} role="status" title={v.said}>
      <Icon name={v.ok ? "check" : "FAILED"} size={14} /> {time(v.at)} {v.ok ? "all is well" : v.said}
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
      <div class="panel sideways">
        <table class="list">
          <thead>
            <tr>
              <th scope="col">Name</th>
              <th scope="col">System</th>
              <th scope="col">Address</th>
              <th scope="col">Strategy</th>
              <th scope="col">Used by</th>
              <th scope="col">Tested</th>
              <th scope="col"><span class="sr">Actions</span></th>
            </tr>
          </thead>
          <tbody>
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
                  <button type="button" class="button small" disabled={!!off || verdicts.value[c.name]?.running} title={off} aria-label={`Test ${c.name}`} onClick={() => void test(c.name)}>Test</button>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
        {shown.length === 0 && <p class="none muted">No connection matches “{q}”.</p>}
      </div>
    </>
  );
}

function Others({ list }: { list: Unsaved[] }) {
  if (list.length === 0) return null;
  return (
    <section class="panel">
      <h2>In use without a saved one</h2>
      <div class="sideways">
        <table class="list">
          <thead>
            <tr><th scope="col">System</th><th scope="col">Address</th><th scope="col">Connectors</th></tr>
          </thead>
          <tbody>
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
          </tbody>
        </table>
      </div>
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
