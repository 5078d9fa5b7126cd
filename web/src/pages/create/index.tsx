// Create: choose → parameters → strategy and tables → review. One page with a rail of steps, any of
// which may be opened; the test stands beside all of them.
import { computed, signal } from "@preact/signals";
import { useEffect, useState } from "preact/hooks";
import { addressOf } from "../../core/address";
import { ask, get, path } from "../../core/api";
import type { Config } from "../../core/config";
import { guess, type View } from "../../core/views";
import { go, parts, query, setQuery, to } from "../../core/place";
import { keyOf, labelOf, wordsOf, type Plugin } from "../../core/options";
import { lacks } from "../../core/who";
import { LazyEditor } from "../../parts/lazy";
import { Copy, Failure, Title, useAttempt, useLoad, useTitle, Waiting } from "../../parts/bits";
import { Glyph } from "../../parts/glyph";
import { Icon } from "../../parts/icon";
import { TestPanel } from "../../parts/trial";
import { DraftForm } from "./form";
import {
  byName, choose, config, dropDraft, fates, hiddenIn, missing, name, left, options, paste, plugin, problems, rename, set, shownAs, system,
  takeText, taken, textOf, validate, values,
} from "./model";
import { Tables } from "./tables";
import { fieldOf, trial } from "./test";

// ---- 1 choose

function Cards() {
  const { value, error, again } = useLoad<Plugin[]>((signal) => get("/hub/v1/plugins", { signal }), []);
  const [text, setText] = useState("");
  const like = query.value.get("like");
  useEffect(() => {
    if (like)
      void get<Config>(path("connectors", like, "config")).then((c) => {
        const short = c["connector.class"]!;
        const found = value?.find((p) => p.name === short || p.classes.includes(short));
        if (found) go(`${to("new", found.name)}?like=${encodeURIComponent(like)}`, true);
      });
  }, [like, value]);
  if (error) return <Failure error={error} again={again} what="The connectors of this build could not be listed." />;
  if (!value) return <Waiting />;
  const wanted = text.trim().toLowerCase();
  const fits = (p: Plugin) => wordsOf(p).includes(wanted);
  const section = (title: string, type: Plugin["type"]) => {
    const list = value.filter((p) => p.type === type && fits(p));
    return (
      list.length > 0 && (
        <section key={type}>
          <h2>{title}</h2>
          <div class="cards">
            {list.map((p) => (
              <a class="card panel plugin" key={p.name} href={to("new", p.name)}>
                <Glyph name={p.name} />
                <span>
                  <b>{p.title}</b>
                  <span class="muted small block">{p.help?.split(". ")[0] ?? p.name}</span>
                </span>
              </a>
            ))}
          </div>
        </section>
      )
    );
  };
  return (
    <>
      <div class="toolbar">
        <input type="search" aria-label="Find a connector" placeholder="find by name or class, such as PostgresConnector" value={text} onInput={(e) => setText(e.currentTarget.value)} />
        <a class="button" href={`${to("new")}?view=paste`}>Paste a configuration</a>
      </div>
      {section("Sources: what is read", "source")}
      {section("Sinks: what is written to", "sink")}
      {!value.some(fits) && <p class="muted">No connector for “{text}” in this build.</p>}
    </>
  );
}

// ---- paste

function Paste() {
  const [text, setText] = useState("");
  const { error, attempt } = useAttempt();
  const take = () =>
    attempt(async () => {
      const found = await paste(text);
      trial.forget();
      go(`${to("new", found.name)}?step=review`);
    });
  return (
    <>
      <p class="muted">Kafka Connect's JSON or a .properties file, as Debezium has them, or CREATE SOURCE CONNECTOR; a file may be dropped here.</p>
      <div class="pad"
        onDragOver={(e) => e.preventDefault()}
        onDrop={(e) => {
          const file = e.dataTransfer?.files[0];
          if (!file) return;
          e.preventDefault();
          void file.text().then(setText);
        }}>
        <LazyEditor label="A configuration" language={guess(text)} value={text} change={setText} run={() => void take()} />
      </div>
      {error && <Failure error={error} what="It could not be read." />}
      <p class="row">
        <button type="button" class="button primary" disabled={!text.trim()} onClick={() => void take()}>Read it</button>
        <a class="button" href={to("new")}>Choose instead</a>
      </p>
    </>
  );
}

// ---- 2 parameters

/** Groups that are asked for first: the address, and what is required. */
const addressGroups = computed(() => {
  const all = options.value;
  const wanted = all.filter((o) => /connection|address/i.test(o.group) || (o.required && !values.peek()[o.name])).map((o) => o.group);
  return new Set(wanted.length ? wanted : all.slice(0, 1).map((o) => o.group));
});
const isAddress = (group: string) => addressGroups.value.has(group);

