// Configuration: as it is in force, edited as a form, properties, JSON or SQL; what a save changes is
// shown before it is done. Secrets are masks, which go back untouched and keep what is stored.
import { useMemo, useState } from "preact/hooks";
import { ask, get, path } from "../../core/api";
import { changesOf, MASK, problemsOf, type Change, type Config, type Problem, type Validation } from "../../core/config";
import { rowOf } from "../../core/live";
import { isOf, wrongWith, type Option, type Plugin } from "../../core/options";
import { query, setQuery } from "../../core/place";
import { Pad, type View } from "../../core/views";
import { lacks } from "../../core/who";
import { Copy, Failure, useAttempt, useLoad, Waiting } from "../../parts/bits";
import { Dialog } from "../../parts/dialog";
import { Form } from "../../parts/form";
import { LazyEditor } from "../../parts/lazy";
import type { TabProps } from "./index";
import { Diff, Versions } from "./versions";

const VIEWS = { form: "Form", properties: "Properties", json: "JSON", sql: "SQL" };

/** Its options, as the form shows them; null: not in this build. */
async function optionsOf(klass: string, signal: AbortSignal): Promise<Option[] | null> {
  const found = (await get<Plugin[]>("/hub/v1/plugins", { signal })).find((p) => isOf(p, klass));
  if (!found) return null;
  const all = (await get<Plugin>(path("hub", "v1", "plugins", found.name), { signal })).options ?? [];
  return all.filter((o) => o.class === "supported" && o.name !== "name" && o.name !== "connector.class");
}

function wrongIn(options: Option[], values: Config): Map<string, string[]> {
  const wrong = options.map((o) => [o.name, [wrongWith(o, values[o.name] ?? "")]] as [string, string[]]);
  return new Map(wrong.filter(([, [what]]) => what));
}

interface SaveProps {
  name: string;
  plugin: string;
  config: Config;
  changes: Change[];
  /** Changed ones that are meant to stay. */
  fixed: string[];
  close: () => void;
  saved: () => void;
}

function Save(props: SaveProps) {
  const stopped = rowOf(props.name)?.value.condition === "STOPPED";
  const [problems, setProblems] = useState<Problem[] | null>(null);
  const { error, busy, attempt } = useAttempt();
  const [doing, setDoing] = useState("");
  const save = () =>
    attempt(async () => {
      setProblems(null);
      setDoing("Trying it on the real system…");
      const v = await ask<Validation>("PUT", path("connector-plugins", props.plugin, "config", "validate"), { ...props.config, name: props.name });
      const found = problemsOf(v);
      if (found.length > 0) {
        setProblems(found);
        return;
      }
      setDoing("Saving…");
      await ask("PUT", path("connectors", props.name, "config"), props.config);
      props.saved();
    });
  const n = props.changes.length;
  return (
    <Dialog title={`Save ${n} ${n === 1 ? "change" : "changes"} ${stopped ? "of" : "and restart"} ${props.name}?`} onClose={props.close} wide>
      <Diff changes={props.changes} />
      <ul class="effects">
        <li>{stopped ? "It stays STOPPED." : "It is restarted and goes on where it was."}</li>
        {props.fixed.map((o) => (
          <li key={o} class="tone-warn"><code>{o}</code> is not meant to change: what was read so far belongs to it, and it may refuse to run. A new connector takes another.</li>
        ))}
      </ul>
      {problems && (
        <div class="failure" role="alert">
          <div>
            <p><strong>{problems.length} {problems.length === 1 ? "thing is" : "things are"} wrong; nothing was saved.</strong></p>
            <ul>
              {problems.map((p) => <li key={p.option + p.message}><code>{p.option}</code> {p.message}</li>)}
            </ul>
          </div>
        </div>
      )}
      {error && <Failure error={error} what="Nothing was saved." />}
      <footer>
        <span class="muted" role="status">{busy && doing}</span>
        <button type="button" class="button" autofocus onClick={props.close}>Cancel</button>
        <button type="button" class="button primary" disabled={busy} onClick={() => void save()}>{stopped ? "Save" : "Save and restart"}</button>
      </footer>
    </Dialog>
  );
}

