// The configurations a connector had: who saved them, what each changed, and the way back to one.
import { useState } from "preact/hooks";
import { get, path } from "../../core/api";
import { changesOf, type Change, type Config } from "../../core/config";
import { lacks } from "../../core/who";
import { Ago, Failure, useLoad } from "../../parts/bits";

interface Version {
  version: number;
  at: string;
  who: string | null;
  config: Config;
}

export function Diff({ changes }: { changes: Change[] }) {
  return (
    <div class="diffs">
      {changes.map((c) => (
        <div key={c.name} class="change">
          {c.before !== null && (
            <p class="diff removed mono"><b aria-label="removed">−</b> {c.name}={c.before}</p>
          )}
          {c.after !== null && (
            <p class="diff added mono"><b aria-label="added">+</b> {c.name}={c.after}</p>
          )}
        </div>
      ))}
    </div>
  );
}

const own = ({ name: _, ...options }: Config): Config => options;

function Line(props: { v: Version; before: Version | undefined; newest: boolean; now: Config; roll: (config: Config, changes: Change[]) => void }) {
  const { v, before } = props;
  const [open, setOpen] = useState(false);
  const off = lacks("admin");
  const changes = before ? changesOf(own(before.config), own(v.config)) : [];
  const back = changesOf(own(props.now), own(v.config));
  const names = changes.map((c) => c.name);
  return (
    <li class="version">
      <p class="row">
        <button type="button" class="linkish" aria-expanded={open} onClick={() => setOpen(!open)}>{open ? "▾" : "▸"} <b>v{v.version}</b></button>
        <span>{v.who === null ? "as it was before versions were noted" : `by ${v.who}`}</span>
        <span class="muted"><Ago at={v.at} /></span>
        <span class="muted small mono what">{before ? names.slice(0, 4).join(", ") + (names.length > 4 ? ` and ${names.length - 4} more` : "") : v.who === null ? "" : "made"}</span>
        {props.newest ? (
          <span class="tag">in force</span>
        ) : (
          <button type="button" class="button small" disabled={!!off || back.length === 0} title={off || (back.length === 0 ? "It is what is in force" : "")} onClick={() => props.roll(own(v.config), back)}>
            Roll back to v{v.version}…
          </button>
        )}
      </p>
      {open && (before ? <Diff changes={changes} /> : <pre class="code" tabIndex={0} aria-label={`Configuration of version ${v.version}`}>{Object.entries(own(v.config)).map(([k, x]) => `${k}=${x}`).join("\n")}</pre>)}
    </li>
  );
}

/** turn: grows when something was saved. */
export function Versions(props: { name: string; now: Config; turn: number; roll: (config: Config, changes: Change[]) => void }) {
  const { value, error, again } = useLoad<Version[]>((signal) => get(path("hub", "v1", "connectors", props.name, "versions"), { signal }), [props.name, props.turn]);
  if (error) return <Failure error={error} again={again} what="Its history could not be read." />;
  if (!value || value.length === 0) return null;
  return (
    <section class="panel history" aria-label="History">
      <h2>History <span class="muted small num">{value.length} {value.length === 1 ? "version" : "versions"}</span></h2>
      <ol class="versions" reversed start={value[0]!.version}>
        {value.map((v, i) => <Line key={v.version} v={v} before={value[i + 1]} newest={i === 0} now={props.now} roll={props.roll} />)}
      </ol>
    </section>
  );
}