function Connection() {
  const s = system.value;
  const { value } = useLoad<{ name: string | null; system: string }[]>((signal) => get("/hub/v1/connections", { signal }), []);
  const saved = (value ?? []).filter((c) => c.name && c.system === s?.name);
  const chosen = values.value["connection"];
  if (!s || (saved.length === 0 && !chosen)) return null;
  return (
    <fieldset class="group">
      <legend>Address and log-in</legend>
      <label class="check"><input type="radio" name="how" checked={!chosen} onChange={() => set("connection", undefined)} /> New</label>
      <label class="check">
        <input type="radio" name="how" checked={!!chosen} onChange={() => set("connection", saved[0]!.name!)} /> Saved connection
        {chosen && (
          <select aria-label="Saved connection" value={chosen} onChange={(e) => set("connection", e.currentTarget.value)}>
            {saved.map((c) => <option key={c.name} value={c.name!}>{c.name}</option>)}
          </select>
        )}
      </label>
    </fieldset>
  );
}

/** "postgres://user:password@host:port/database" fills all fields: at once if it is pasted, else at its end. */
function Address() {
  const [text, setText] = useState("");
  const [problem, setProblem] = useState("");
  if (!byName.value.has("database.hostname")) return null;
  const postgres = byName.value.has("database.sslmode");
  const fill = (given: string) => {
    const found = addressOf(given);
    const other = found !== null && found.postgres !== postgres;
    setText(found && !other ? "" : given);
    if (other) setProblem(`This is an address of ${found.postgres ? "PostgreSQL" : "MySQL or MariaDB"}; the form is of ${plugin.value!.title}.`);
    else setProblem(found || !given.trim() ? "" : `Expected ${postgres ? "postgres" : "mysql"}://user:password@host:port/database.`);
    if (!found || other) return;
    for (const [option, value] of Object.entries(found.options)) {
      const o = byName.value.get(option);
      if (o) set(keyOf(o, values.value), value);
    }
  };
  return (
    <label class="field paste">
      <span class="muted small">Address at once</span>
      <input
        type="text"
        class="mono"
        placeholder={`paste ${postgres ? "postgres" : "mysql"}://… to fill all`}
        autocomplete="off"
        spellcheck={false}
        value={text}
        aria-invalid={!!problem || undefined}
        onInput={(e) => {
          const { data, inputType, isComposing } = e as InputEvent;
          const typed = isComposing || inputType.startsWith("delete") || data?.length === 1;
          (typed ? setText : fill)(e.currentTarget.value);
        }}
        onChange={(e) => fill(e.currentTarget.value)}
      />
      {problem && <span class="problem" role="alert"><Icon name="FAILED" size={14} /> {problem}</span>}
    </label>
  );
}

// ---- 3 strategy

function Strategies() {
  const s = system.value;
  if (!s) return null;
  return (
    <fieldset class="group">
      <legend>Strategy</legend>
      <div class="cards">
        {s.strategies.filter((x) => x.type === plugin.value!.type).map((x) => {
          const here = x.connector === plugin.value!.name;
          const inner = (
            <>
              <b>{x.label}</b>
              <span class="muted small">{x.help}</span>
              {!x.connector && <span class="tone-warn small">not in this build</span>}
            </>
          );
          return here || !x.connector ? (
            <div key={x.name} class={`card panel ${here ? "chosen" : "off"}`} aria-current={here ? "true" : undefined}>{inner}</div>
          ) : (
            <a key={x.name} class="card panel" href={to("new", x.connector)}>{inner}</a>
          );
        })}
      </div>
    </fieldset>
  );
}

// ---- as a text

const LABELS: Record<View, string> = { json: "JSON", properties: "Properties", sql: "SQL" };

/** What becomes of options that a form does not show. */
function Fates() {
  const f = fates.value;
  const line = (list: string[], tone: string, what: string) =>
    list.length > 0 && (
      <li class={tone}>
        <b>{list.length}</b> {what}: <code>{list.join(", ")}</code>
      </li>
    );
  if (f.no_effect.length + f.missing.length + f.unknown.length === 0) return null;
  return (
    <ul class="fates" aria-label="What becomes of its options">
      <li><b>{f.supported.length}</b> supported</li>
      {line(f.no_effect, "muted", "accepted without effect")}
      {line(f.missing, "tone-bad", "would change data, and not in this build")}
      {line(f.unknown, "tone-warn", "unknown: kept, and passed over")}
    </ul>
  );
}

