// The palette (Ctrl or ⌘ K): a verb or a name first, fuzzy. Verbs that change something open their
// dialog or are sent; one that the role lacks is shown, and says what it needs. And the keys.
import { signal } from "@preact/signals";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { act, askDelete, askLevel, askSnapshot, askStop } from "../core/act";
import { get } from "../core/api";
import { names, rowOf } from "../core/live";
import { go, parts, to } from "../core/place";
import { choose, isDark, prefs } from "../core/prefs";
import { lacks } from "../core/who";
import { hubsZone, viewersZone } from "../core/zone";
import { StateWord } from "./bits";
import { Dialog } from "./dialog";

interface Command {
  verb: string;
  object: string;
  run: () => void;
  /** Why not. */
  off?: string;
}

const open = signal(false);
const help = signal(false);
export const openPalette = () => (open.value = true);

/** Places and commands that other pages add. */
export const places: { label: string; key?: string; path: string[] }[] = [
  { label: "Overview", key: "o", path: [] },
  { label: "New connector", key: "n", path: ["new"] },
  { label: "Topics", key: "t", path: ["topics"] },
  { label: "Dead letters", key: "d", path: ["dead-letters"] },
  { label: "Connections", key: "c", path: ["connections"] },
  { label: "SQL", key: "s", path: ["sql"] },
  { label: "Lineage", key: "l", path: ["lineage"] },
  { label: "Catalogue", path: ["catalogue"] },
  { label: "Settings", path: ["settings", "access"] },
  { label: "Audit", path: ["settings", "audit"] },
];

/** What there is beside connectors; asked for when the palette is opened. */
const known = signal<{ topics: string[]; plugins: string[]; connections: string[] }>({ topics: [], plugins: [], connections: [] });

async function find() {
  const names = async (what: Promise<Record<string, string | null>[]>, member: string) =>
    (await what.catch(() => [])).map((x) => x[member]).filter((x): x is string => !!x);
  const [topics, plugins, connections] = await Promise.all([
    names(get("/hub/v1/topics"), "topic"),
    names(get("/hub/v1/plugins"), "name"),
    names(get("/hub/v1/connections"), "name"),
  ]);
  known.value = { topics, plugins, connections };
}

/** All that can be done with a connector. */
function verbsOf(name: string): Command[] {
  const { condition, type } = rowOf(name)!.value;
  const stopped = condition === "STOPPED";
  const rests = stopped || condition === "PAUSED";
  const off = lacks("operator");
  const admin = lacks("admin");
  const tab = (verb: string, id: string): Command => ({ verb, object: name, run: () => go(to("c", name, id)) });
  const list: Command[] = [
    { verb: "open", object: name, run: () => go(to("c", name)) },
    tab("why", "status"),
    rests
      ? { verb: "resume", object: name, off, run: () => void act(name, "resume") }
      : { verb: "pause", object: name, off, run: () => void act(name, "pause") },
    { verb: "restart", object: name, off: off || (stopped ? "it is stopped" : ""), run: () => void act(name, "restart") },
    { verb: "stop", object: name, off: off || (stopped ? "it is stopped" : ""), run: () => void askStop(name) },
    tab("log", "log"),
    tab("plots", "plots"),
    tab("offsets", "offsets"),
    tab("configuration", "config"),
    tab("verify", "verify"),
    { verb: "log-level", object: name, off: off || (stopped ? "it does not run" : ""), run: () => void askLevel(name) },
    { verb: "duplicate", object: name, off: admin, run: () => go(`${to("new")}?like=${encodeURIComponent(name)}`) },
    { verb: "delete", object: name, off: admin, run: () => void askDelete(name).then((gone) => gone && go(to())) },
  ];
  if (type === "sink") list.push({ verb: "dead-letters", object: name, run: () => go(`${to("dead-letters")}?connector=${encodeURIComponent(name)}`) });
  if (type === "source")
    list.push(tab("events", "events"), tab("tables", "tables"), {
      verb: "snapshot", object: name, off: off || (rests ? "it does not run" : ""), run: () => void askSnapshot(name),
    });
  return list;
}

/** The connector whose page this is. */
const current = () => (parts.value[0] === "c" && rowOf(parts.value[1] ?? "") ? parts.value[1]! : null);

function commands(): Command[] {
  const here = current();
  const list: Command[] = here ? verbsOf(here) : [];
  list.push(...places.map((p) => ({ verb: "go to", object: p.label, run: () => go(to(...p.path)) })));
  for (const name of names.value ?? []) if (name !== here) list.push(...verbsOf(name));
  for (const topic of known.value.topics) list.push({ verb: "tail", object: topic, run: () => go(to("t", topic)) });
  for (const plugin of known.value.plugins) list.push({ verb: "new", object: plugin, off: lacks("admin"), run: () => go(to("new", plugin)) });
  for (const name of known.value.connections) list.push({ verb: "test", object: name, run: () => go(to("connections", name)) });
  list.push({ verb: "theme", object: isDark() ? "light" : "dark", run: () => choose({ theme: isDark() ? "light" : "dark" }) });
  const density = prefs.value.density === "compact" ? "comfortable" : "compact";
  list.push({ verb: "density", object: density, run: () => choose({ density }) });
  for (const [zone, object] of [["viewer", viewersZone], ["utc", "UTC"], ["hub", hubsZone.value]] as const)
    if (object && zone !== prefs.value.zone) list.push({ verb: "time-zone", object, run: () => choose({ zone }) });
  list.push({ verb: "show", object: "keys", run: () => (help.value = true) });
  return list;
}

