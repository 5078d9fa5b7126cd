// Settings: who may ask, what was done, this hub, how the page looks, and what it is.
import type { ComponentType } from "preact";
import { useState } from "preact/hooks";
import { ask, get, path } from "../../core/api";
import { second } from "../../core/clock";
import type { Change } from "../../core/config";
import { bytes, precise, time } from "../../core/format";
import { hub } from "../../core/live";
import { parts, query, setQuery, to } from "../../core/place";
import { quoted } from "../../core/sql";
import { choose, prefs, type Prefs } from "../../core/prefs";
import { lacks, who } from "../../core/who";
import { hubsZone, viewersZone } from "../../core/zone";
import { Ago, Copy, Empty, Failure, Title, useAttempt, useEvery, useLoad, useTitle, Waiting } from "../../parts/bits";
import { confirm, Dialog } from "../../parts/dialog";
import { saveFile } from "../../parts/file";
import { Icon, Logo } from "../../parts/icon";
import { Meter } from "../../parts/meter";
import { Table } from "../../parts/table";
import { Diff } from "../connector/versions";

// ---- access

interface Grant {
  kind: "token" | "password" | "certificate" | "peer";
  name: string;
  role: string;
  made: string;
  until: string | null;
  ended: boolean;
  token?: string;
}

const KINDS: Record<Grant["kind"], string> = {
  token: "token",
  password: "user, by password",
  certificate: "user, by certificate",
  peer: "user of this machine",
};
const ROLES: [string, string][] = [
  ["viewer", "looks: states, configurations without secrets, counters; all events, dead letters, SELECT"],
  ["operator", "also pauses, resumes, restarts, sets log levels; edits and retries dead letters, sends signals"],
  ["admin", "also makes and changes connectors, offsets and access"],
];

/** Without a login nothing of it may be changed here. */
const anonymous = () => who.value?.how === "none";

function Made({ token, close }: { token: string; close: () => void }) {
  return (
    <Dialog title="The new token" onClose={close}>
      <p><b>Copy it now. It is not shown again.</b></p>
      <pre class="code" tabIndex={0} aria-label="Token">{token}</pre>
      <p class="row"><Copy text={token} label="Copy the token" /></p>
      <p class="muted">Sent as <code>Authorization: Bearer …</code></p>
      <footer><button type="button" class="button primary" onClick={close}>I have it</button></footer>
    </Dialog>
  );
}

function NewGrant({ close, made }: { close: () => void; made: (g: Grant) => void }) {
  const [kind, setKind] = useState<Grant["kind"]>("token");
  const [name, setName] = useState("");
  const [role, setRole] = useState("viewer");
  const [days, setDays] = useState("90");
  const [password, setPassword] = useState("");
  const { error, attempt } = useAttempt();
  const create = () =>
    attempt(async () => {
      const body: Record<string, unknown> = { kind, name: name.trim(), role };
      if (kind === "token") body.days = days ? Number(days) : null;
      if (kind === "password") body.password = password;
      made(await ask<Grant>("POST", "/hub/v1/access", body));
    });
  return (
    <Dialog title="New token or user" onClose={close}>
      <form onSubmit={(e) => { e.preventDefault(); void create(); }}>
        <div class="segments" role="group" aria-label="Kind">
          {(["token", "password", "certificate"] as const).map((k) => (
            <button key={k} type="button" aria-pressed={kind === k} onClick={() => setKind(k)}>{k === "token" ? "Token" : k === "password" ? "User" : "Certificate"}</button>
          ))}
        </div>
        <label class="field">
          <span>{kind === "certificate" ? "Common name of the certificate" : "Name"}</span>
          <input value={name} autocomplete="off" autofocus onInput={(e) => setName(e.currentTarget.value)} />
        </label>
        <fieldset class="plain">
          <legend>Role</legend>
          {ROLES.map(([r, what]) => (
            <label class="check" key={r}>
              <input type="radio" name="role" checked={role === r} onChange={() => setRole(r)} /> <b>{r}</b> <span class="muted small">{what}</span>
            </label>
          ))}
        </fieldset>
        {kind === "token" && (
          <label class="field">
            <span>Ends after</span>
            <select value={days} onChange={(e) => setDays(e.currentTarget.value)}>
              {[["7", "7 days"], ["30", "30 days"], ["90", "90 days"], ["365", "a year"], ["", "never"]].map(([v, t]) => <option key={v} value={v}>{t}</option>)}
            </select>
          </label>
        )}
        {kind === "password" && (
          <label class="field">
            <span>Password, 8 characters or more</span>
            <input type="password" autocomplete="new-password" value={password} onInput={(e) => setPassword(e.currentTarget.value)} />
          </label>
        )}
        {error && <Failure error={error} what="It was not made." />}
        <footer>
          <button type="button" class="button" onClick={close}>Cancel</button>
          <button class="button primary" disabled={!name.trim() || (kind === "password" && password.length < 8)}>{kind === "token" ? "Make the token" : "Add the user"}</button>
        </footer>
      </form>
    </Dialog>
  );
}