/** The whole configuration as one text; each change is taken at once, if it can be read. */
function TextView({ view }: { view: View }) {
  const [text, setText] = useState(() => textOf(view));
  const [problem, setProblem] = useState("");
  const change = (next: string) => {
    setText(next);
    try {
      takeText(view, next);
      setProblem("");
      broken.value = false;
    } catch (e) {
      setProblem((e as Error).message);
      broken.value = true;
    }
  };
  useEffect(() => () => void (broken.value = false), []);
  const hidden = hiddenIn(view);
  return (
    <div class="pad">
      <LazyEditor label={`The configuration as ${LABELS[view]}`} language={view} value={text} change={change} />
      {problem && (
        <p class="problem row" role="alert">
          <Icon name="FAILED" size={14} /> {problem} Mend it, or{" "}
          <button type="button" class="button small" onClick={() => { setText(textOf(view)); setProblem(""); broken.value = false; }}>Discard text changes</button>
        </p>
      )}
      {hidden.comments > 0 && <p class="muted small">{hidden.comments} {hidden.comments === 1 ? "comment is" : "comments are"} kept, not shown.</p>}
      {hidden.nulls > 0 && <p class="muted small">{hidden.nulls} {hidden.nulls === 1 ? "option that is" : "options that are"} null {hidden.nulls === 1 ? "is" : "are"} kept, not shown.</p>}
      <Fates />
    </div>
  );
}

/** A text view that cannot be read: it is not left. */
const broken = signal(false);

function Views({ here }: { here: View | "form" }) {
  return (
    <div class="toolbar">
      <div class="segments" role="group" aria-label="View">
        {(["form", "json", "properties", "sql"] as const).map((v) => (
          <button type="button" key={v} aria-pressed={here === v} disabled={broken.value && here !== v} onClick={() => setQuery({ view: v === "form" ? null : v })}>
            {v === "form" ? "Form" : LABELS[v]}
          </button>
        ))}
      </div>
    </div>
  );
}

// ---- 4 review

function Review() {
  const [start, setStart] = useState<"RUNNING" | "PAUSED" | "STOPPED">("RUNNING");
  const { error, busy, attempt } = useAttempt();
  const [view, setView] = useState<View>("properties");
  const admin = lacks("admin");
  const shown = shownAs(view);
  const wrong = [...problems.value];
  const create = () =>
    attempt(async () => {
      left.value = new Set(missing.value.map((o) => o.name));
      const stopped = trial.now.value?.done?.ok === false && trial.fresh();
      if (!stopped && (await validate()).length > 0) return;
      await ask("POST", "/connectors", { name: name.value.trim(), config: config.value, initial_state: stopped ? "STOPPED" : start });
      const made = name.value.trim();
      dropDraft();
      trial.forget();
      plugin.value = null;
      go(`${to("c", made, "events")}?new=1`);
    });
  const failed = trial.now.value?.done?.ok === false && trial.fresh();
  return (
    <>
      <fieldset class="group">
        <legend>Name and start</legend>
        <label class="field">
          <span>Name</span>
          <input value={name.value} aria-invalid={taken.value || undefined} aria-describedby="taken" autocomplete="off" onInput={(e) => rename(e.currentTarget.value)} />
        </label>
        {taken.value && (
          <p class="problem" id="taken"><Icon name="FAILED" size={14} /> A connector “{name.value}” exists. <a href={to("c", name.value)}>Open it</a></p>
        )}
        <div class="row" role="group" aria-label="Start as">
          <span>Start as</span>
          {(["RUNNING", "PAUSED", "STOPPED"] as const).map((s) => (
            <label class="check" key={s}><input type="radio" name="start" checked={start === s} onChange={() => setStart(s)} /> {s.toLowerCase()}</label>
          ))}
        </div>
      </fieldset>
      <fieldset class="group">
        <legend>What is written</legend>
        <div class="toolbar">
          <div class="segments" role="group" aria-label="View">
            {(["properties", "json", "sql"] as const).map((v) => (
              <button type="button" key={v} aria-pressed={view === v} onClick={() => setView(v)}>{LABELS[v]}</button>
            ))}
          </div>
          <Copy text={shown} />
        </div>
        <pre class="code" tabIndex={0} aria-label="The configuration">{shown}</pre>
        <Fates />
      </fieldset>
      {wrong.length > 0 && (
        <div class="failure" role="alert">
          <div>
            <p><strong>{wrong.length} {wrong.length === 1 ? "parameter is" : "parameters are"} to be mended.</strong></p>
            <ul>
              {wrong.map(([option, list]) => (
                <li key={option}><a href={`${to("new", plugin.value!.name)}?step=parameters`}>{labelOf(byName.value.get(option) ?? { name: option, label: null } as never)}</a>: {list.join("; ")}</li>
              ))}
            </ul>
          </div>
        </div>
      )}
      {error && <Failure error={error} what="It was not made." />}
      <p class="row">
        <button type="button" class="button primary" disabled={!!admin || busy || taken.value || !name.value.trim()} title={admin || (name.value.trim() ? "" : "It needs a name")} onClick={() => void create()}>
          {failed ? "Create anyway" : "Create connector"}
        </button>
        {failed && <span class="tone-warn">The test failed: it starts STOPPED.</span>}
      </p>
    </>
  );
}

