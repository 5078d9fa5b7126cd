// One connection: the system, its parameters, a strategy with what it needs, the test of it, and saving.
import { useEffect, useState } from "preact/hooks";
import { ApiError, ask, get, path } from "../../core/api";
import type { System } from "../../core/options";
import { go, query, to } from "../../core/place";
import { lacks } from "../../core/who";
import { Failure, Title, useAttempt, useLoad, Waiting } from "../../parts/bits";
import { confirm } from "../../parts/dialog";
import { Field } from "../../parts/field";
import { Glyph } from "../../parts/glyph";
import { TestPanel } from "../../parts/trial";
import { change, draft, fieldOf, fields, lacking, problems, sent, setValue, touched, trial, valueOf, type Saved } from "./model";

function Systems({ all }: { all: System[] }) {
  return (
    <div class="cards">
      {all.map((s) => (
        <a class="card panel plugin" key={s.name} href={`${to("connections")}?new=${encodeURIComponent(s.name)}`}>
          <Glyph name={s.name} />
          <span>
            <b>{s.label}</b>
            <span class="muted small block">{s.help || s.strategies.map((x) => x.label).join(", ")}</span>
          </span>
        </a>
      ))}
    </div>
  );
}

function Strategies() {
  const d = draft.value!;
  if (d.system.strategies.length < 2) return null;
  return (
    <fieldset class="group">
      <legend>Strategy: what it is tested for</legend>
      <div class="cards narrow" role="radiogroup" aria-label="Strategy">
        {d.system.strategies.map((s) => (
          <button key={s.name} type="button" role="radio" aria-checked={d.strategy === s.name} class={`card panel ${d.strategy === s.name ? "chosen" : ""}`}
            onClick={() => change({ strategy: s.name })}>
            <b>{s.label}</b>
            <span class="muted small">{s.help}</span>
            {!s.connector && <span class="tone-warn small">no connector for it in this build</span>}
          </button>
        ))}
      </div>
    </fieldset>
  );
}

function Parameters() {
  const [more, setMore] = useState(false);
  const list = fields.value;
  const basic = list.filter((o) => !o.advanced);
  const rest = list.filter((o) => o.advanced);
  const unfolded = more || rest.some((o) => problems.value.has(o.name));
  const one = (o: (typeof list)[number]) => (
    <Field key={o.name} option={o} value={valueOf(o)} stored={o.secret && !!draft.value!.saved?.parameters[o.name]} set={(v) => setValue(o.name, v)} problems={problems.value.get(o.name) ?? []} />
  );
  return (
    <fieldset class="group">
      <legend>Address and log-in</legend>
      {basic.map(one)}
      {rest.length > 0 && (
        <button type="button" class="linkish fold" aria-expanded={unfolded} onClick={() => setMore(!more)}>
          {unfolded ? "▾" : "▸"} {rest.length} more parameters
        </button>
      )}
      {unfolded && rest.map(one)}
    </fieldset>
  );
}

