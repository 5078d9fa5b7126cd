// The catalogue: which connectors this build has, which it has not and why, and every option of each.
import { useEffect, useState } from "preact/hooks";
import { get, path } from "../../core/api";
import { labelOf, rangeOf, wordsOf, type Option, type Plugin } from "../../core/options";
import { parts, query, setQuery, to } from "../../core/place";
import { Copy, Failure, Title, useLoad, useTitle, Waiting } from "../../parts/bits";
import { Prose } from "../../parts/field";
import { Glyph } from "../../parts/glyph";
import { Icon } from "../../parts/icon";
import { Table } from "../../parts/table";

interface Listed extends Plugin {
  /** Why it is not in this build; null: it is. */
  absent: string | null;
}

const KINDS: [string, string][] = [["", "All"], ["source", "Sources"], ["sink", "Sinks"]];

function Card({ p }: { p: Listed }) {
  return (
    <a class="card panel plugin" href={to("catalogue", p.name)}>
      <Glyph name={p.name} />
      <span>
        <b>{p.title}</b> <span class="muted small"><Icon name={p.type} size={12} /> {p.type}</span>
        <span class="muted small block">{p.help?.split(". ")[0] ?? p.name}</span>
      </span>
    </a>
  );
}

function All() {
  useTitle("Catalogue");
  const { value, error, again } = useLoad<Listed[]>((signal) => get("/hub/v1/plugins?absent=true", { signal }), []);
  const q = query.value.get("q") ?? "";
  const kind = query.value.get("kind") ?? "";
  const found = (value ?? []).filter(
    (p) => (!kind || p.type === kind) && wordsOf(p).includes(q.trim().toLowerCase()),
  );
  const there = found.filter((p) => !p.absent);
  const absent = found.filter((p) => p.absent);
  return (
    <>
      <div class="headline">
        <Title>Catalogue</Title>
        <a class="button" href={`${to("new")}?view=paste`}>Paste a configuration</a>
      </div>
      <div class="toolbar">
        <input type="search" aria-label="Find a connector" placeholder="find by name or class, such as PostgresConnector" value={q} onInput={(e) => setQuery({ q: e.currentTarget.value })} />
        <div class="segments" role="group" aria-label="Kind">
          {KINDS.map(([id, label]) => <button key={id} type="button" aria-pressed={kind === id} onClick={() => setQuery({ kind: id })}>{label}</button>)}
        </div>
        <span class="muted num" role="status">{value ? `${there.length} in this build` : ""}</span>
      </div>
      {error && <Failure error={error} again={again} what="The connectors of this build could not be listed." />}
      {!value && !error && <Waiting />}
      {there.length > 0 && <div class="cards">{there.map((p) => <Card key={`${p.type} ${p.name}`} p={p} />)}</div>}
      {value && found.length === 0 && (
        <p class="muted">
          No connector for “{q}” in this build. <button type="button" class="linkish" onClick={() => setQuery({ q: null, kind: null })}>All known ones</button>
        </p>
      )}
      {absent.length > 0 && (
        <section class="panel">
          <h2>Not in this build <span class="muted small num">{absent.length}</span></h2>
          <dl class="facts absent">
            {absent.map((p) => [<dt key={p.name}><Glyph name={p.name} /> {p.name} <span class="small">{p.type}</span></dt>, <dd key={`${p.name} why`}>{p.absent}</dd>])}
          </dl>
        </section>
      )}
    </>
  );
}

const FLAGS: [keyof Option, string][] = [["required", "required"], ["secret", "secret"], ["fixed", "fixed once made"], ["advanced", "advanced"]];