const COMMANDS = `leat token create ci --role operator --expires 90d
leat user set NAME --role viewer
leat serve --require-login --listen ADDRESS:8083 --tls-cert hub.pem --tls-key hub.key
`;

function Access() {
  const { value, error, again } = useLoad<Grant[]>((signal) => get("/hub/v1/access", { signal }), []);
  const [making, setMaking] = useState(false);
  const [token, setToken] = useState("");
  const { error: problem, attempt } = useAttempt();
  const off = lacks("admin") || (anonymous() ? "needs a login" : "");
  const end = async (g: Grant) => {
    const { yes } = await confirm({
      title: `End ${g.name}?`,
      effects: [`Whoever uses this ${g.kind === "token" ? "token" : "login"} is refused from now on.`],
      verb: `End ${g.name}`,
      danger: true,
    });
    if (!yes) return;
    if (await attempt(() => ask("DELETE", path("hub", "v1", "access", g.kind, g.name)))) again();
  };
  return (
    <>
      <div class="toolbar">
        <h2 class="grow">Users and tokens</h2>
        <button type="button" class="button primary" disabled={!!off} title={off} onClick={() => setMaking(true)}><Icon name="plus" size={14} /> New</button>
      </div>
      {anonymous() && (
        <section class="panel tint-warn">
          <p><b>Reached without a login, from this machine only.</b> Whoever can reach the port can do everything. Tokens and users are made on the command line until somebody logs in:</p>
          <pre class="code" tabIndex={0} aria-label="Commands">{COMMANDS}</pre>
          <p class="row"><Copy text={COMMANDS} /></p>
        </section>
      )}
      {error && <Failure error={error} again={again} what="They could not be listed." />}
      {problem && <Failure error={problem} what="It was not ended." />}
      {!value && !error && <Waiting />}
      {value && value.length === 0 && <p class="muted">There is no token and no user.</p>}
      {value && value.length > 0 && (
        <Table heads={["Name", "Kind", "Role", "Made", "Ends", { label: <span class="sr">Actions</span> }]} panel>
          {value.map((g) => (
            <tr key={`${g.kind} ${g.name}`}>
              <th scope="row"><b>{g.name}</b>{who.value?.name === g.name && <span class="muted"> you</span>}</th>
              <td>{KINDS[g.kind]}</td>
              <td>{g.role}</td>
              <td><Ago at={g.made} /></td>
              <td>{g.until === null ? <span class="muted">never</span> : g.ended ? <span class="tone-bad">ended</span> : <span title={precise(Date.parse(g.until))}>{precise(Date.parse(g.until)).slice(0, 10)}</span>}</td>
              <td class="right"><button type="button" class="button small" disabled={!!off} title={off} aria-label={`End ${g.name}`} onClick={() => void end(g)}>End…</button></td>
            </tr>
          ))}
        </Table>
      )}
      {making && <NewGrant close={() => setMaking(false)} made={(g) => { setMaking(false); setToken(g.token ?? ""); again(); }} />}
      {token && <Made token={token} close={() => setToken("")} />}
    </>
  );
}

// ---- audit

interface Deed {
  id: number;
  at: string;
  who: string;
  how: string;
  role: string;
  address: string;
  method: string;
  path: string;
  status: number;
  /** Options of a configuration, before and after; a secret that was replaced is its mask, twice. */
  changed: Record<string, [string | null, string | null]> | null;
}

