// The form of a plugin: required and basic options by group, the rest folded and found by search.
import { useState } from "preact/hooks";
import type { Config } from "../core/config";
import { keyOf, labelOf, type Option } from "../core/options";
import { Field } from "./field";

/** What a form shows and changes. */
export interface FormOf {
  options: Option[];
  values: Config;
  set: (option: string, value: string | undefined) => void;
  problems: ReadonlyMap<string, string[]>;
  leave?: (option: Option) => void;
  /** It may not be changed now, or any more. */
  locked?: (option: Option) => boolean;
  /** A secret of which one is stored. */
  stored?: (option: Option) => boolean;
}

function One({ of, option }: { of: FormOf; option: Option }) {
  const key = keyOf(option, of.values);
  return (
    <Field
      option={option}
      value={of.values[key]}
      set={(v) => of.set(key, v)}
      problems={[...new Set([option.name, key].flatMap((n) => of.problems.get(n) ?? []))]}
      onLeave={() => of.leave?.(option)}
      locked={of.locked?.(option)}
      stored={of.stored?.(option)}
    />
  );
}

function Group({ of, title, list }: { of: FormOf; title: string; list: Option[] }) {
  const [more, setMore] = useState(false);
  const shown = list.filter((o) => !o.advanced);
  const rest = list.filter((o) => o.advanced);
  const changed = rest.filter((o) => of.values[keyOf(o, of.values)] !== undefined).length;
  const unfolded = more || rest.some((o) => of.problems.has(o.name) || of.problems.has(keyOf(o, of.values)));
  return (
    <fieldset class="group">
      <legend>{title}</legend>
      {shown.map((o) => <One key={o.name} of={of} option={o} />)}
      {rest.length > 0 && (
        <button type="button" class="linkish fold" aria-expanded={unfolded} onClick={() => setMore(!more)}>
          {unfolded ? "▾" : "▸"} {rest.length} {shown.length ? "more parameters" : "parameters"}
          {changed > 0 && <b> · {changed} changed</b>}
        </button>
      )}
      {unfolded && rest.map((o) => <One key={o.name} of={of} option={o} />)}
    </fieldset>
  );
}

/** shown: of all its options, which are not found by search alone. */
export function Form({ of, shown, search }: { of: FormOf; shown: (option: Option) => boolean; search?: boolean }) {
  const [wanted, setWanted] = useState("");
  const all = of.options.filter(shown);
  const names = [...new Set(all.map((o) => o.group))];
  const text = wanted.trim().toLowerCase();
  const found = text
    ? of.options.filter((o) => `${o.name} ${labelOf(o)} ${o.help} ${o.former.join(" ")}`.toLowerCase().includes(text)).slice(0, 30)
    : null;
  return (
    <>
      {search && (
        <input type="search" class="find" aria-label="Find a parameter" placeholder={`find one of ${of.options.length} parameters`} value={wanted} onInput={(e) => setWanted(e.currentTarget.value)} />
      )}
      {found ? (
        <fieldset class="group">
          <legend>{found.length === 0 ? `No parameter for “${wanted}”` : "Found"}</legend>
          {found.map((o) => <One key={o.name} of={of} option={o} />)}
        </fieldset>
      ) : (
        names.map((g) => <Group key={g} of={of} title={g} list={all.filter((o) => o.group === g)} />)
      )}
    </>
  );
}