function OptionRow({ o }: { o: Option }) {
  const what = o.type === "enum" ? o.choices.join(", ") : [o.type, rangeOf(o)].filter(Boolean).join(", ");
  return (
    <tr id={o.name} tabIndex={-1}>
      <th scope="row">
        <a class="mono" href={`${to("catalogue", parts.value[1]!)}#${encodeURIComponent(o.name)}`}>{o.name}</a>
        <span class="muted small block">{labelOf(o)}</span>
        {FLAGS.filter(([f]) => o[f]).map(([f, word]) => <span key={f} class={`tag ${f === "required" ? "tone-bad" : ""}`}>{word}</span>)}
        {o.class !== "supported" && <span class="tag tone-warn">{o.class === "missing" ? "not supported" : "accepted without effect"}</span>}
      </th>
      <td class="wrap small">{what}</td>
      <td class="wrap mono">{o.default ?? <span class="muted">–</span>}</td>
      <td class="wrap help-cell">
        <Prose text={o.help} />
        {o.former.length > 0 && <span class="muted small block">Also known as {o.former.join(", ")}</span>}
      </td>
    </tr>
  );
}

function Options({ all }: { all: Option[] }) {
  const q = (query.value.get("q") ?? "").toLowerCase();
  const found = all.filter((o) => `${o.name} ${labelOf(o)} ${o.help} ${o.former.join(" ")} ${o.group}`.toLowerCase().includes(q));
  const groups = [...new Set(found.map((o) => o.group))];
  return (
    <>
      <div class="toolbar">
        <input type="search" aria-label="Find an option" placeholder={`find one of ${all.length} options`} value={query.value.get("q") ?? ""} onInput={(e) => setQuery({ q: e.currentTarget.value })} />
        <span class="muted num" role="status">{found.length} of {all.length}</span>
      </div>
      {groups.map((g) => (
        <section class="panel" key={g}>
          <h2>{g}</h2>
          <Table heads={["Option", "Values", "Default", "What it does"]} class="options">{found.filter((o) => o.group === g).map((o) => <OptionRow key={o.name} o={o} />)}</Table>
        </section>
      ))}
      {found.length === 0 && <p class="muted">No option for “{query.value.get("q")}”. <button type="button" class="linkish" onClick={() => setQuery({ q: null })}>All options</button></p>}
    </>
  );
}

function One({ name }: { name: string }) {
  const { value, error, again } = useLoad<Plugin>((signal) => get(path("hub", "v1", "plugins", name), { signal }), [name]);
  const [gone, setGone] = useState(false);
  useTitle(value?.title ?? name);
  useEffect(() => {
    const at = decodeURIComponent(location.hash.slice(1));
    if (!value || gone || !at) return;
    setGone(true);
    const row = document.getElementById(at);
    row?.scrollIntoView({ block: "center" });
    row?.focus({ preventScroll: true });
  }, [value]);
  return (
    <>
      <div class="headline">
        <div class="with-state">
          <Glyph name={name} />
          <Title>{value?.title ?? name}</Title>
          {value && <span class="muted"><Icon name={value.type} size={14} /> {value.type}</span>}
        </div>
        <div class="actions">
          <a class="button" href={to("catalogue")}>All connectors</a>
          {value && <a class="button primary" href={to("new", name)}><Icon name="plus" size={14} /> New connector</a>}
        </div>
      </div>
      {error && <Failure error={error} again={again} what="This connector could not be read." />}
      {!value && !error && <Waiting rows={8} />}
      {value && (
        <>
          {value.help && <p class="lead"><Prose text={value.help} /></p>}
          <dl class="facts classes">
            <dt>Name</dt>
            <dd class="mono">{value.name}</dd>
            {value.classes.length > 0 && <dt>Classes</dt>}
            {value.classes.length > 0 && <dd>{value.classes.map((c) => <span class="row" key={c}><span class="mono">{c}</span><Copy text={c} /></span>)}</dd>}
            <dt>Version</dt>
            <dd class="num">{value.version}</dd>
          </dl>
          <Options all={value.options ?? []} />
        </>
      )}
    </>
  );
}

export function Catalogue() {
  const name = parts.value[1];
  return name ? <One key={name} name={name} /> : <All />;
}
