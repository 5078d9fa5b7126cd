// Configuration: as it is in force, edited as a form, properties, JSON or SQL; what a save changes is
// shown before it is done. Secrets are masks, which go back untouched and keep what is stored.
import { useEffect, useMemo, useState } from "preact/hooks";
import { ask, get, path } from "../../core/api";
import { changesOf, MASK, problemsOf, type Change, type Config, type Problem, type Validation } from "../../core/config";
import { rowOf } from "../../core/live";
import { byAllNames, inForm, isOf, isSecret, keyOf, wrongWith, type Option, type Plugin } from "../../core/options";
import { guardLeaving, query, setQuery } from "../../core/place";
import { Pad, type View } from "../../core/views";
import { lacks } from "../../core/who";
import { Copy, Failure, useAttempt, useLoad, Waiting } from "../../parts/bits";
import { confirm, Dialog } from "../../parts/dialog";
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
  return all.filter(inForm);
}

function wrongIn(options: Option[], values: Config): Map<string, string[]> {
  const wrong = options.map((o) => [o.name, [wrongWith(o, values[keyOf(o, values)] ?? "")]] as [string, string[]]);
  return new Map(wrong.filter(([, [what]]) => what));
}

/** PAUSED or STOPPED: a save does not set it going. */
const restsAs = (name: string): string | null => {
  const condition = rowOf(name)?.value.condition;
  return condition === "PAUSED" || condition === "STOPPED" ? condition : null;
};

interface SaveProps {
  name: string;
  plugin: string;
  /** What the edits began with. */
  loaded: Config;
  config: Config;
  changes: Change[];
  /** Changed ones that are meant to stay. */
  fixed: string[];
  close: () => void;
  saved: () => void;
  /** Without the edits. */
  load: () => void;
}

function Save(props: SaveProps) {
  const rests = restsAs(props.name);
  const [problems, setProblems] = useState<Problem[] | null>(null);
  const [meanwhile, setMeanwhile] = useState<Change[]>([]);
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
      const theirs = changesOf(props.loaded, await get<Config>(path("connectors", props.name, "config")));
      setMeanwhile(theirs);
      if (theirs.length > 0) return;
      await ask("PUT", path("connectors", props.name, "config"), props.config);
      props.saved();
    });
  const n = props.changes.length;
  return (
    <Dialog title={`Save ${n} ${n === 1 ? "change" : "changes"} ${rests ? "of" : "and restart"} ${props.name}?`} onClose={props.close} wide>
      <Diff changes={props.changes} />
      <ul class="effects">
        <li>{rests ? `It stays ${rests}.` : "It is restarted and goes on where it was."}</li>
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
      {meanwhile.length > 0 && (
        <div class="failure" role="alert">
          <p><strong>Changed meanwhile; nothing was saved:</strong> <code>{meanwhile.map((c) => c.name).join(", ")}</code></p>
          <p><button type="button" class="button small" onClick={props.load}>Load it</button> <span class="muted">Your edits go.</span></p>
        </div>
      )}
      {error && <Failure error={error} what="Nothing was saved." />}
      <footer>
        <span class="muted" role="status">{busy && doing}</span>
        <button type="button" class="button" autofocus onClick={props.close}>Cancel</button>
        <button type="button" class="button primary" disabled={busy} onClick={() => void save()}>{rests ? "Save" : "Save and restart"}</button>
      </footer>
    </Dialog>
  );
}