export function ConfigTab({ name, reload }: TabProps) {
  const { value, error, again } = useLoad<Config>((signal) => get(path("connectors", name, "config"), { signal }), [name]);
  const klass = value?.["connector.class"] ?? "";
  const { value: options } = useLoad<Option[] | null>(async (signal) => (klass ? await optionsOf(klass, signal) : null), [klass]);
  const asked = query.value.get("view");
  const view: keyof typeof VIEWS = asked === "form" || asked === "json" || asked === "sql" ? asked : "properties";
  // A text while it is edited; of a form, what it was edited to stands in the pad.
  const [text, setText] = useState<string | null>(null);
  const [editing, setEditing] = useState(false);
  const [problem, setProblem] = useState("");
  const [asking, setAsking] = useState<{ config: Config; changes: Change[] } | null>(null);
  const [said, setSaid] = useState("");
  const [turns, setTurns] = useState(0);
  const off = lacks("admin");
  const [edits, setEdits] = useState(0);
  const kind = rowOf(name)?.value.type === "sink" ? "SINK" : "SOURCE";
  const pad = useMemo(() => {
    const { name: _, ...config } = value ?? {};
    const made = new Pad();
    made.set(null, kind, config);
    return made;
  }, [value, edits, kind]);
  const [, redraw] = useState(0);

  if (error) return <Failure error={error} again={again} what="The configuration could not be read." />;
  if (!value) return <Waiting />;

  /** Only a statement has to say its name. */
  const textOf = (as: View) => {
    pad.set(as === "sql" ? name : null, kind, pad.config());
    return pad.text(as);
  };
  const read = (): Config | null => {
    if (view === "form" || text === null) return pad.config();
    try {
      setProblem("");
      const next = pad.clone();
      next.take(view, text);
      if (next.doc.name !== null && next.doc.name !== name) throw new Error(`It stays “${name}”: a connector keeps its name.`);
      pad.take(view, text);
      return pad.config();
    } catch (e) {
      setProblem((e as Error).message);
      return null;
    }
  };
  const turn = (to: keyof typeof VIEWS) => {
    if (!read()) return;
    setText(editing && to !== "form" ? textOf(to) : null);
    setQuery({ view: to === "properties" ? null : to });
  };
  const edit = () => {
    setEditing(true);
    setSaid("");
    if (view !== "form") setText(textOf(view));
  };
  const set = (option: string, to: string | undefined) => {
    const { [option]: _, ...rest } = pad.config();
    pad.set(null, kind, to === undefined ? rest : { ...rest, [option]: to });
    redraw((n) => n + 1);
  };
  const askSave = () => {
    const config = read();
    if (!config) return;
    const { name: _, ...stored } = value;
    const changes = changesOf(stored, config);
    if (changes.length === 0) setProblem("Nothing is changed.");
    else setAsking({ config: { ...config, name }, changes });
  };
  const leave = () => {
    setText(null);
    setEditing(false);
    setProblem("");
  };
  const masked = Object.values(value).includes(MASK);
  const shown = view === "form" ? "" : (text ?? textOf(view));
  const values = pad.config();
  return (
    <>
      <div class="toolbar">
        <div class="segments" role="group" aria-label="View">
          {(Object.keys(VIEWS) as (keyof typeof VIEWS)[]).map((v) => (
            <button type="button" key={v} aria-pressed={view === v} onClick={() => turn(v)}>{VIEWS[v]}</button>
          ))}
        </div>
        {editing ? (
          <>
            <button type="button" class="button primary" disabled={!!off} title={off} onClick={askSave}>Save and restart…</button>
            <button type="button" class="button" onClick={() => { leave(); setEdits(edits + 1); }}>Discard</button>
          </>
        ) : (
          <button type="button" class="button" disabled={!!off} title={off} onClick={edit}>Edit</button>
        )}
        {view !== "form" && <Copy text={shown} />}
        <span class="muted small" role="status">{said}</span>
      </div>
      {masked && <p class="muted small">{MASK} stands for a secret that is stored; left as it is, it stays.</p>}
      {problem && <p class="failure" role="alert">{problem}</p>}
      {view === "form" ? (
        options === null ? (
          <p class="muted">There is no form for {klass}.</p>
        ) : (
          options && (
            <Form
              search
              shown={() => true}
              of={{
                options,
                values,
                set,
                problems: wrongIn(options, values),
                locked: (o) => !editing || o.fixed,
                stored: (o) => value[o.name] === MASK,
              }}
            />
          )
        )
      ) : text === null ? (
        <pre class="code panel" tabIndex={0} aria-label={`Configuration of ${name}`}>{shown}</pre>
      ) : (
        <div class="pad">
          <LazyEditor label={`Configuration of ${name} as ${VIEWS[view]}`} language={view} value={text} change={setText} run={askSave} />
        </div>
      )}
      {!editing && <Versions name={name} now={value} turn={turns} roll={(config, changes) => setAsking({ config: { ...config, name }, changes })} />}
      {asking && (
        <Save
          name={name}
          plugin={klass.split(".").pop()!}
          {...asking}
          fixed={(options ?? []).filter((o) => o.fixed && asking.changes.some((c) => c.name === o.name)).map((o) => o.name)}
          close={() => setAsking(null)}
          saved={() => {
            setAsking(null);
            leave();
            setSaid(rowOf(name)?.value.condition === "STOPPED" ? "Saved." : "Saved; it was restarted.");
            again();
            setTurns(turns + 1);
            reload();
          }}
        />
      )}
    </>
  );
}
