// Which tables: all, or those that are ticked, of what the real system has. Ticks write
// table.include.list; a pattern that ticks cannot express is left as it is.
import { useMemo, useState } from "preact/hooks";
import { ask } from "../../core/api";
import { count } from "../../core/format";
import { Failure, useLoad, Waiting } from "../../parts/bits";
import { config, set, values } from "./model";

interface Table {
  database: string | null;
  schema: string | null;
  name: string;
  kind: string | null;
  rows: number;
}
const OPTION = "table.include.list";
const fullName = (t: Table) => (t.schema ? `${t.schema}.${t.name}` : t.database ? `${t.database}.${t.name}` : t.name);
const pattern = (name: string) => name.replace(/[\\^$.|?*+()[\]{}]/g, "\\$&").replace(/,/g, "\\,");

export function Tables({ ready }: { ready: boolean }) {
  const { [OPTION]: written, ...rest } = values.value;
  const key = JSON.stringify(rest);
  const { value, error, again } = useLoad<{ tables: Table[] } | null>(
    (signal) => (ready ? ask("POST", "/hub/v1/discover", { config: { ...config.peek(), [OPTION]: "" } }, { signal }).then((v) => v as { tables: Table[] }) : Promise.resolve(null)),
    [ready, ready ? key : ""],
  );
  const [text, setText] = useState("");
  const names = useMemo(() => (value?.tables ?? []).map(fullName), [value]);
  const parts = (written ?? "").split(/(?<!\\),/).map((p) => p.trim()).filter(Boolean);
  const ticked = new Set(names.filter((n) => parts.includes(pattern(n)) || parts.includes(n)));
  const foreign = parts.length > ticked.size;
  const only = written !== undefined;
  const shown = (value?.tables ?? []).filter((t) => fullName(t).toLowerCase().includes(text.toLowerCase()));
  const tick = (name: string, on: boolean) => {
    const next = names.filter((n) => (n === name ? on : ticked.has(n)));
    set(OPTION, next.length ? next.map(pattern).join(",") : undefined);
  };
  if (!ready) return <p class="muted">The tables are read from the server once the test has passed.</p>;
  if (error) return <Failure error={error} again={again} what="The tables could not be read." />;
  if (!value) return <Waiting />;
  return (
    <fieldset class="group">
      <legend>Tables</legend>
      <label class="check">
        <input type="radio" name="which" checked={!only} onChange={() => set(OPTION, undefined)} />
        All tables, today {names.length}, and those created later
      </label>
      <label class="check">
        <input type="radio" name="which" checked={only} onChange={() => names[0] && tick(names[0], true)} disabled={names.length === 0} />
        Only these{only && !foreign ? `: ${ticked.size} of ${names.length}` : ""}
      </label>
      {only && foreign && (
        <p class="note">
          Written as a pattern: <code>{written}</code>{" "}
          <button type="button" class="button small" onClick={() => set(OPTION, undefined)}>Edit as ticks: replaces the pattern</button>
        </p>
      )}
      {names.length > 8 && <input type="search" class="find" aria-label="Find a table" placeholder="find a table" value={text} onInput={(e) => setText(e.currentTarget.value)} />}
      <div class="tables">
        {shown.slice(0, 500).map((t) => {
          const n = fullName(t);
          return (
            <label class="check" key={n}>
              <input type="checkbox" checked={!only || ticked.has(n)} disabled={foreign} onChange={(e) => {
                if (only) tick(n, e.currentTarget.checked);
                else set(OPTION, names.filter((x) => x !== n).map(pattern).join(","));
              }} />
              <span class="mono">{n}</span>
              <span class="muted small num">{t.kind && t.kind !== "table" ? t.kind : ""} {t.rows >= 0 ? `about ${count(t.rows)} rows` : ""}</span>
            </label>
          );
        })}
        {shown.length > 500 && <p class="muted">{shown.length - 500} more: find them by name.</p>}
      </div>
    </fieldset>
  );
}