const HEADS = 5;

function DeedRow({ deed: d }: { deed: Deed }) {
  const [open, setOpen] = useState(false);
  const changes: Change[] = Object.entries(d.changed ?? {}).map(([name, [before, after]]) => ({ name, before, after }));
  return (
    <>
      <tr>
        <td><Ago at={d.at} /></td>
        <th scope="row">{d.who} <span class="muted small">{d.how === "none" ? "no login" : `${d.how}, ${d.role}`}</span></th>
        <td class="mono">{d.address}</td>
        <td class="mono">
          <span class="method">{d.method}</span> {d.path}{" "}
          {changes.length > 0 && (
            <button type="button" class="linkish" aria-expanded={open} onClick={() => setOpen(!open)}>
              {open ? "▾" : "▸"} {changes.length === 1 ? "1 option" : `${changes.length} options`}
            </button>
          )}
        </td>
        <td class={`num ${d.status >= 400 ? "tone-bad" : ""}`}>{d.status}</td>
      </tr>
      {open && <tr><td colSpan={HEADS}><Diff changes={changes} /></td></tr>}
    </>
  );
}

function AuditList() {
  const [older, setOlder] = useState<Deed[]>([]);
  const [end, setEnd] = useState(false);
  const { value, error, again } = useLoad<{ deeds: Deed[] }>((signal) => get("/hub/v1/audit?limit=100", { signal }), []);
  useEvery(5000, () => older.length === 0 && again());
  const q = query.value.get("q") ?? "";
  const all = [...(value?.deeds ?? []), ...older];
  const shown = all.filter((d) => `${d.who} ${d.method} ${d.path} ${d.status} ${d.address}`.toLowerCase().includes(q.toLowerCase()));
  const more = async () => {
    const last = all[all.length - 1];
    const next = (await get<{ deeds: Deed[] }>(`/hub/v1/audit?limit=500&before=${last?.id ?? 1}`)).deeds;
    setEnd(next.length < 500);
    setOlder([...older, ...next]);
  };
  const csv = () => ["at,who,how,role,address,method,path,status", ...shown.map((d) => [d.at, d.who, d.how, d.role, d.address, d.method, d.path, d.status].map((v) => quoted(String(v))).join(","))].join("\r\n") + "\r\n";
  if (error) return <Failure error={error} again={again} what="The audit could not be read." />;
  if (!value) return <Waiting />;
  if (all.length === 0) return <Empty title="Nothing was changed yet."><p>Who changes something, and who is refused, stands here.</p></Empty>;
  return (
    <>
      <div class="toolbar">
        <input type="search" aria-label="Filter the audit" placeholder="filter: who, path, status, address" value={q} onInput={(e) => setQuery({ q: e.currentTarget.value })} />
        <span class="muted num" role="status">{shown.length} of {all.length}</span>
        <button type="button" class="button small" onClick={() => saveFile("audit.csv", csv(), "text/csv")}>CSV</button>
      </div>
      <Table heads={["When", "Who", "From", "What", { label: "Answer", right: true }]} panel>
        {shown.map((d) => <DeedRow key={d.id} deed={d} />)}
      </Table>
      {!end && all.length >= 100 && <p class="row buttons"><button type="button" class="button small" onClick={() => void more()}>Older</button></p>}
    </>
  );
}

// ---- this hub

interface About {
  id: string;
  version: string;
  address: string;
  url: string | null;
  since: string;
  data: string;
  disk_free_bytes: number;
  disk_bytes: number;
  tls: boolean;
  login: boolean;
  programs: boolean;
  files_root: string | null;
  stream: string;
  history_seconds: number;
}

