// The form of a plugin: required and basic options by group, the rest folded and found by search.
import { useState } from "preact/hooks";
import { labelOf, type Option } from "../../core/options";
import { Field } from "../../parts/field";
import { byName, left, options, problems, set, values } from "./model";

function One({ option }: { option: Option }) {
  return (
    <Field
      option={option}
      value={values.value[option.name]}
      set={(v) => set(option.name, v)}
      problems={problems.value.get(option.name) ?? []}
      onLeave={() => {
        if (option.required) left.value = new Set([...left.value, option.name]);
      }}
    />
  );
}

const isBasic = (o: Option) => !o.advanced;

/** Options that are drawn elsewhere. */
const ELSEWHERE = new Set(["table.include.list", "connection"]);

function Group({ title, list, open }: { title: string; list: Option[]; open: boolean }) {
  const [more, setMore] = useState(false);
  const shown = open ? list.filter(isBasic) : [];
  const rest = list.filter((o) => !shown.includes(o));
  const changed = rest.filter((o) => values.value[o.name] !== undefined).length;
  const wrong = rest.some((o) => problems.value.has(o.name));
  const unfolded = more || wrong;
  return (
    <fieldset class="group">
      <legend>{title}</legend>
      {shown.map((o) => <One key={o.name} option={o} />)}
      {rest.length > 0 && (
        <button type="button" class="linkish fold" aria-expanded={unfolded} onClick={() => setMore(!more)}>
          {unfolded ? "▾" : "▸"} {rest.length} {shown.length ? "more parameters" : "parameters"}
          {changed > 0 && <b> · {changed} changed</b>}
        </button>
      )}
      {unfolded && rest.map((o) => <One key={o.name} option={o} />)}
    </fieldset>
  );
}

/** first: the groups whose basic options stand open. */
export function Form({ groups, search }: { groups: (group: string) => boolean; search?: boolean }) {
  const [wanted, setWanted] = useState("");
  const all = options.value.filter((o) => groups(o.group) && !ELSEWHERE.has(o.name));
  const names = [...new Set(all.map((o) => o.group))];
  const text = wanted.trim().toLowerCase();
  const found = text
    ? options.value.filter((o) => `${o.name} ${labelOf(o)} ${o.help} ${o.former.join(" ")}`.toLowerCase().includes(text)).slice(0, 30)
    : null;
  return (
    <>
      {search && (
        <input type="search" class="find" aria-label="Find a parameter" placeholder={`find one of ${byName.value.size} parameters`} value={wanted} onInput={(e) => setWanted(e.currentTarget.value)} />
      )}
      {found ? (
        <fieldset class="group">
          <legend>{found.length === 0 ? `No parameter for “${wanted}”` : "Found"}</legend>
          {found.map((o) => <One key={o.name} option={o} />)}
        </fieldset>
      ) : (
        names.map((g) => <Group key={g} title={g} list={all.filter((o) => o.group === g)} open />)
      )}
    </>
  );
}