/** What there is to be done with it: saving, saving untried, deleting. */
function Buttons({ done }: { done: (said: string) => void }) {
  const d = draft.value!;
  const off = lacks("admin");
  const { error, busy, attempt } = useAttempt();
  const [doing, setDoing] = useState("");
  const [said, setSaid] = useState("");
  const name = d.name.trim();

  const save = (untested: boolean, restart: boolean) => {
    setDoing(untested ? "Saving…" : "Trying it on the real system, then saving…");
    const q = new URLSearchParams({ ...(untested ? { test: "false" } : {}), ...(restart ? { restart: "true" } : {}) });
    const tail = q.size ? `?${q}` : "";
    return attempt(async () => {
      if (d.saved) {
        const a = await ask<{ restarted?: string[]; restart_needed?: string[] }>("PATCH", path("hub", "v1", "connections", d.saved.name) + tail, sent());
        const list = a.restarted ?? a.restart_needed ?? [];
        setSaid(list.length === 0 ? "Saved." : a.restarted ? `Saved; restarted: ${list.join(", ")}.` : `Saved. They use what was until they are restarted: ${list.join(", ")}.`);
        done("");
      } else {
        await ask("POST", `/hub/v1/connections${tail}`, { name, type: d.system.name, ...sent() });
        go(to("connections", name));
      }
    });
  };
  const askSave = async (untested: boolean) => {
    const users = d.saved?.used_by ?? [];
    if (users.length === 0) return save(untested, false);
    const { yes, option } = await confirm({
      title: `Save ${d.saved!.name}?`,
      effects: [`${users.length === 1 ? "One connector uses" : `${users.length} connectors use`} it: ${users.join(", ")}.`, "Those that run go on with what was until they are restarted."],
      verb: `Save ${d.saved!.name}`,
      option: { label: "Restart them now, one by one" },
    });
    if (yes) await save(untested, option);
  };
  const askDelete = async () => {
    const { yes } = await confirm({
      title: `Delete connection ${d.saved!.name}?`,
      effects: ["Its address and its sealed secrets are removed from this hub.", "Nothing is changed on the server it leads to."],
      verb: `Delete ${d.saved!.name}`,
      danger: true,
    });
    if (!yes) return;
    setDoing("Deleting…");
    if (await attempt(() => ask("DELETE", path("hub", "v1", "connections", d.saved!.name)))) go(to("connections"));
  };
  const failed = error instanceof ApiError && error.status === 422;
  const blocked = !!off || busy || !name || lacking.value.length > 0 || problems.value.size > 0 || !touched();
  return (
    <>
      {error && <Failure error={error} what={failed ? "The test failed." : d.saved ? "Nothing was changed." : "It was not saved."} />}
      <p class="row">
        <button type="button" class="button primary" disabled={blocked} title={off} onClick={() => void askSave(false)}>{d.saved ? "Save" : "Save connection"}</button>
        {failed && <button type="button" class="button" disabled={blocked} onClick={() => void askSave(true)}>Save it untested</button>}
        {d.saved && <button type="button" class="button" disabled={!!off} title={off} onClick={() => void askDelete()}>Delete…</button>}
        {d.saved && <UseIt saved={d.saved} />}
        <span class="muted" role="status">{busy ? doing : said}</span>
      </p>
    </>
  );
}

function UseIt({ saved }: { saved: Saved }) {
  const plugin = draft.value!.system.strategies.find((s) => s.name === saved.strategy)?.connector;
  if (!plugin) return null;
  return <a class="button" href={`${to("new", plugin)}?connection=${encodeURIComponent(saved.name)}`}>New connector with it</a>;
}

function Body({ done }: { done: (said: string) => void }) {
  const d = draft.value!;
  return (
    <>
      {!d.saved && (
        <fieldset class="group">
          <legend>Name</legend>
          <label class="field">
            <span>Name, by which connectors use it</span>
            <input value={d.name} autocomplete="off" spellcheck={false} onInput={(e) => change({ name: e.currentTarget.value })} />
          </label>
        </fieldset>
      )}
      <Parameters />
      <Strategies />
      <Buttons done={done} />
    </>
  );
}

export function ConnectionForm({ name }: { name?: string }) {
  const wanted = query.value.get("new");
  const systems = useLoad<System[]>((signal) => get("/hub/v1/systems", { signal }), []);
  const saved = useLoad<Saved | null>((signal) => (name ? get(path("hub", "v1", "connections", name), { signal }) : Promise.resolve(null)), [name]);
  const all = systems.value;
  const of = name ? saved.value?.system : wanted;
  useEffect(() => {
    const system = all?.find((s) => s.name === of);
    trial.forget();
    draft.value = !system || (name && !saved.value) ? null : {
      system,
      name: name ?? "",
      strategy: saved.value?.strategy ?? system.default_strategy ?? system.strategies[0]?.name ?? "",
      saved: saved.value ?? null,
      values: {},
    };
  }, [all, saved.value, of]);
  const d = draft.value;
  const error = systems.error ?? saved.error;
  return (
    <>
      <div class="headline">
        <Title>{name ?? (d && wanted ? `New connection: ${d.system.label}` : "New connection")}</Title>
        <a class="button" href={to("connections")}>All connections</a>
      </div>
      {name && d?.saved && (
        <p class="muted under">
          {d.system.label}
          {d.saved.used_by.length > 0 && <> · used by {d.saved.used_by.map((n, i) => <span key={n}>{i > 0 && ", "}<a href={to("c", n)}>{n}</a></span>)}</>}
        </p>
      )}
      {error && <Failure error={error} again={() => { systems.again(); saved.again(); }} what="It could not be read." />}
      {!all && !error && <Waiting />}
      {all && !name && !wanted && <Systems all={all} />}
      {all && wanted && !all.some((s) => s.name === wanted) && <p class="note">There is no system “{wanted}” in this build.</p>}
      {d && (
        <div class="create two">
          <div class="body"><Body done={saved.again} /></div>
          <TestPanel trial={trial} lacking={lacking.value} fieldOf={fieldOf} />
        </div>
      )}
    </>
  );
}
