// Dialogs: the browser's own <dialog>, which keeps the focus in and gives it back. A confirmation
// names object and effect in its title and repeats the verb on its button.
import { signal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { Icon } from "./icon";

export function Dialog(props: {
  title: string;
  onClose: () => void;
  children: ComponentChildren;
  wide?: boolean;
}) {
  const ref = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const dialog = ref.current!;
    const before = document.activeElement as HTMLElement | null;
    dialog.showModal();
    return () => {
      dialog.close();
      before?.focus?.();
    };
  }, []);
  return (
    <dialog
      ref={ref}
      class={`dialog ${props.wide ? "wide" : ""}`}
      aria-labelledby="dialog-title"
      onCancel={(e) => {
        e.preventDefault();
        props.onClose();
      }}
    >
      <header>
        <h2 id="dialog-title">{props.title}</h2>
        <button type="button" class="button bare" aria-label="Close" onClick={props.onClose}>
          <Icon name="close" />
        </button>
      </header>
      {props.children}
    </dialog>
  );
}

export interface Question {
  /** "Stop shop-pg?" */
  title: string;
  /** What comes of it, as bullets. */
  effects: string[];
  /** "Stop shop-pg" */
  verb: string;
  danger?: boolean;
  /** Has to be typed: only where data can be lost. */
  typed?: string;
  /** A choice beside it. */
  option?: { label: string; needsTyped?: boolean };
  /** What has to be said with it: a text, or one of the choices. */
  field?: { label: string; value?: string; hint?: string; choices?: string[] };
}

export interface Given {
  yes: boolean;
  option: boolean;
  /** Of the field. */
  text: string;
}

interface Asked {
  question: Question;
  answer: (given: Given) => void;
}
const asked = signal<Asked | null>(null);

export function confirm(question: Question): Promise<Given> {
  return new Promise((resolve) => {
    asked.value = {
      question,
      answer: (given) => {
        asked.value = null;
        resolve(given);
      },
    };
  });
}

function Confirmation({ question: q, answer }: Asked) {
  const [typed, setTyped] = useState("");
  const [option, setOption] = useState(false);
  const [text, setText] = useState(q.field?.value ?? "");
  const wanted = q.typed && (!q.option?.needsTyped || option) ? q.typed : null;
  return (
    <Dialog title={q.title} onClose={() => answer({ yes: false, option, text })}>
      <form
        method="dialog"
        onSubmit={(e) => {
          e.preventDefault();
          if ((!wanted || typed === wanted) && (!q.field || text.trim())) answer({ yes: true, option, text: text.trim() });
        }}
      >
        <ul class="effects">
          {q.effects.map((text) => (
            <li key={text}>{text}</li>
          ))}
        </ul>
        {q.field && (
          <label class="field">
            <span>{q.field.label}</span>
            {q.field.choices ? (
              <select value={text} onChange={(e) => setText(e.currentTarget.value)}>
                {q.field.choices.map((c) => <option key={c}>{c}</option>)}
              </select>
            ) : (
              <input class="mono" value={text} placeholder={q.field.hint} autocomplete="off" spellcheck={false} onInput={(e) => setText(e.currentTarget.value)} />
            )}
          </label>
        )}
        {q.option && (
          <label class="check">
            <input type="checkbox" checked={option} onChange={(e) => setOption(e.currentTarget.checked)} />
            {q.option.label}
          </label>
        )}
        {wanted && (
          <label class="field">
            <span>
              Type <code>{wanted}</code> to go on
            </span>
            <input value={typed} onInput={(e) => setTyped(e.currentTarget.value)} autocomplete="off" />
          </label>
        )}
        <footer>
          <button type="button" class="button" autofocus onClick={() => answer({ yes: false, option, text })}>
            Cancel
          </button>
          <button class={`button ${q.danger ? "danger" : "primary"}`} disabled={(!!wanted && typed !== wanted) || (!!q.field && !text.trim())}>
            {q.verb}
          </button>
        </footer>
      </form>
    </Dialog>
  );
}

export function Confirmations() {
  const value = asked.value;
  return value ? <Confirmation key={value.question.title} {...value} /> : null;
}
