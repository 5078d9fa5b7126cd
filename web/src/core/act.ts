// What a person does to connectors: verbs, what is under way, and what came of it.
import { effect, signal } from "@preact/signals";
import { confirm } from "../parts/dialog";
import { ask, path } from "./api";
import { rowOf, turns } from "./live";
import { bytes } from "./format";

export type Verb = "pause" | "resume" | "restart" | "stop";

export interface Doing {
  verb: Verb;
  since: number;
  /** The condition it had, which is shown until another one comes. */
  was: string;
}
/** By name: what was asked for and is not so yet. */
export const doing = signal<Record<string, Doing>>({});
/** By name: what could not be done. */
export const failures = signal<Record<string, string>>({});

const ING: Record<Verb, string> = {
  pause: "Pausing",
  resume: "Resuming",
  restart: "Restarting",
  stop: "Stopping",
};
const WANTED: Record<Verb, string[]> = {
  pause: ["PAUSED"],
  resume: ["RUNNING", "SNAPSHOTTING", "STALLED", "FAILED", "SPOOLING", "THROTTLED"],
  restart: [],
  stop: ["STOPPED"],
};

export const sayDoing = (d: Doing) => `${ING[d.verb]}…`;

function forget(name: string) {
  const { [name]: _, ...rest } = doing.value;
  doing.value = rest;
}

/** What was wanted is so now. */
function settle(name: string) {
  const d = doing.peek()[name];
  const condition = rowOf(name)?.peek().condition;
  if (d && condition && WANTED[d.verb].includes(condition)) forget(name);
}
effect(() => {
  turns.value;
  for (const name of Object.keys(doing.peek())) settle(name);
});

async function send(name: string, verb: Verb) {
  const where = path("connectors", name, verb);
  if (verb === "restart") await ask("POST", `${where}?includeTasks=true`);
  else await ask("PUT", where);
}

/** True: the hub took it. */
export async function act(name: string, verb: Verb): Promise<boolean> {
  const { [name]: _, ...others } = failures.value;
  failures.value = others;
  const was = rowOf(name)?.value.condition ?? "";
  doing.value = { ...doing.value, [name]: { verb, since: Date.now(), was } };
  try {
    await send(name, verb);
    setTimeout(() => forget(name), verb === "restart" ? 1500 : 15_000);
    settle(name);
    return true;
  } catch (e) {
    forget(name);
    failures.value = { ...failures.value, [name]: (e as Error).message };
    return false;
  }
}

/** Stopping ends a process, so it is asked for. */
export async function askStop(name: string) {
  const row = rowOf(name)?.value;
  const held = row && row.retained_bytes > 0 ? `, today ${bytes(row.retained_bytes)}` : "";
  const { yes } = await confirm({
    title: `Stop ${name}?`,
    effects:
      row?.type === "sink"
        ? ["Its process ends; it keeps its place in each topic.", "What comes waits in the stream until it is resumed."]
        : [
            "Its process ends; it keeps its position.",
            `Nothing is lost: the server keeps its log for it${held}, which takes room on its disk.`,
          ],
    verb: `Stop ${name}`,
    danger: true,
  });
  if (yes) await act(name, "stop");
}

/** Says by the connector's failure what could not be done. */
async function attempt(name: string, what: () => Promise<unknown>) {
  const { [name]: _, ...others } = failures.value;
  failures.value = others;
  try {
    await what();
  } catch (e) {
    failures.value = { ...failures.value, [name]: (e as Error).message };
  }
}

/** Rows of some tables are read again, beside the stream. */
export async function askSnapshot(name: string) {
  const { yes, text } = await confirm({
    title: `Snapshot tables of ${name}?`,
    effects: [
      "All rows of these tables are read and go into the topics as r, while changes flow beside them.",
      "How far it is stands under Tables.",
    ],
    field: { label: "Tables, separated by commas", hint: "public.orders, public.items" },
    verb: "Snapshot them",
  });
  const tables = text.split(/[\s,]+/).filter(Boolean);
  const data = { type: "incremental", "data-collections": tables };
  if (yes) await attempt(name, () => ask("POST", path("hub", "v1", "connectors", name, "signals"), { type: "execute-snapshot", data }));
}

/** What it says from now on. */
export async function askLevel(name: string) {
  const { yes, text } = await confirm({
    title: `Log level of ${name}?`,
    effects: ["It holds until its next start."],
    field: { label: "Level", value: "DEBUG", choices: ["TRACE", "DEBUG", "INFO", "WARN", "ERROR"] },
    verb: "Set the level",
  });
  if (yes) await attempt(name, () => ask("PUT", path("admin", "loggers", name), { level: text }));
}

/** True: it is gone. */
export async function askDelete(name: string): Promise<boolean> {
  const row = rowOf(name)?.value;
  const source = row?.type === "source";
  const { yes, option } = await confirm({
    title: `Delete ${name}?`,
    effects: [
      "Its configuration is removed from this hub.",
      `${source ? "Its topics and its position stay" : "Its position stays"}: made again by this name it goes on where it was.`,
      ...(source ? ["What it made on the server, such as a slot, stays there and holds the server's log."] : []),
    ],
    verb: `Delete ${name}`,
    danger: true,
    typed: source ? name : undefined,
    option: source ? { label: "Also drop what it made on the server (its slot), and its position", needsTyped: true } : undefined,
  });
  if (!yes) return false;
  try {
    await ask("DELETE", path("connectors", name) + (option ? "?forget=true" : ""));
    return true;
  } catch (e) {
    failures.value = { ...failures.value, [name]: (e as Error).message };
    return false;
  }
}
