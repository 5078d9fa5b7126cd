// Configuration: as it is in force, edited as properties or JSON; what a save changes is shown before
// it is done. Secrets are masks, which go back untouched and keep what is stored.
import { useMemo, useState } from "preact/hooks";
import { ask, get, path } from "../../core/api";
import { changesOf, MASK, problemsOf, type Change, type Config, type Problem, type Validation } from "../../core/config";
import { query, setQuery } from "../../core/place";
import { Pad } from "../../core/views";
import { lacks } from "../../core/who";
import { Copy, Failure, useAttempt, useLoad, Waiting } from "../../parts/bits";
import { Dialog } from "../../parts/dialog";
import { LazyEditor } from "../../parts/lazy";
import type { TabProps } from "./index";
import { Diff, Versions } from "./versions";

type View = "properties" | "json";

function Save(props: { name: string; plugin: string; config: Config; changes: Change[]; close: () => void; saved: () => void }) {
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
    <Dialog title={`Save ${n} ${n === 1 ? "change" : "changes"} and restart ${props.name}?`} onClose={props.close} wide>
      <Diff changes={props.changes} />
      <ul class="effects">
        <li>It is restarted and goes on where it was.</li>
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
        <button type="button" class="button primary" disabled={busy} onClick={() => void save()}>Save and restart</button>
      </footer>
    </Dialog>
  );
}

export function ConfigTab({ name, reload }: TabProps) {
  const { value, error, again } = useLoad<Config>((signal) => get(path("connectors", name, "config"), { signal }), [name]);
  const view: View = query.value.get("view") === "json" ? "json" : "properties";
  const [text, setText] = useState<string | null>(null);
  const [problem, setProblem] = useState("");
  const [asking, setAsking] = useState<{ config: Config; changes: Change[] } | null>(null);
  const [said, setSaid] = useState("");
  const [turns, setTurns] = useState(0);
  const off = lacks("admin");
  const [edits, setEdits] = useState(0);
  const pad = useMemo(() => {
    const { name: _, ...options } = value ?? {};
    const made = new Pad();
    made.set(null, "SOURCE", options);
    return made;
  }, [value, edits]);
  const shown = useMemo(() => pad.text(view), [pad, view]);

  if (error) return <Failure error={error} again={again} what="The configuration could not be read." />;
  if (!value) return <Waiting />;

  const read = (): Config | null => {
    try {
      setProblem("");
      pad.take(view, text ?? shown);
      return pad.config();
    } catch (e) {
      setProblem((e as Error).message);
      return null;
    }
  };
  const turn = (to: View) => {
    if (text !== null) {
      if (!read()) return;
      setText(pad.text(to));
    }
    setQuery({ view: to === "properties" ? null : to });
  };
  const askSave = () => {
    const config = read();
    if (!config) return;
    const { name: _, ...options } = value;
    const changes = changesOf(options, config);
    if (changes.length === 0) setProblem("Nothing is changed.");
    else setAsking({ config: { ...config, name }, changes });
  };
  const masked = Object.values(value).includes(MASK);
  return (
    <>
      <div class="toolbar">
        <div class="segments" role="group" aria-label="View">
          <button type="button" aria-pressed={view === "properties"} onClick={() => turn("properties")}>Properties</button>
          <button type="button" aria-pressed={view === "json"} onClick={() => turn("json")}>JSON</button>
        </div>
        {text === null ? (
          <button type="button" class="button" disabled={!!off} title={off} onClick={() => { setText(shown); setSaid(""); }}>Edit</button>
        ) : (
          <>
            <button type="button" class="button primary" disabled={!!off} title={off} onClick={askSave}>Save and restart…</button>
            <button type="button" class="button" onClick={() => { setText(null); setProblem(""); setEdits(edits + 1); }}>Discard</button>
          </>
        )}
        <Copy text={() => text ?? shown} />
        <span class="muted small" role="status">{said}</span>
      </div>
      {masked && <p class="muted small">{MASK} stands for a secret that is stored; left as it is, it stays.</p>}
      {problem && <p class="failure" role="alert">{problem}</p>}
      {text === null ? (
        <pre class="code panel" tabIndex={0} aria-label={`Configuration of ${name}`}>{shown}</pre>
      ) : (
        <div class="pad">
          <LazyEditor label={`Configuration of ${name} as ${view}`} language={view} value={text} change={setText} run={askSave} />
        </div>
      )}
      {text === null && <Versions name={name} now={value} turn={turns} roll={(config, changes) => setAsking({ config: { ...config, name }, changes })} />}
      {asking && (
        <Save
          name={name}
          plugin={value["connector.class"]!.split(".").pop()!}
          {...asking}
          close={() => setAsking(null)}
          saved={() => {
            setAsking(null);
            setText(null);
            setSaid("Saved; it was restarted.");
            again();
            setTurns(turns + 1);
            reload();
          }}
        />
      )}
    </>
  );
}
