// A connection that is being written: its parameters, its strategy, and the test of both.
import { computed, signal } from "@preact/signals";
import { MASK } from "../../core/config";
import { labelOf, wrongWith, type Option, type System } from "../../core/options";
import { Trial, type Step } from "../../parts/trial";

export interface Saved {
  name: string;
  system: string;
  label: string;
  strategy: string;
  strategy_label: string;
  parameters: Record<string, string | null>;
  used_by: string[];
}
/** What connectors are connected to without a saved one. */
export interface Unsaved {
  name: null;
  system: string;
  host: string | null;
  port: string | null;
  database: string | null;
  user: string | null;
  connectors: { name: string; type: string; state: string }[];
}

export interface Draft {
  system: System;
  name: string;
  strategy: string;
  /** As it is saved; null: it is new. */
  saved: Saved | null;
  /** What was touched; undefined in it: taken out. */
  values: Record<string, string | undefined>;
}

export const draft = signal<Draft | null>(null);

export const change = (part: Partial<Draft>) => {
  if (draft.value) draft.value = { ...draft.value, ...part };
};

export const setValue = (name: string, value: string | undefined) =>
  draft.value && change({ values: { ...draft.value.values, [name]: value } });

/** What stands in the field: what was touched, else what is saved. */
export function valueOf(o: Option): string | undefined {
  const d = draft.value!;
  if (o.name in d.values) return d.values[o.name];
  const saved = d.saved?.parameters[o.name];
  return saved === null || saved === o.default ? undefined : saved;
}

/** Parameters of the chosen strategy: those of others alone are left out. */
export const fields = computed<Option[]>(() => {
  const d = draft.value;
  if (!d) return [];
  const own = d.system.strategies.find((s) => s.name === d.strategy)?.only ?? [];
  const others = new Set(d.system.strategies.flatMap((s) => s.only).filter((n) => !own.includes(n)));
  return d.system.parameters.filter((o) => !others.has(o.name));
});

export const problems = computed(() => {
  const out = new Map<string, string[]>();
  for (const o of fields.value) {
    const v = valueOf(o);
    const wrong = v === undefined || v === MASK ? "" : wrongWith(o, v);
    if (wrong) out.set(o.name, [wrong]);
  }
  return out;
});

export const lacking = computed(() =>
  fields.value.filter((o) => o.required && !valueOf(o) && !o.default).map(labelOf),
);

/** As it is sent: what was touched alone; a null takes a parameter out. A secret that is left empty
 *  stays as it is stored. */
export function sent(): { strategy: string; parameters: Record<string, string | null> } {
  const d = draft.value!;
  const shown = new Map(fields.value.map((o) => [o.name, o]));
  const parameters: Record<string, string | null> = {};
  for (const [name, value] of Object.entries(d.values)) {
    if (value === MASK || !shown.has(name)) continue;
    if (value !== undefined && value !== "") parameters[name] = value;
    else if (d.saved && d.saved.parameters[name] !== null && !shown.get(name)!.secret) parameters[name] = null;
  }
  return { strategy: d.strategy, parameters };
}

export const touched = () => {
  const d = draft.value!;
  return !d.saved || d.strategy !== d.saved.strategy || Object.keys(sent().parameters).length > 0;
};

export const trial = new Trial(() => {
  const d = draft.value!;
  return { connection: { name: d.name.trim() || "unnamed", type: d.system.name, ...sent() } };
});

/** The field that a step which failed is about. */
export function fieldOf(s: Step): { name: string; label: string } | null {
  const first = (...names: string[]) => {
    const found = fields.value.find((o) => names.includes(o.name));
    return found ? { name: found.name, label: labelOf(found) } : null;
  };
  const text = `${s.code ?? ""} ${s.detail ?? ""}`.toLowerCase();
  if (/database .*does not exist|database_missing/.test(text)) return first("database");
  if (/role ".*" does not exist/.test(text)) return first("username");
  if (/password|authentication|access denied/.test(text)) return first("password");
  if (/resolve|connect|refused|port/.test(`${s.step} ${text}`)) return first("host", "bootstrap.servers", "url");
  return null;
}

/** "127.0.0.1:5432/shop" */
export function addressOf(p: Record<string, string | null>): string {
  const host = p.host ?? p["bootstrap.servers"] ?? p.url ?? p.path ?? "";
  return `${host}${host && p.port ? `:${p.port}` : ""}${p.database ? `/${p.database}` : ""}`;
}
