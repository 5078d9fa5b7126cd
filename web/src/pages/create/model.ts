// The draft of a connector: which plugin, what was touched, what is wrong. One model under all views.
// It stays in the tab (without secrets) until the connector is made.
import { batch, computed, signal } from "@preact/signals";
import { ask, get, path } from "../../core/api";
import { MASK, problemsOf, type Config, type Problem, type Validation } from "../../core/config";
import { names } from "../../core/live";
import { guess, Pad, type View } from "../../core/views";
import { byAllNames, inForm, isOf, isSecret, keyOf, wrongWith, type Option, type Plugin, type System } from "../../core/options";

export const plugin = signal<Plugin | null>(null);
export const systems = signal<System[]>([]);
/** Options that were touched; what is not here has its default. */
export const values = signal<Config>({});
export const name = signal("");
/** connector.class as somebody wrote it; null: by the plugin's name. */
export const klass = signal<string | null>(null);
/** The texts it was written in: comments, order, and what a form does not know. */
let pad = new Pad();
/** The name that was made up for it. */
let proposed = "";
/** Required ones complain when they were left, or at the end. */
export const left = signal<ReadonlySet<string>>(new Set());
/** What the hub said of which configuration. */
export const said = signal<{ config: Config; problems: Problem[] } | null>(null);
export const validating = signal(false);

export const options = computed<Option[]>(() =>
  (plugin.value?.options ?? []).filter(inForm),
);
export const byName = computed(() => byAllNames(options.value));

/** As it would be posted. */
export const config = computed<Config>(() => ({
  "connector.class": klass.value ?? plugin.value?.name ?? "",
  ...values.value,
}));

// ---- as a text

const kindOf = (p: Plugin) => (p.type === "sink" ? ("SINK" as const) : ("SOURCE" as const));
const masked = (but: Config = {}): Config =>
  Object.fromEntries(Object.entries(config.value).map(([k, v]) => [k, isSecret(byName.value.get(k), k, v) && but[k] !== v ? MASK : v]));

/** To be edited: secrets that were typed into the form are masks. */
export function textOf(view: View): string {
  pad.set(nameFor(view), kindOf(plugin.value!), masked(pad.config()));
  return pad.text(view);
}

/** A name that nobody gave stands only where a text cannot be without. */
const nameFor = (view: View) => (view !== "sql" && pad.doc.name === null && name.value === proposed ? null : name.value);

/** To be shown: all secrets are masks. */
export function shownAs(view: View): string {
  const shown = pad.clone();
  shown.set(nameFor(view), kindOf(plugin.value!), masked());
  return shown.text(view);
}

/** What a view keeps and cannot show. */
export const hiddenIn = (view: View) => ({ comments: pad.hidden(view), nulls: pad.nulls(view) });

/** An edited text; what is wrong with it is thrown. */
export function takeText(view: View, text: string) {
  const { "connector.class": given, ...was } = config.value;
  const next = pad.clone();
  next.take(view, text);
  const { "connector.class": c, ...rest } = next.config();
  if (next.doc.kind !== kindOf(plugin.value!)) throw new Error(`This is the form of a ${plugin.value!.type}: it stays CREATE ${kindOf(plugin.value!)} CONNECTOR.`);
  if (c && !isOf(plugin.value!, c)) throw new Error(`connector.class: this is the form of ${plugin.value!.title}; paste another one under New connector.`);
  pad = next;
  batch(() => {
    klass.value = c ?? given ?? null;
    values.value = Object.fromEntries(Object.entries(rest).map(([k, v]) => [k, v === MASK ? (was[k] ?? v) : v]));
    if (next.doc.name) name.value = next.doc.name;
  });
  keepDraft();
}

/** A text that names its connector; its plugin. */
export async function paste(text: string): Promise<Plugin> {
  const read = new Pad();
  read.take(guess(text), text);
  const { "connector.class": c, ...rest } = read.config();
  if (!c) throw new Error("It names no connector.class.");
  const found = (await get<Plugin[]>("/hub/v1/plugins")).find((p) => isOf(p, c));
  if (!found) throw new Error(`${c} is not in this build.`);
  await choose(found.name);
  batch(() => {
    pad = read;
    klass.value = c;
    values.value = rest;
    if (read.doc.name) name.value = read.doc.name;
  });
  return found;
}

/** By what becomes of them: the options of this configuration. */
export const fates = computed(() => {
  const all = new Map((plugin.value?.options ?? []).map((o) => [o.name, o.class as string]));
  const out: Record<"supported" | "no_effect" | "missing" | "unknown", string[]> = { supported: [], no_effect: [], missing: [], unknown: [] };
  for (const option of Object.keys(values.value)) out[(all.get(option) ?? "unknown") as keyof typeof out].push(option);
  return out;
});

export function set(option: string, value: string | undefined) {
  const next = { ...values.value };
  if (value === undefined) delete next[option];
  else next[option] = value;
  values.value = next;
  keepDraft();
}

export const isRequired = (o: Option) => o.required && !("connection" in values.value);

