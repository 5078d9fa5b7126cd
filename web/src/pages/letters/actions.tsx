// What is done with dead letters: written again, edited, dropped. Their outcome stays until the next one.
import { useState } from "preact/hooks";
import { exact } from "../../core/format";
import { drop, edit, retry, type Group, type Letter, type Row, type Tried } from "../../core/letters";
import { rowOf } from "../../core/live";
import { readJson } from "../../core/record";
import { lacks } from "../../core/who";
import { Failure, useAttempt } from "../../parts/bits";
import { confirm, Dialog } from "../../parts/dialog";

const sayTried = (t: Tried) => {
  const again = t.letters.find((l) => !l.ok);
  return `${exact(t.retried)} delivered${t.failed ? `, ${exact(t.failed)} failed again${again?.reason ? `: ${again.reason}` : ""}` : ""}.`;
};

/** Why nothing may be retried now; empty: it may. */
function offOf(connector: string): string {
  const condition = rowOf(connector)?.value.condition;
  return lacks("operator") || (condition === "STOPPED" || condition === "FAILED" ? `${connector} must run to retry` : "");
}

async function askDrop(connector: string, n: number): Promise<boolean> {
  const { yes } = await confirm({
    title: `Drop ${n === 1 ? "this event" : `${exact(n)} events`} of ${connector}?`,
    effects: [n === 1 ? "It will never be delivered." : "They will never be delivered.", "The ledger counts them as dead-lettered.", "Later changes of the same keys that wait for them are written."],
    verb: n === 1 ? "Drop it" : `Drop ${exact(n)}`,
    danger: true,
  });
  return yes;
}

/** Runs one at a time, and keeps what came of it. */
function useOutcome(done: () => void) {
  const [said, setSaid] = useState("");
  const { error, busy, attempt } = useAttempt();
  const run = (what: () => Promise<string>) =>
    attempt(async () => {
      setSaid("");
      setSaid(await what());
      done();
    });
  return { said, error, busy, run };
}

export function GroupActions({ group, changed }: { group: Group; changed: () => void }) {
  const { said, error, busy, run } = useOutcome(changed);
  const retriable = group.letters.filter((l) => l.retriable).length;
  const n = group.letters.length;
  const all = { ids: group.letters.map((l) => l.id) };
  if (group.letters.every((l) => l.state === undefined)) return null;
  const off = offOf(group.connector);
  return (
    <>
      <p class="row buttons">
        {retriable > 0 && (
          <button type="button" class="button small" disabled={busy || !!off} title={off} onClick={() => void run(async () => sayTried(await retry(group.connector, all)))}>
            Retry {exact(n)}
          </button>
        )}
        <button type="button" class="button small" disabled={busy || !!lacks("operator")} title={lacks("operator")}
          onClick={async () => (await askDrop(group.connector, n)) && void run(async () => `${exact((await drop(group.connector, all)).dropped)} dropped.`)}>
          Drop {exact(n)}…
        </button>
        <span class="muted" role="status">{busy ? "Writing them into the target…" : said}</span>
      </p>
      {error && <Failure error={error} what="Nothing was done." />}
    </>
  );
}

/** Columns whose value is another one. */
function changedOf(before: Row, after: Row): Row {
  return Object.fromEntries(Object.entries(after).filter(([k, v]) => JSON.stringify(before[k]) !== JSON.stringify(v)));
}

function Edit({ letter, close, saved }: { letter: Letter; close: () => void; saved: (again: boolean) => Promise<void> }) {
  const was = letter.after ?? {};
  const [text, setText] = useState(JSON.stringify({ ...was, ...(letter.edit ?? {}) }, null, 2));
  const { error, attempt } = useAttempt();
  const save = (again: boolean) =>
    attempt(async () => {
      const changed = changedOf(was, readJson(text) as Row);
      await edit(letter.connector, letter.id, Object.keys(changed).length ? changed : null);
      await saved(again);
    });
  return (
    <Dialog title={`Edit the row of ${letter.table ?? letter.topic}`} onClose={close} wide>
      <label class="field">
        <span>Its columns as JSON; what differs from the event is kept as an edit</span>
        <textarea class="mono" rows={Math.min(20, text.split("\n").length + 1)} spellcheck={false} value={text} onInput={(e) => setText(e.currentTarget.value)} />
      </label>
      {error && <Failure error={error} what="The edit was not kept." />}
      <footer>
        <button type="button" class="button" autofocus onClick={close}>Cancel</button>
        <button type="button" class="button" onClick={() => void save(false)}>Keep the edit</button>
        <button type="button" class="button primary" onClick={() => void save(true)}>Edit and retry</button>
      </footer>
    </Dialog>
  );
}

/** done: gone: it is not there any more. */
export function LetterActions({ letter, done }: { letter: Letter; done: (gone: boolean) => void }) {
  const { said, error, busy, run } = useOutcome(() => undefined);
  const [editing, setEditing] = useState(false);
  const off = offOf(letter.connector);
  if (letter.state === undefined) return null;
  const one = { ids: [letter.id] };
  const again = () =>
    run(async () => {
      const t = await retry(letter.connector, one);
      done(t.failed === 0);
      return sayTried(t);
    });
  return (
    <>
      {letter.state === "waits" && <p class="note">It waits for an event of the same key before it.</p>}
      <p class="row buttons">
        {letter.retriable && <button type="button" class="button small primary" disabled={busy || !!off} title={off} onClick={() => void again()}>Retry</button>}
        {letter.retriable && letter.after && <button type="button" class="button small" disabled={busy || !!lacks("operator")} title={lacks("operator")} onClick={() => setEditing(true)}>Edit…</button>}
        <button type="button" class="button small" disabled={busy || !!lacks("operator")} title={lacks("operator")}
          onClick={async () => {
            if (!(await askDrop(letter.connector, 1))) return;
            void run(async () => {
              await drop(letter.connector, one);
              done(true);
              return "Dropped.";
            });
          }}>
          Drop…
        </button>
        <span class="muted" role="status">
          {busy ? "Writing it into the target…" : said || (letter.tries ? `Tried ${exact(letter.tries)} ${letter.tries === 1 ? "time" : "times"}.` : "")}
        </span>
      </p>
      {error && <Failure error={error} what="Nothing was done." />}
      {editing && (
        <Edit letter={letter} close={() => setEditing(false)} saved={async (more) => {
          setEditing(false);
          if (more) await again();
          else done(false);
        }} />
      )}
    </>
  );
}
