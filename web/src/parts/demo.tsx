// The panel of a demo: what runs as a line of dots, a slider for the shop's traffic, buttons that break
// things, and what leat made of each. Docked below the page, which it never hides; closed it leaves a tab.
import { signal } from "@preact/signals";
import { useEffect, useState } from "preact/hooks";
import { ask, get, path } from "../core/api";
import { duration, exact, time } from "../core/format";
import { link, rowOf, turns } from "../core/live";
import { to } from "../core/place";
import { lacks } from "../core/who";
import { Icon } from "./icon";

interface Incident {
  id: number;
  what: string;
  open: boolean;
  lines: { at: string; text: string }[];
}
interface Panel {
  source: string;
  sink: string;
  rate: number;
  rate_most: number;
  incidents: Incident[];
}
interface Proof {
  running: boolean;
  ended: string | null;
  result: { equal: boolean; differences: number; rows: number } | null;
  error: { message: string } | null;
}

const shut = signal(false);
const DEEDS: { verb: string; label: string; help: string }[] = [
  { verb: "kill", label: "Kill the connector", help: "its process, by signal 9" },
  { verb: "drop-slot", label: "Drop the slot", help: "at the server: what was not sent is gone" },
  { verb: "poison", label: "Poison a row", help: "one that the target refuses" },
  { verb: "right", label: "Put all right", help: "the target takes it, dead letters are retried" },
];

function Dot({ label, tone, href, title }: { label: string; tone: string; href?: string; title?: string }) {
  const inner = (
    <>
      <i class={`dot tone-${tone}`} /> {label}
    </>
  );
  return <li title={title}>{href ? <a href={href}>{inner}</a> : <span>{inner}</span>}</li>;
}

const toneOf = (condition: string | undefined) =>
  condition === "RUNNING" ? "ok" : condition === "FAILED" || condition === "STALLED" ? "bad" : condition ? "warn" : "muted";

/** Time of a line after the first one of its incident. */
const after = (i: Incident, at: string) => Date.parse(at) - Date.parse(i.lines[0]!.at);

function Story({ i }: { i: Incident }) {
  return (
    <li class="incident">
      {i.lines.map((l, n) => (
        <p key={l.at}>
          <span class="num muted">{n === 0 ? time(Date.parse(l.at)) : `+ ${duration(after(i, l.at))}`}</span>
          <span>{l.text}</span>
        </p>
      ))}
      {i.open ? <span class="muted small" role="status">not over yet</span> : <span class="tone-ok small"><Icon name="check" size={12} /> over</span>}
    </li>
  );
}

export function DemoPanel() {
  const [panel, setPanel] = useState<Panel | null>(null);
  const [proof, setProof] = useState<Proof | null>(null);
  const [problem, setProblem] = useState("");
  const [busy, setBusy] = useState("");
  const off = lacks("admin");
  turns.value;
  const refresh = async () => {
    if (document.hidden || link.peek().state !== "live") return;
    try {
      const p = await get<Panel>("/hub/v1/demo");
      setPanel(p);
      setProof(await get<Proof>(path("hub", "v1", "connectors", p.sink, "verify")));
    } catch {
      /* the band says when the hub is away */
    }
  };
  useEffect(() => {
    void refresh();
    const timer = setInterval(() => void refresh(), 1000);
    return () => clearInterval(timer);
  }, []);
  const tell = async (body: { do?: string; rate?: number }) => {
    setProblem("");
    setBusy(body.do ?? "");
    try {
      setPanel(await ask<Panel>("POST", "/hub/v1/demo", body));
    } catch (e) {
      setProblem((e as Error).message);
    } finally {
      setBusy("");
    }
  };
  if (!panel) return null;
  if (shut.value)
    return (
      <button type="button" class="button demo-tab" onClick={() => (shut.value = false)}>Demo</button>
    );
  const source = rowOf(panel.source)?.value.condition;
  const sink = rowOf(panel.sink)?.value.condition;
  const verdict = proof?.result ? (proof.result.equal ? "equal" : `${exact(proof.result.differences)} differ`) : "verify";
  return (
    <aside class="demo" aria-label="Demo">
      <div class="row">
        <b>Demo</b>
        <ol class="flow" aria-label="What runs">
          <Dot label="shop" tone={panel.rate > 0 ? "ok" : "muted"} title={`${exact(panel.rate)} transactions a second`} />
          <Dot label="capture" tone={toneOf(source)} href={to("c", panel.source, "status")} title={source} />
          <Dot label="stream" tone="ok" href={to("topics")} />
          <Dot label="SQLite" tone={toneOf(sink)} href={to("c", panel.sink, "status")} title={sink} />
          <Dot label={verdict} tone={proof?.result ? (proof.result.equal ? "ok" : "bad") : "muted"} href={to("c", panel.sink, "verify")}
            title={proof?.ended ? `verified at ${time(Date.parse(proof.ended))}` : "not verified yet"} />
        </ol>
        <label class="row">
          <span>Traffic</span>
          <input type="range" min={0} max={panel.rate_most} step={10} value={panel.rate} disabled={!!off} aria-label="Transactions a second that the shop tries to make"
            onChange={(e) => void tell({ rate: Number(e.currentTarget.value) })} />
          <span class="num">{exact(panel.rate)}/s</span>
        </label>
        <span class="row deeds">
          {DEEDS.map((d) => (
            <button type="button" key={d.verb} class={`button small ${d.verb === "right" ? "" : "danger"}`} title={off || d.help} disabled={!!off || busy === d.verb} onClick={() => void tell({ do: d.verb })}>
              {d.label}
            </button>
          ))}
        </span>
        <button type="button" class="button bare" aria-label="Close the demo's panel" onClick={() => (shut.value = true)}>
          <Icon name="close" />
        </button>
      </div>
      {problem && <p class="problem" role="alert">{problem}</p>}
      {panel.incidents.length > 0 && (
        <ul class="incidents" tabIndex={0} aria-label="What was broken, and what became of it">
          {panel.incidents.map((i) => <Story key={i.id} i={i} />)}
        </ul>
      )}
    </aside>
  );
}