function HubFacts() {
  const { value, error, again } = useLoad<About>((signal) => get("/hub/v1/about", { signal }), []);
  if (error) return <Failure error={error} again={again} what="This hub could not be asked." />;
  if (!value) return <Waiting />;
  const fact = (label: string, shown: preact.ComponentChildren) => [<dt key={label}>{label}</dt>, <dd key={`${label}.`}>{shown}</dd>];
  return (
    <section class="panel">
      <h2>This hub</h2>
      <dl class="facts">
        {fact("Version", <span class="num">{value.version}</span>)}
        {fact("Address", <span class="mono">{value.address}</span>)}
        {value.url && fact("Behind a proxy", <span class="mono">{value.url}</span>)}
        {fact("Runs since", <Ago at={value.since} />)}
        {fact("Id", <span class="mono">{value.id}</span>)}
        {fact("Stream", value.stream === "kafka" ? "Kafka, of the worker's file" : "embedded")}
        {fact("TLS", value.tls ? "on" : <span>off{value.login ? "" : ": reached from this machine only"}</span>)}
        {fact("History", value.history_seconds > 0 ? `a point each ${value.history_seconds} s, kept a day` : "none is kept")}
        {fact("Programs", value.programs ? "connectors may run them (--allow-code)" : "connectors run none")}
        {fact("Files", value.files_root ? <span class="mono">{value.files_root}</span> : "connectors may name none (--files-root)")}
        {fact("Data folder", <span class="mono">{value.data}</span>)}
      </dl>
      {value.disk_bytes > 0 && <Meter label="Disk of the data folder" used={value.disk_bytes - value.disk_free_bytes} of={value.disk_bytes} as={(n) => bytes(n)} />}
    </section>
  );
}

// ---- the page itself

function Appearance() {
  const p = prefs.value;
  const group = <K extends keyof Prefs>(key: K, label: string, list: [Prefs[K], string][]) => (
    <div class="setting">
      <span id={`set-${key}`}>{label}</span>
      <div class="segments" role="group" aria-labelledby={`set-${key}`}>
        {list.map(([v, text]) => <button key={text} type="button" aria-pressed={p[key] === v} onClick={() => choose({ [key]: v } as Partial<Prefs>)}>{text}</button>)}
      </div>
    </div>
  );
  return (
    <section class="panel">
      <h2>Appearance</h2>
      {group("theme", "Theme", [["system", "As the system"], ["light", "Light"], ["dark", "Dark"]])}
      {group("density", "Rows", [["compact", "Compact"], ["comfortable", "Comfortable"]])}
      {group("keys", "Single letters do something", [[true, "Yes"], [false, "No"]])}
      {group("zone", "Times", [["viewer", `Yours (${viewersZone})`], ["utc", "UTC"], ...(hubsZone.value ? [["hub", `The hub's (${hubsZone.value})`] as [Prefs["zone"], string]] : [])])}
      <p class="muted small">Kept in this browser. It is {time(second.value)} there; a time that is pointed at tells its zone, and UTC.</p>
    </section>
  );
}

function AboutPage() {
  return (
    <section class="panel about">
      <Logo size={56} />
      <div>
        <h2>leat {hub.value?.version}</h2>
        <p>Leads changes from where data lives to where it is used, and proves that nothing was lost on the way.</p>
        <p class="row">
          <a class="button small" href="../docs/">Documentation</a>
          <a class="button small" href="../hub/v1/openapi.json" target="_blank" rel="noreferrer">OpenAPI document</a>
        </p>
        <p class="muted small">Apache License 2.0. The page is built of Preact, uPlot and CodeMirror (MIT).</p>
      </div>
    </section>
  );
}

const SECTIONS: { id: string; label: string; page: ComponentType }[] = [
  { id: "access", label: "Access", page: Access },
  { id: "audit", label: "Audit", page: AuditList },
  { id: "hub", label: "Hub", page: HubFacts },
  { id: "appearance", label: "Appearance", page: Appearance },
  { id: "about", label: "About", page: AboutPage },
];

export function Settings() {
  const id = parts.value[1] ?? "access";
  const section = SECTIONS.find((s) => s.id === id) ?? SECTIONS[0]!;
  useTitle(`Settings: ${section.label}`);
  const Page = section.page;
  return (
    <>
      <div class="headline"><Title>Settings</Title></div>
      <nav class="tabs" aria-label="Sections">
        {SECTIONS.map((s) => <a key={s.id} href={to("settings", s.id)} aria-current={s === section ? "page" : undefined}>{s.label}</a>)}
      </nav>
      <Page />
    </>
  );
}
