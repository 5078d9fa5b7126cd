// Options of connectors, as /hub/v1/plugins/P tells them, and what a value must be.
import { MASK } from "./config";

export interface Option {
  name: string;
  label: string | null;
  group: string;
  help: string;
  type: "string" | "int" | "boolean" | "enum" | "duration" | "size" | "list" | "many";
  default: string | null;
  required: boolean;
  secret: boolean;
  advanced: boolean;
  fixed: boolean;
  regex: boolean;
  min: number | null;
  max: number | null;
  choices: string[];
  former: string[];
  class: "supported" | "no_effect" | "missing";
}

export interface Plugin {
  name: string;
  type: "source" | "sink";
  title: string;
  help: string | null;
  version: string;
  classes: string[];
  discovers: boolean;
  splits: boolean;
  options?: Option[];
}

/** By which of its words it is found. */
export const wordsOf = (p: Plugin) => `${p.name} ${p.title} ${p.help ?? ""} ${p.classes.join(" ")}`.toLowerCase();

const shortOf = (c: string) => c.split(".").pop()!;
/** A connector.class names it. */
export const isOf = (p: Plugin, c: string) =>
  p.name === c || p.classes.includes(c) || p.classes.some((own) => shortOf(own) === shortOf(c));

export interface Strategy {
  name: string;
  label: string;
  help: string;
  type: "source" | "sink";
  /** NULL: not in this build. */
  connector: string | null;
  only: string[];
}

export interface System {
  name: string;
  label: string;
  help: string;
  default_strategy: string;
  strategies: Strategy[];
  parameters: Option[];
}

const MS: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const BYTES: Record<string, number> = { k: 1024, m: 1024 ** 2, g: 1024 ** 3 };

const grouped = (n: number) => n.toLocaleString();

function numberOf(o: Option, text: string): number | null {
  const units = o.type === "duration" ? MS : o.type === "size" ? BYTES : null;
  const found = /^([+-]?\d+)\s*([a-z]*)$/i.exec(text);
  if (!found) return null;
  const unit = found[2]!.toLowerCase();
  if (unit === "") return Number(found[1]);
  return units && unit in units ? Number(found[1]) * units[unit]! : null;
}

/** "1 to 65,535" */
export function rangeOf(o: Option): string {
  if (o.min === null && o.max === null) return "";
  if (o.max === null) return `${grouped(o.min!)} or more`;
  return `${grouped(o.min ?? 0)} to ${grouped(o.max)}`;
}

/** Each option by its name and its former ones. */
export const byAllNames = (options: Option[]): Map<string, Option> =>
  new Map([...options.flatMap((o) => o.former.map((n) => [n, o] as const)), ...options.map((o) => [o.name, o] as const)]);

/** The name by which a configuration sets it: a former one as well. */
export const keyOf = (o: Option, values: Record<string, string>) =>
  [o.name, ...o.former].find((n) => Object.hasOwn(values, n)) ?? o.name;

/** A form has a field for it. */
export const inForm = (o: Option) =>
  o.class === "supported" && o.type !== "many" && o.name !== "name" && o.name !== "connector.class";

const SECRET_WORDS = /passw(or)?d|passphrase|secret|token|credential|(private|api|access|keystore)[._-]?key|jaas|user[._-]info|pwd/i;
/** A log-in or password in an address. */
const holdsSecret = (value: string) => /:\/\/[^/?#\s,]*:[^/?#\s,]*@|[?&;](ssl)?password=/i.test(value);

/** It must not be shown: the hub masks it as well. o: undefined for what no form knows. */
export const isSecret = (o: Option | undefined, name: string, value: string) =>
  value !== "" && value !== MASK && !/^\$\{\w+:[^}]*\}$/.test(value) && ((o ? o.secret : SECRET_WORDS.test(name)) || holdsSecret(value));

export const isReference = (text: string) => /\$\{\w+:[^}]*\}/.test(text);

/** What is wrong with a value; empty: nothing. The hub has the last word. */
export function wrongWith(o: Option, text: string): string {
  if (isReference(text)) return "";
  const value = text.trim();
  if (value === "") return "";
  switch (o.type) {
    case "boolean":
      return /^(true|false)$/i.test(value) ? "" : `expected true or false, got “${value}”`;
    case "enum":
      return o.choices.some((c) => c.toLowerCase() === value.toLowerCase()) ? "" : `expected one of ${o.choices.join(", ")}; got “${value}”`;
    case "int":
    case "duration":
    case "size": {
      const n = numberOf(o, value);
      const unit = o.type === "duration" ? ", or 250ms, 5s, 2m, 1h, 1d" : o.type === "size" ? ", or 64k, 16m, 1g" : "";
      if (n === null) return `expected a whole number${unit}; got “${value}”`;
      if ((o.min !== null && n < o.min) || (o.max !== null && n > o.max)) return `expected ${rangeOf(o)}; got ${grouped(n)}`;
      return "";
    }
    default:
      return "";
  }
}

/** A few words for an option without a label of its own. */
export const labelOf = (o: Option) =>
  o.label ?? o.name.replace(/[._]/g, " ").replace(/^./, (c) => c.toUpperCase());
