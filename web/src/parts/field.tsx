// One option of a form: its control by its type, label, name, help, and what is wrong with it.
import { useEffect, useRef, useState } from "preact/hooks";
import { isReference, labelOf, rangeOf, type Option } from "../core/options";
import { MASK } from "../core/config";
import { Icon } from "./icon";

interface Props {
  option: Option;
  /** undefined: not touched, the default holds. */
  value: string | undefined;
  set: (value: string | undefined) => void;
  problems: string[];
  /** It may not be changed now, or any more. */
  locked?: boolean;
  /** What there is to choose from on the real system. */
  suggestions?: string[];
  onLeave?: () => void;
  /** A secret that is stored: it may be kept. */
  stored?: boolean;
}

const idOf = (name: string) => `o-${name.replace(/[^a-zA-Z0-9]/g, "-")}`;
export const focusField = (name: string) => document.getElementById(idOf(name))?.focus();

function Secret({ option, value, set, stored, locked, common }: Props & { common: Record<string, unknown> }) {
  const [shown, setShown] = useState(false);
  // The mask stays its value until there is another one.
  const [replacing, setReplacing] = useState(false);
  useEffect(() => {
    if (replacing) focusField(option.name);
  }, [replacing]);
  useEffect(() => {
    if (locked) setReplacing(false);
  }, [locked]);
  if (value === MASK && !replacing)
    return (
      <span class="row">
        <span class="muted">•••••• stored</span>
        <button type="button" class="button small" disabled={locked} onClick={() => setReplacing(true)}>Replace</button>
      </span>
    );
  return (
    <span class="secret">
      <input {...common} type={(shown || isReference(value ?? "") ? "text" : "password") as "password"} autocomplete="new-password"
        value={value === MASK ? "" : (value ?? "")} spellcheck={false}
        onInput={(e) => set(e.currentTarget.value || (stored || replacing ? MASK : undefined))} />
      <button type="button" class="button bare" aria-label={shown ? `Hide ${labelOf(option)}` : `Show ${labelOf(option)}`} aria-pressed={shown} onClick={() => setShown(!shown)}>
        <Icon name="eye" />
      </button>
      {(stored || replacing) && <button type="button" class="button" disabled={locked} onClick={() => { set(MASK); setReplacing(false); }}>Keep the stored one</button>}
    </span>
  );
}

function Control(p: Props & { common: Record<string, unknown> }) {
  const { option: o, value, set, common } = p;
  const shown = value ?? o.default ?? "";
  // Until it is empty: its text is there while it is changed.
  const reference = useRef(false);
  reference.current = !!value && (reference.current || isReference(value));
  if (o.secret) return <Secret {...p} />;
  if (o.type === "boolean" && !reference.current)
    return (
      <label class="check">
        <input {...common} type="checkbox" checked={shown.toLowerCase() === "true"} onChange={(e) => set(String(e.currentTarget.checked))} />
        {labelOf(o)}
      </label>
    );
  if (o.type === "enum" && !reference.current && o.choices.length <= 4)
    return (
      <div class="segments" role="radiogroup" aria-labelledby={`${common.id}-label`}>
        {o.choices.map((c, i) => (
          <button key={c} id={i === 0 ? String(common.id) : undefined} type="button" role="radio" aria-checked={shown.toLowerCase() === c.toLowerCase()}
            disabled={p.locked} onClick={() => set(c)}>
            {c}
          </button>
        ))}
      </div>
    );
  if (o.type === "enum" && !reference.current)
    return (
      <select {...common} value={shown} onChange={(e) => set(e.currentTarget.value)}>
        {!o.default && <option value="">choose…</option>}
        {o.choices.map((c) => <option key={c} value={c}>{c}</option>)}
      </select>
    );
  const list = p.suggestions?.length ? `${common.id}-list` : undefined;
  return (
    <>
      <input {...common} type="text" aria-label={o.type === "boolean" ? labelOf(o) : undefined} inputMode={o.type === "int" ? "numeric" : undefined} value={value ?? ""} placeholder={o.default ?? ""}
        list={list} spellcheck={false} autocomplete="off" onInput={(e) => set(e.currentTarget.value === "" ? undefined : e.currentTarget.value)} />
      {list && (
        <datalist id={list}>
          {p.suggestions!.map((s) => <option key={s} value={s} />)}
        </datalist>
      )}
    </>
  );
}

/** Help is prose with code in backticks. */
export function Prose({ text }: { text: string }) {
  return (
    <>
      {text.split("`").map((part, i) => (i % 2 ? <code key={i}>{part}</code> : part))}
    </>
  );
}

export function Field(p: Props) {
  const o = p.option;
  const id = idOf(o.name);
  const [open, setOpen] = useState(false);
  const wrong = p.problems.length > 0;
  const range = rangeOf(o);
  const common = {
    id,
    name: o.name,
    disabled: p.locked,
    "aria-invalid": wrong || undefined,
    "aria-describedby": [wrong ? `${id}-wrong` : "", open ? `${id}-help` : ""].filter(Boolean).join(" ") || undefined,
    onBlur: p.onLeave,
  };
  const changed = p.value !== undefined && p.value !== o.default;
  return (
    <div class={`option ${wrong ? "wrong" : ""}`}>
      <div class="label">
        <label id={`${id}-label`} for={o.type === "boolean" ? undefined : id}>
          {o.type === "boolean" ? <span class="mono muted small">{o.name}</span> : labelOf(o)}
          {o.required && <span class="tone-bad" title="required"> *<span class="sr"> required</span></span>}
        </label>
        {o.type !== "boolean" && <span class="mono muted small">{o.name}</span>}
        {changed && !o.required && !p.locked && p.value !== MASK && (
          <button type="button" class="linkish small" onClick={() => p.set(undefined)}>Reset</button>
        )}
        <button type="button" class="help" aria-expanded={open} aria-label={`Help for ${o.name}`} onClick={() => setOpen(!open)}>
          <Icon name="help" size={14} />
        </button>
      </div>
      <Control {...p} common={common} />
      {p.locked && o.fixed && <p class="muted small">It can't change later: make a new connector.</p>}
      {range && !wrong && p.value !== undefined && <p class="muted small">{range}</p>}
      {wrong && (
        <p class="problem" id={`${id}-wrong`}>
          <Icon name="FAILED" size={14} /> {p.problems.join(" · ")}
        </p>
      )}
      {open && <p class="muted small helptext" id={`${id}-help`}><Prose text={o.help} /></p>}
    </div>
  );
}