export function ConfigTab({ name, reload }: TabProps) {
  const { value, error, again } = useLoad<Config>((signal) => get(path("connectors", name, "config"), { signal }), [name]);
  const klass = value?.["connector.class"] ?? "";
  const { value: options, error: formless, again: formAgain } = useLoad<Option[] | null>(async (signal) => (klass ? await optionsOf(klass, signal) : null), [klass]);
  const asked = query.value.get("view");
  // While it is edited; of a form, what it was edited to stands in the pad.
  const [draft, setDraft] = useState<{ view: keyof typeof VIEWS; text: string; dirty: boolean } | null>(null);
  const view = draft ? draft.view : asked === "form" || asked === "json" || asked === "sql" ? asked : "properties";
  const [problem, setProblem] = useState("");
  const [asking, setAsking] = useState<{ config: Config; changes: Change[] } | null>(null);
  const [said, setSaid] = useState("");
  const [turns, setTurns] = useState(0);
  const off = lacks("admin");
  const [edits, setEdits] = useState(0);
  const kind = rowOf(name)?.value.type === "sink" ? "SINK" : "SOURCE";
  // Secrets that were typed stand beside the pad, which holds masks: no text shows them.
  const { pad, typed } = useMemo(() => {
    const { name: _, ...config } = value ?? {};
    const made = new Pad();
    made.set(null, kind, config);
    return { pad: made, typed: new Map<string, string>() };
  }, [value, edits, kind]);
  const [, redraw] = useState(0);
  const byName = useMemo(() => byAllNames(options ?? []), [options]);
  const dirty = !!draft?.dirty;
  useEffect(() => {
    if (!dirty) return;
    guardLeaving((leave) => {
      const question = { title: `Leave the edits of ${name}?`, effects: ["What was changed here is not saved, and goes."], verb: "Leave", danger: true };
      void confirm(question).then(({ yes }) => yes && leave());
      return false;
    });
    return () => guardLeaving(null);
  }, [dirty, name]);

  if (error) return <Failure error={error} again={again} what="The configuration could not be read." />;
  if (!value) return <Waiting />;

  const put = (config: Config) => {
    for (const option of typed.keys()) if (config[option] !== MASK) typed.delete(option);
    for (const [option, v] of Object.entries(config)) if (isSecret(byName.get(option), option, v)) typed.set(option, v);
    pad.set(null, kind, Object.fromEntries(Object.entries(config).map(([k, v]) => [k, typed.has(k) ? MASK : v])));
  };
  const edited = (): Config => Object.fromEntries(Object.entries(pad.config()).map(([k, v]) => [k, typed.get(k) ?? v]));
  /** Only a statement has to say its name. */
  const textOf = (as: View) => {
    pad.set(as === "sql" ? name : null, kind, pad.config());
    return pad.text(as);
  };
  const read = (): Config | null => {
    setProblem("");
    if (view === "form" || !draft) return edited();
    try {
      const next = pad.clone();
      next.take(view, draft.text);
      if (next.doc.name !== null && next.doc.name !== name) throw new Error(`It stays “${name}”: a connector keeps its name.`);
      if (next.doc.kind !== kind) throw new Error(`It stays CREATE ${kind} CONNECTOR.`);
      pad.take(view, draft.text);
      put(pad.config());
      return edited();
    } catch (e) {
      setProblem((e as Error).message);
      return null;
    }
  };
  const turn = (to: keyof typeof VIEWS) => {
    if (!read()) return;
    if (draft) setDraft({ ...draft, view: to, text: to === "form" ? "" : textOf(to) });
    setQuery({ view: to === "properties" ? null : to });
  };
  const edit = () => {
    setSaid("");
    setDraft({ view, text: view === "form" ? "" : textOf(view), dirty: false });
  };
  const write = (text: string) => setDraft((d) => d && (text === d.text ? d : { ...d, text, dirty: true }));
  const set = (option: string, to: string | undefined) => {
    const { [option]: _, ...rest } = pad.config();
    setProblem("");
    typed.delete(option);
    put(to === undefined ? rest : { ...rest, [option]: to });
    setDraft((d) => d && { ...d, dirty: true });
    redraw((n) => n + 1);
  };
  const askSave = () => {
    const config = read();
    if (!config) return;
    const { name: _, ...stored } = value;
    const changes = changesOf(stored, config).map((c) => (typed.has(c.name) ? { ...c, after: "(a new one)" } : c));
    if (changes.length === 0) setProblem("Nothing is changed.");
    else setAsking({ config: { ...config, name }, changes });
  };
  const leave = () => {
    setDraft(null);
    setProblem("");
  };
  const masked = Object.values(value).includes(MASK);
  const shown = view === "form" || draft ? "" : textOf(view);
  const values = edited();
  const others = Object.keys(values).filter((k) => k !== "connector.class" && !byName.has(k));
  return (
    <>
      <div class="toolbar">
        <div class="segments" role="group" aria-label="View">
          {(Object.keys(VIEWS) as (keyof typeof VIEWS)[]).map((v) => (
            <button type="button" key={v} aria-pressed={view === v} onClick={() => turn(v)}>{VIEWS[v]}</button>
          ))}
        </div>
        {draft ? (
          <>
            <button type="button" class="button primary" disabled={!!off} title={off} onClick={askSave}>{restsAs(name) ? "Save…" : "Save and restart…"}</button>
            <button type="button" class="button" onClick={() => { leave(); setEdits(edits + 1); }}>Discard</button>
          </>
        ) : (
          <button type="button" class="button" disabled={!!off} title={off} onClick={edit}>Edit</button>
        )}
        {view !== "form" && !draft && <Copy text={shown} />}
        <span class="muted small" role="status">{said}</span>
      </div>
      {masked && <p class="muted small">{MASK} stands for a secret that is stored; left as it is, it stays.</p>}
      {problem && <p class="failure" role="alert">{problem}</p>}
      {view === "form" ? (
        formless ? (
          <Failure error={formless} again={formAgain} what="The form could not be read." />
        ) : options === null ? (
          <p class="muted">There is no form for {klass}.</p>
        ) : (
          options && (
            <>
              <Form
                search
                shown={() => true}
                of={{
                  options,
                  values,
                  set,
                  problems: wrongIn(options, values),
                  locked: (o) => !draft || o.fixed,
                  stored: (o) => value[keyOf(o, value)] === MASK,
                }}
              />
              {others.length > 0 && (
                <p class="muted small">
                  {others.length} more {others.length === 1 ? "is" : "are"} in no form: <code>{others.join(", ")}</code>{" "}
                  <button type="button" class="linkish" onClick={() => turn("properties")}>Properties</button>
                </p>
              )}
            </>
          )
        )
      ) : !draft ? (
        <pre class="code panel" tabIndex={0} aria-label={`Configuration of ${name}`}>{shown}</pre>
      ) : (
        <div class="pad">
          <LazyEditor label={`Configuration of ${name} as ${VIEWS[view]}`} language={view} value={draft.text} change={write} run={askSave} />
        </div>
      )}
      {!draft && <Versions name={name} now={value} turn={turns} roll={(config, changes) => setAsking({ config: { ...config, name }, changes })} />}
      {asking && (
        <Save
          name={name}
          plugin={klass.split(".").pop()!}
          loaded={value}
          {...asking}
          fixed={asking.changes.filter((c) => byName.get(c.name)?.fixed).map((c) => c.name)}
          close={() => setAsking(null)}
          load={() => {
            setAsking(null);
            leave();
            again();
            setTurns(turns + 1);
          }}
          saved={() => {
            setAsking(null);
            leave();
            setSaid(restsAs(name) ? "Saved." : "Saved; it was restarted.");
            again();
            setTurns(turns + 1);
            reload();
          }}
        />
      )}
    </>
  );
}
