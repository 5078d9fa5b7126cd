// A test on the real system: its steps as they end, what fails marks its field, and the doctor's script
// mends it. Results stay until something is changed; then they are said to be old.
import { signal } from "@preact/signals";
import { ApiError, feed, type Body } from "../core/api";
import { lacks } from "../core/who";
import { At, Copy } from "./bits";
import { focusField, Prose } from "./field";
import { saveFile } from "./file";
import { Icon } from "./icon";

export interface Step {
  step: string;
  state: "ok" | "failed" | "warn" | "skipped";
  code: string | null;
  detail: string | null;
  advice: string | null;
  ms: number;
}
interface Done {
  ok: boolean;
  failed: number;
  warned: number;
  sql: string | null;
  undo: string | null;
}
interface Outcome {
  at: number;
  /** What was tried, as JSON. */
  tried: string;
  steps: Step[];
  problems: { option: string | null; warning: boolean; message: string }[];
  done: Done | null;
  error: string;
}

export const isRunning = (t: Outcome | null) => t !== null && !t.done && !t.error;

/** One test at a time of what `body` makes: a configuration, or a connection. */
export class Trial {
  readonly now = signal<Outcome | null>(null);
  private abort: AbortController | null = null;

  constructor(private body: () => Body) {}

  forget() {
    this.abort?.abort();
    this.now.value = null;
  }

  /** What was tried is what there is now. */
  fresh() {
    return this.now.value !== null && this.now.value.tried === JSON.stringify(this.body());
  }

  passed() {
    return this.fresh() && this.now.value!.done?.ok === true;
  }

  async run(): Promise<boolean> {
    this.abort?.abort();
    const own = (this.abort = new AbortController());
    const body = this.body();
    const update = (change: Partial<Outcome>) => {
      if (!own.signal.aborted && this.now.value) this.now.value = { ...this.now.value, ...change };
    };
    this.now.value = { at: Date.now(), tried: JSON.stringify(body), steps: [], problems: [], done: null, error: "" };
    let last = performance.now();
    try {
      await feed("POST", "/hub/v1/checks", body, (e) => {
        if (own.signal.aborted) return;
        const data = JSON.parse(e.data);
        if (e.event === "step") {
          const now = performance.now();
          update({ steps: [...this.now.value!.steps, { ...data, ms: now - last }] });
          last = now;
        } else if (e.event === "problem") update({ problems: [...this.now.value!.problems, data] });
        else if (e.event === "done") update({ done: data });
      }, own.signal);
      if (isRunning(this.now.value)) update({ error: "The hub ended the test before it was done." });
    } catch (e) {
      if ((e as Error).name !== "AbortError") update({ error: e instanceof ApiError ? e.said : (e as Error).message });
    }
    return this.passed();
  }
}

const icons: Record<Step["state"], [string, string]> = {
  ok: ["check", "ok"],
  failed: ["FAILED", "bad"],
  warn: ["warn", "warn"],
  skipped: ["skip", "muted"],
};

function Line({ s, field }: { s: Step; field: { name: string; label: string } | null }) {
  const [icon, tone] = icons[s.state];
  return (
    <li class={`step tone-${s.state === "ok" ? "" : tone}`}>
      <Icon name={icon} size={14} class={`tone-${tone}`} />
      <div>
        <p>
          <b>{s.step}</b> <span class="sr">{s.state}</span>
          <span class="muted num ms">{s.ms >= 1 ? `${Math.round(s.ms)} ms` : ""}</span>
        </p>
        {s.detail && <p class={s.state === "failed" ? "" : "muted"}>{s.detail}</p>}
        {s.state !== "ok" && s.advice && <p><Prose text={s.advice} /></p>}
        {s.code && s.state === "failed" && (
          <p class="row">
            <code>{s.code}</code>
            {field && <button type="button" class="button small" onClick={() => focusField(field.name)}>Go to {field.label}</button>}
          </p>
        )}
      </div>
    </li>
  );
}

function Doctor({ done }: { done: Done }) {
  // Comments alone repeat the steps: there is nothing to run.
  if (!done.sql || !/^(?!--)./m.test(done.sql)) return null;
  return (
    <div class="doctor">
      <p><b>What mends it.</b> Run this as an administrator, then test again.</p>
      <pre class="code" tabIndex={0} aria-label="The doctor's script">{done.sql}</pre>
      <p class="row">
        <Copy text={done.sql} label="Copy the script" />
        <button type="button" class="button small" onClick={() => saveFile("doctor.sql", done.sql!)}>Save .sql</button>
        {done.undo && <Copy text={done.undo} label="Copy what undoes it" />}
      </p>
    </div>
  );
}

interface PanelProps {
  trial: Trial;
  /** Labels of what is still to be filled in. */
  lacking: string[];
  /** The field that a step which failed is about. */
  fieldOf: (s: Step) => { name: string; label: string } | null;
}

export function TestPanel({ trial, lacking, fieldOf }: PanelProps) {
  const t = trial.now.value;
  const off = lacks("admin");
  const running = isRunning(t);
  const stale = t !== null && !trial.fresh();
  return (
    <aside class="panel test" aria-label="Test">
      <header>
        <h2>Test</h2>
        <button type="button" class="button small" disabled={!!off || lacking.length > 0} title={off} onClick={() => void trial.run()}>
          {t ? "Test again" : "Test"}
        </button>
      </header>
      {!t && (
        <p class="muted">
          {lacking.length > 0
            ? `Still to fill in: ${lacking.join(", ")}.`
            : "Tries the real system, step by step, and changes nothing there."}
        </p>
      )}
      {t && stale && <p class="note">Tested <At at={t.at} /> with other parameters.</p>}
      {t && (
        <ol class={`steps ${stale ? "stale" : ""}`} aria-live="polite">
          {t.steps.map((s) => <Line key={s.step} s={s} field={s.state === "failed" ? fieldOf(s) : null} />)}
          {t.problems.map((p) => (
            <li class="step" key={p.message}>
              <Icon name={p.warning ? "warn" : "FAILED"} size={14} class={p.warning ? "tone-warn" : "tone-bad"} />
              <p>{p.option && <code>{p.option}</code>} {p.message}</p>
            </li>
          ))}
          {running && <li class="step muted" aria-current="step"><Icon name="UNASSIGNED" size={14} /><p>asking the server…</p></li>}
        </ol>
      )}
      {t?.error && <p class="problem"><Icon name="FAILED" size={14} /> {t.error}</p>}
      {t?.done && (
        <p class={`verdict tone-${t.done.ok ? "ok" : "bad"}`} role="status">
          {t.done.ok ? `All is well${t.done.warned ? `, ${t.done.warned} to look at` : ""}.` : `${t.done.failed} to mend.`}
        </p>
      )}
      {t?.done && <Doctor done={t.done} />}
    </aside>
  );
}