// ---- the page

const STEPS = [
  ["choose", "Choose"],
  ["parameters", "Parameters"],
  ["strategy", "Strategy"],
  ["review", "Review"],
] as const;
type StepId = (typeof STEPS)[number][0];

function Steps({ here }: { here: StepId }) {
  const p = plugin.value;
  const state = (id: StepId) => {
    if (id === "choose") return p ? "done" : "";
    if (id === "parameters") return p && missing.value.length === 0 && trial.passed() ? "done" : "";
    return "";
  };
  return (
    <nav class="step-rail" aria-label="Steps">
      <ol>
        {STEPS.map(([id, label], i) => (
          <li key={id}>
            {id === "choose" ? (
              <a href={to("new")} aria-current={here === id ? "step" : undefined}>{i + 1} {label} {state(id) && <Icon name="check" size={12} />}</a>
            ) : p ? (
              <a href={`${to("new", p.name)}?step=${id}`} aria-current={here === id ? "step" : undefined}>{i + 1} {label} {state(id) && <Icon name="check" size={12} />}</a>
            ) : (
              <span class="muted">{i + 1} {label}</span>
            )}
          </li>
        ))}
      </ol>
    </nav>
  );
}

export function Create() {
  const of = parts.value[1];
  const like = query.value.get("like");
  const saved = query.value.get("connection");
  const [error, setError] = useState<Error | null>(null);
  const here: StepId = of ? (STEPS.slice(1).find(([id]) => id === query.value.get("step"))?.[0] ?? "parameters") : "choose";
  const asked = query.value.get("view");
  const view: View | "form" = asked === "json" || asked === "properties" || asked === "sql" ? asked : "form";
  useTitle("New connector");
  useEffect(() => {
    if (!of) return;
    setError(null);
    if (plugin.value?.name !== of) trial.forget();
    choose(of, like).then(() => {
      if (saved) set("connection", saved);
      if (like || saved) setQuery({ like: null, connection: null });
    }, setError);
  }, [of]);
  const p = plugin.value?.name === of ? plugin.value : null;
  // By itself once, when all that is needed is there.
  const full = p !== null && missing.value.length === 0 && p.type === "source";
  useEffect(() => {
    if (!full || trial.now.value || lacks("admin") || here === "review") return;
    const timer = setTimeout(() => !trial.now.value && void trial.run(), 900);
    return () => clearTimeout(timer);
  }, [full, values.value]);
  const next = (id: StepId) => `${to("new", of ?? "")}?step=${id}`;
  return (
    <>
      <div class="headline">
        <Title>{p ? `New connector: ${p.title}` : "New connector"}</Title>
        <a class="button" href={to()} onClick={() => dropDraft()}>Cancel</a>
      </div>
      <div class="create">
        <Steps here={here} />
        <div class="body">
          {error && <Failure error={error} what="This connector's form could not be read." />}
          {!of && (query.value.get("view") ? <Paste /> : <Cards />)}
          {of && !p && !error && <Waiting rows={6} />}
          {p && here !== "review" && <Views here={view} />}
          {p && here !== "review" && view !== "form" && (
            <>
              <TextView key={view} view={view} />
              <p class="row"><a class="button primary" aria-disabled={broken.value} href={broken.value ? undefined : next("review")}>Next: review</a></p>
            </>
          )}
          {p && view === "form" && here === "parameters" && (
            <>
              <Connection />
              {!values.value["connection"] && <Address />}
              <DraftForm groups={isAddress} search />
              <p class="row"><a class="button primary" href={next("strategy")}>Next: strategy</a></p>
            </>
          )}
          {p && view === "form" && here === "strategy" && (
            <>
              <Strategies />
              {p.discovers && <Tables ready={trial.passed()} />}
              <DraftForm groups={(g) => !isAddress(g)} />
              <p class="row onward">
                <a class="button" href={next("parameters")}>Back</a>
                <a class="button primary" href={next("review")}>Next: review</a>
              </p>
            </>
          )}
          {p && here === "review" && <Review />}
        </div>
        {p && <TestPanel trial={trial} lacking={missing.value.map(labelOf)} fieldOf={fieldOf} />}
      </div>
    </>
  );
}
