// Log: the last lines of a running connector, in order, none dropped; followed while it is looked at.
import { useEffect, useRef, useState } from "preact/hooks";
import { ask, ApiError, get, path } from "../../core/api";
import { rowOf } from "../../core/live";
import { query, setQuery } from "../../core/place";
import { lacks } from "../../core/who";
import { Copy, Empty, Failure, useEvery, Waiting } from "../../parts/bits";
import { saveFile } from "../../parts/file";
import type { TabProps } from "./index";

const LEVELS = ["TRACE", "DEBUG", "INFO", "WARN", "ERROR"];
const KEPT = 5000;

interface Line {
  n: number;
  text: string;
  level: string;
}

const levelOf = (text: string) => LEVELS.find((l) => new RegExp(`(^|\\s|")${l}("|\\s)`).test(text.slice(0, 80))) ?? "INFO";
const tones: Record<string, string> = { WARN: "tone-warn", ERROR: "tone-bad", DEBUG: "muted", TRACE: "muted" };

export function LogTab({ name }: TabProps) {
  const [lines, setLines] = useState<Line[] | null>(null);
  const [error, setError] = useState<Error | null>(null);
  const [follow, setFollow] = useState(true);
  const [said, setSaid] = useState("");
  const next = useRef(0);
  const count = useRef(0);
  const busy = useRef(false);
  const box = useRef<HTMLDivElement>(null);
  const least = query.value.get("level") ?? "INFO";
  const text = query.value.get("q") ?? "";
  const pid = rowOf(name)?.value.pid ?? 0;

  const load = async () => {
    if (busy.current) return;
    busy.current = true;
    try {
      const got = await get<{ lines: string; next: number }>(`${path("hub", "v1", "connectors", name, "log")}?since=${next.current}`);
      next.current = got.next;
      const fresh = got.lines.split("\n").filter(Boolean).map((t) => ({ n: count.current++, text: t, level: levelOf(t) }));
      setError(null);
      setLines((old) => (fresh.length || !old ? [...(old ?? []), ...fresh].slice(-KEPT) : old));
    } catch (e) {
      setError(e as Error);
    } finally {
      busy.current = false;
    }
  };
  useEffect(() => {
    next.current = 0;
    setLines((old) => (old && pid === 0 ? old : null));
    void load();
  }, [name, pid]);
  useEvery(1000, () => follow && pid > 0 && void load());

  const rank = LEVELS.indexOf(least);
  const wanted = text.toLowerCase();
  const shown = (lines ?? []).filter((l) => LEVELS.indexOf(l.level) >= rank && l.text.toLowerCase().includes(wanted));
  useEffect(() => {
    if (follow && box.current) box.current.scrollTop = box.current.scrollHeight;
  }, [shown.length, follow]);

  const setLevel = async (level: string) => {
    try {
      await ask("PUT", path("admin", "loggers", name), { level });
      setSaid(`It says ${level} and above now, until its next start.`);
      setQuery({ level: level === "INFO" ? null : level });
    } catch (e) {
      setSaid((e as Error).message);
    }
  };
  const off = lacks("operator");
  const away = error instanceof ApiError && error.status === 409;
  return (
    <>
      <div class="toolbar">
        <label class="inline">
          Show
          <select value={least} onChange={(e) => setQuery({ level: e.currentTarget.value === "INFO" ? null : e.currentTarget.value })}>
            {LEVELS.map((l) => <option key={l} value={l}>{l} and above</option>)}
          </select>
        </label>
        <input type="search" aria-label="Search in the log" placeholder="search" value={text} onInput={(e) => setQuery({ q: e.currentTarget.value })} />
        <button type="button" class="button small" aria-pressed={!follow} onClick={() => setFollow(!follow)}>
          {follow ? "Freeze" : "Follow"}
        </button>
        <label class="inline">
          It says
          <select value="" disabled={!!off || pid === 0} title={off} onChange={(e) => void setLevel(e.currentTarget.value)}>
            <option value="">change…</option>
            {LEVELS.map((l) => <option key={l} value={l}>{l}</option>)}
          </select>
        </label>
        <Copy text={() => shown.map((l) => l.text).join("\n")} />
        <button type="button" class="button small" disabled={shown.length === 0} onClick={() => saveFile(`${name}.log`, shown.map((l) => `${l.text}\n`).join(""))}>Save</button>
        <span class="muted small" role="status">{said}</span>
      </div>
      {error && !away && <Failure error={error} again={load} what="The log could not be read." />}
      {lines === null && !error ? (
        <Waiting rows={8} />
      ) : away && !lines?.length ? (
        <Empty title={`${name} does not run.`}>
          <p>Its last lines went with its process. They stand in the hub's own log, which is where its standard error goes.</p>
        </Empty>
      ) : shown.length === 0 ? (
        <Empty title={`Nothing at ${least} or above${text ? ` with “${text}”` : ""}.`}>
          <button type="button" class="button" onClick={() => setQuery({ level: null, q: null })}>Show all</button>
        </Empty>
      ) : (
        <div class="log panel" ref={box} tabIndex={0} aria-label={`Log of ${name}`}>
          {shown.map((l) => (
            <div key={l.n} class={tones[l.level] ?? ""}>{l.text}</div>
          ))}
        </div>
      )}
    </>
  );
}