/** By option: what is wrong, seen from here and by the hub. */
export const problems = computed(() => {
  const out = new Map<string, string[]>();
  const put = (option: string, what: string) => {
    const list = out.get(option) ?? [];
    if (!list.includes(what)) out.set(option, [...list, what]);
  };
  for (const o of options.value) {
    const v = values.value[keyOf(o, values.value)];
    const wrong = v === undefined ? "" : wrongWith(o, v);
    if (wrong) put(o.name, wrong);
    if (isRequired(o) && !v && !o.default && left.value.has(o.name)) put(o.name, "required");
  }
  for (const p of said.value?.problems ?? []) {
    // The hub's word counts for the values it saw.
    if (said.value!.config[p.option] === values.value[p.option] && !out.has(p.option)) put(p.option, p.message);
  }
  return out;
});

export const missing = computed(() =>
  options.value.filter((o) => isRequired(o) && !values.value[keyOf(o, values.value)] && !o.default),
);

export const taken = computed(() => (names.value ?? []).includes(name.value.trim()));

let turn = 0;
/** Without the real system: only what the tables say. */
export async function validate(): Promise<Problem[]> {
  const at = ++turn;
  const given = config.value;
  validating.value = true;
  try {
    const v = await ask<Validation>("PUT", path("connector-plugins", plugin.value!.name, "config", "validate"), {
      ...given,
      name: name.value || "unnamed",
    });
    const found = problemsOf(v);
    if (at === turn) said.value = { config: given, problems: found };
    return found;
  } finally {
    if (at === turn) validating.value = false;
  }
}

// ---- the draft of this tab

const KEY = "leat.draft";

function keepDraft() {
  const clear = Object.fromEntries(
    Object.entries(values.value).filter(([option, value]) => {
      const o = byName.value.get(option);
      return o && !o.secret && !isSecret(undefined, option, value);
    }),
  );
  try {
    sessionStorage.setItem(KEY, JSON.stringify({ plugin: plugin.value?.name, name: name.value, values: clear }));
  } catch {
    /* a browser that keeps nothing */
  }
}

export function dropDraft() {
  sessionStorage.removeItem(KEY);
  batch(() => {
    values.value = {};
    name.value = "";
    left.value = new Set();
    said.value = null;
    klass.value = null;
    pad = new Pad();
  });
}

function draftOf(of: string): { name: string; values: Config } | null {
  try {
    const kept = JSON.parse(sessionStorage.getItem(KEY) ?? "null") as { plugin: string; name: string; values: Config } | null;
    return kept?.plugin === of ? kept : null;
  } catch {
    return null;
  }
}

function freeName(wanted: string): string {
  const had = new Set(names.peek() ?? []);
  for (let i = 1; ; i++) {
    const one = i === 1 ? wanted : `${wanted}-${i}`;
    if (!had.has(one)) return one;
  }
}

/** A value that each connector needs for itself and that nobody has to think of. */
function proposals(p: Plugin, wanted: string): Config {
  const has = (n: string) => p.options!.some((o) => o.name === n);
  const out: Config = {};
  if (p.type === "source" && has("topic.prefix")) out["topic.prefix"] = wanted.replace(/[^A-Za-z0-9._-]/g, "_");
  if (has("slot.name")) out["slot.name"] = wanted.toLowerCase().replace(/[^a-z0-9_]/g, "_").slice(0, 63);
  return out;
}

/** Until it is known which names are taken, but not for long. */
const namesKnown = () =>
  new Promise<void>((done) => {
    const late = setTimeout(done, 2000);
    const stop = names.subscribe((list) => {
      if (list === null) return;
      clearTimeout(late);
      done();
      queueMicrotask(() => stop());
    });
  });

export async function choose(of: string, like?: string | null) {
  if (plugin.value?.name === of && !like) return;
  const [p, all] = await Promise.all([
    get<Plugin>(path("hub", "v1", "plugins", of)),
    systems.value.length ? Promise.resolve(systems.value) : get<System[]>("/hub/v1/systems"),
    namesKnown(),
  ]);
  const draft = like ? null : draftOf(of);
  const stored = like ? await get<Config>(path("connectors", like, "config")) : null;
  proposed = draft?.name || freeName(like ?? (p.type === "source" ? "shop" : "sink"));
  batch(() => {
    systems.value = all;
    plugin.value = p;
    left.value = new Set();
    said.value = null;
    klass.value = null;
    pad = new Pad();
    name.value = proposed;
    if (stored) {
      const { name: _, "connector.class": __, ...rest } = stored;
      // A mask stands for a secret of another connector, which no answer holds.
      values.value = Object.fromEntries(Object.entries({ ...rest, ...proposals(p, proposed) }).filter(([, v]) => v !== MASK));
    } else {
      values.value = draft ? draft.values : proposals(p, proposed);
    }
  });
}

export function rename(to: string) {
  const was = name.value;
  const old = proposals(plugin.value!, was);
  const next = proposals(plugin.value!, to);
  batch(() => {
    name.value = to;
    for (const [option, value] of Object.entries(old))
      if (values.value[option] === value && next[option]) set(option, next[option]);
  });
  keepDraft();
}

/** The system whose connections this plugin takes; null: none. */
export const system = computed(
  () => systems.value.find((s) => s.strategies.some((x) => x.connector === plugin.value?.name && x.connector === s.name)) ??
    systems.value.find((s) => s.strategies.some((x) => x.connector === plugin.value?.name)) ?? null,
);