/** Letters in their order, better when they stand together and begin words; -1: not in it. */
function score(text: string, wanted: string): number {
  let points = 0;
  let at = 0;
  let before = -2;
  for (const c of wanted) {
    if (c === " ") continue;
    const found = text.indexOf(c, at);
    if (found < 0) return -1;
    if (found === before + 1) points += 3;
    if (found === 0 || /[^a-z0-9]/.test(text[found - 1]!)) points += 2;
    points -= Math.min(3, found - at) * 0.1;
    before = found;
    at = found + 1;
  }
  return points;
}

function List() {
  const [text, setText] = useState("");
  const [at, setAt] = useState(0);
  const list = useRef<HTMLUListElement>(null);
  const all = useMemo(commands, [names.value, known.value]);
  useEffect(() => void find(), []);
  const wanted = text.trim().toLowerCase();
  const own = current();
  const found = useMemo(() => {
    if (!wanted) return all.filter((c) => c.object === own || c.verb === "go to" || c.verb === "open").slice(0, 50);
    const sql = /^sql\s+(\S.*)$/is.exec(text.trim());
    if (sql) return [{ verb: "sql", object: sql[1]!, run: () => go(`${to("sql")}?q=${encodeURIComponent(sql[1]!)}`) }];
    return all
      .map((c) => ({ c, n: Math.max(score(`${c.verb} ${c.object}`.toLowerCase(), wanted), score(c.object.toLowerCase(), wanted) + 1) }))
      .filter((x) => x.n >= 0)
      .sort((a, b) => b.n - a.n)
      .slice(0, 50)
      .map((x) => x.c);
  }, [all, wanted]);
  const here = Math.min(at, found.length - 1);
  useEffect(() => list.current?.querySelector("[aria-selected=true]")?.scrollIntoView({ block: "nearest" }), [here]);
  const run = (c: Command | undefined) => {
    if (!c || c.off) return;
    open.value = false;
    c.run();
  };
  return (
    <div
      class="palette"
      onKeyDown={(e) => {
        if (e.key === "ArrowDown" || e.key === "ArrowUp") {
          e.preventDefault();
          setAt((here + (e.key === "ArrowDown" ? 1 : -1) + found.length) % Math.max(1, found.length));
        } else if (e.key === "Enter") {
          e.preventDefault();
          run(found[here]);
        }
      }}
    >
      <input
        type="text"
        role="combobox"
        aria-expanded="true"
        aria-controls="palette-list"
        aria-activedescendant={found.length ? `palette-${here}` : undefined}
        aria-label="Search or run"
        placeholder="Search or run…"
        value={text}
        autofocus
        onInput={(e) => {
          setText(e.currentTarget.value);
          setAt(0);
        }}
      />
      <ul id="palette-list" role="listbox" aria-label="What was found" ref={list}>
        {found.map((c, i) => (
          <li
            key={`${c.verb} ${c.object}`}
            id={`palette-${i}`}
            role="option"
            aria-selected={i === here}
            aria-disabled={!!c.off}
            onClick={() => run(c)}
            onPointerMove={() => setAt(i)}
          >
            <span class="verb">{c.verb}</span>
            <span class="object">{c.object}</span>
            {c.off ? <span class="muted">{c.off}</span> : c.verb === "open" && rowOf(c.object) && <StateWord word={rowOf(c.object)!.value.condition} />}
          </li>
        ))}
      </ul>
      {found.length === 0 && <p class="muted none">Nothing for “{text}”.</p>}
    </div>
  );
}

const KEYS: [string, string][] = [
  ["Ctrl K", "search or run"],
  ["/", "filter"],
  ["g o", "overview"],
  ["↑ ↓ j k", "move in a table"],
  ["Enter", "open"],
  ["x", "tick"],
  ["?", "these keys"],
  ["Esc", "close the top layer"],
];

export function Palette() {
  return (
    <>
      {open.value && (
        <Dialog title="Search or run" onClose={() => (open.value = false)}>
          <List />
        </Dialog>
      )}
      {help.value && (
        <Dialog title="Keys" onClose={() => (help.value = false)}>
          <dl class="keys">
            {KEYS.map(([key, what]) => (
              <div key={key}>
                <dt><kbd>{key}</kbd></dt>
                <dd>{what}</dd>
              </div>
            ))}
            {places.filter((p) => p.key && p.key !== "o").map((p) => (
              <div key={p.key}>
                <dt><kbd>g {p.key}</kbd></dt>
                <dd>{p.label.toLowerCase()}</dd>
              </div>
            ))}
          </dl>
          <label class="check">
            <input type="checkbox" checked={prefs.value.keys} onChange={(e) => choose({ keys: e.currentTarget.checked })} />
            Single letters do something
          </label>
        </Dialog>
      )}
    </>
  );
}

const typing = (e: KeyboardEvent) => {
  const t = e.target as HTMLElement;
  return t.matches("input, textarea, select, [contenteditable], dialog *") || t.shadowRoot !== null;
};

export function startKeys() {
  let g = 0;
  document.addEventListener("keydown", (e) => {
    if ((e.ctrlKey || e.metaKey) && e.key.toLowerCase() === "k") {
      e.preventDefault();
      open.value = !open.value;
      return;
    }
    if (e.ctrlKey || e.metaKey || e.altKey || !prefs.value.keys || typing(e)) return;
    if (g > 0 && Date.now() - g < 1500) {
      g = 0;
      const place = places.find((p) => p.key === e.key);
      if (place) {
        e.preventDefault();
        go(to(...place.path));
      }
    } else if (e.key === "g") {
      g = Date.now();
    } else if (e.key === "?") {
      help.value = true;
    } else if (e.key === "/") {
      const filter = document.querySelector<HTMLInputElement>("main input[type=search]");
      if (filter) {
        e.preventDefault();
        filter.focus();
      }
    }
  });
}
