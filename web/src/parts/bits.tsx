// Small parts that every page uses: a state, a time, a button that copies, an error in its place.
import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { ApiError } from "../core/api";
import { now, second } from "../core/clock";
import { forecast, moment, precise, relative } from "../core/format";
import { toneOf } from "../core/states";
import { Icon } from "./icon";

export function StateWord({ word, stale = false }: { word: string; stale?: boolean }) {
  return (
    <span class={`state tone-${stale ? "muted" : toneOf(word)}`} data-state={word}>
      <Icon name={word} size={14} />
      {word}
    </span>
  );
}

type Instant = number | string | null | undefined;

/** A time in words, the exact one on hover and focus. */
function Time({ at, say }: { at: Instant; say: (ms: number, now: number) => string }) {
  if (at === null || at === undefined) return <>–</>;
  const ms = typeof at === "number" ? at : Date.parse(at);
  const said = say(ms, now.value);
  return (
    <time dateTime={new Date(ms).toISOString()} title={precise(ms)} aria-label={`${said}, ${precise(ms).split("\n")[0]}`} tabIndex={0}>
      {said}
    </time>
  );
}

/** "4 min ago" */
export const Ago = ({ at }: { at: Instant }) => <Time at={at} say={relative} />;

/** Of what is still to come: "in about 4 min". */
export const Due = ({ at }: { at: Instant }) => <Time at={at} say={forecast} />;

/** The time of the day, and the day where it is another one. */
export const At = ({ at }: { at: number }) => <Time at={at} say={moment} />;

export function Copy({ text, label = "Copy" }: { text: string | (() => string); label?: string }) {
  const [done, setDone] = useState(false);
  useEffect(() => {
    if (!done) return;
    const timer = setTimeout(() => setDone(false), 2000);
    return () => clearTimeout(timer);
  }, [done]);
  const copy = async () => {
    await navigator.clipboard.writeText(typeof text === "function" ? text() : text);
    setDone(true);
  };
  return (
    <button type="button" class="button small" onClick={copy}>
      <Icon name={done ? "check" : "copy"} size={14} />
      <span aria-live="polite">{done ? "Copied" : label}</span>
    </button>
  );
}

/** What went wrong in one panel, in its place; others go on. */
export function Failure({ error, again, what }: { error: Error; again?: () => void; what?: string }) {
  const code = error instanceof ApiError ? error.code : "";
  const status = error instanceof ApiError ? error.status : 0;
  return (
    <div class="failure" role="alert">
      <Icon name="FAILED" class="tone-bad" />
      <div>
        <p>
          {what && <strong>{what} </strong>}
          {error.message}
        </p>
        <p class="row">
          {code && <code>{code}</code>}
          {status > 0 && <span class="muted">HTTP {status}</span>}
          {again && (
            <button type="button" class="button small" onClick={again}>
              Try again
            </button>
          )}
          <Copy text={() => [what, error.message, code && `[${code}]`].filter(Boolean).join(" ")} />
        </p>
      </div>
    </div>
  );
}

/** Grey bars where something will be: nothing for 150 ms, after 5 s it says how long. */
export function Waiting({ rows = 4 }: { rows?: number }) {
  const [begun] = useState(Date.now());
  const [shown, setShown] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setShown(true), 150);
    return () => clearTimeout(timer);
  }, []);
  const s = Math.floor((second.value - begun) / 1000);
  if (!shown) return null;
  return (
    <div class="waiting" role="status">
      {Array.from({ length: rows }, (_, i) => (
        <div class="bar" key={i} />
      ))}
      <p class="muted">{s >= 5 ? `Still waiting for the hub (${s} s).` : <span class="sr">Loading</span>}</p>
    </div>
  );
}

export function Empty({ title, children }: { title: string; children?: ComponentChildren }) {
  return (
    <div class="empty">
      <h2>{title}</h2>
      {children}
    </div>
  );
}

/** A title with the focus when its page was just opened. */
export function Title({ children, class: cls }: { children: ComponentChildren; class?: string }) {
  return (
    <h1 tabIndex={-1} class={cls}>
      {children}
    </h1>
  );
}

/** Says what changed to who cannot see it. */
export function useTitle(text: string) {
  useEffect(() => {
    document.title = text ? `${text} · leat` : "leat";
  }, [text]);
}

/** A value that is loaded again when deps change; the older answer is thrown away. */
export function useLoad<T>(load: (signal: AbortSignal) => Promise<T>, deps: unknown[]) {
  const [value, setValue] = useState<T | undefined>(undefined);
  const [error, setError] = useState<Error | null>(null);
  const [turn, setTurn] = useState(0);
  const current = useRef(load);
  current.current = load;
  useEffect(() => {
    const abort = new AbortController();
    setError(null);
    current.current(abort.signal).then(
      (v) => !abort.signal.aborted && setValue(v),
      (e: Error) => !abort.signal.aborted && setError(e),
    );
    return () => abort.abort();
  }, [...deps, turn]);
  return { value, error, again: () => setTurn((n) => n + 1), setValue };
}

/** What may fail, one at a time: what went wrong stays until the next. */
export function useAttempt() {
  const [error, setError] = useState<Error | null>(null);
  const [busy, setBusy] = useState(false);
  /** True: it was done. */
  const attempt = async (what: () => Promise<unknown>): Promise<boolean> => {
    setBusy(true);
    setError(null);
    try {
      await what();
      return true;
    } catch (e) {
      setError(e as Error);
      return false;
    } finally {
      setBusy(false);
    }
  };
  return { error, busy, attempt, forget: () => setError(null) };
}

/** Calls again every so many ms while the tab is seen. */
export function useEvery(ms: number, fn: () => void) {
  const current = useRef(fn);
  current.current = fn;
  useEffect(() => {
    const timer = setInterval(() => {
      if (!document.hidden) current.current();
    }, ms);
    return () => clearInterval(timer);
  }, [ms]);
}
