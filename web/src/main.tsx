// The shell: rail, header, the band that says when the hub is away, and the page that the URL names.
import { render, type ComponentType } from "preact";
import { useEffect, useState } from "preact/hooks";
import { hub, link, returned, startLive, tryNow, turns, allRows } from "./core/live";
import { parts, startPlace, to, visits } from "./core/place";
import { choose, isDark, startPrefs } from "./core/prefs";
import { second } from "./core/clock";
import { count, exact, time } from "./core/format";
import { startWho, who } from "./core/who";
import { Confirmations } from "./parts/dialog";
import { Icon, Logo } from "./parts/icon";
import { Waiting, useTitle, Title, Empty } from "./parts/bits";
import { openPalette, Palette, startKeys } from "./parts/palette";
import { Overview } from "./pages/overview";

type Page = ComponentType<Record<string, never>>;

/** The first part of the path, and the page that shows it: each a chunk of its own. */
const pages: Record<string, () => Promise<Page>> = {
  "": async () => Overview as Page,
  more: async () => More as Page,
  new: async () => (await import("./pages/create/index")).Create as Page,
  topics: async () => (await import("./pages/topics/index")).Topics as Page,
  t: async () => (await import("./pages/topics/index")).TopicPage as Page,
  c: async () => (await import("./pages/connector/index")).Connector as Page,
  "dead-letters": async () => (await import("./pages/letters/index")).Letters as Page,
  catalogue: async () => (await import("./pages/catalogue/index")).Catalogue as Page,
  sql: async () => (await import("./pages/sql/index")).Sql as Page,
  lineage: async () => (await import("./pages/lineage/index")).Lineage as Page,
  settings: async () => (await import("./pages/settings/index")).Settings as Page,
  connections: async () => (await import("./pages/connections/index")).Connections as Page,
};

interface Place {
  path: string;
  icon: string;
  label: string;
  /** On a phone it stands behind "More". */
  later?: boolean;
}
const rail: Place[] = [
  { path: "", icon: "overview", label: "Overview" },
  { path: "topics", icon: "topics", label: "Topics" },
  { path: "dead-letters", icon: "dead", label: "Dead letters" },
  { path: "sql", icon: "sql", label: "SQL" },
  { path: "connections", icon: "connections", label: "Connections", later: true },
  { path: "catalogue", icon: "catalogue", label: "Catalogue", later: true },
  { path: "lineage", icon: "lineage", label: "Lineage", later: true },
  { path: "settings", icon: "settings", label: "Settings", later: true },
];

function Link() {
  const l = link.value;
  if (l.state === "live")
    return (
      <span class="link tone-ok" title="Changes arrive as they happen">
        <i class="dot" /> Live
      </span>
    );
  const s = Math.max(0, Math.ceil((l.next - second.value) / 1000));
  return (
    <span class="link tone-warn">
      <i class="dot" /> {l.state === "waiting" ? "Connecting" : s > 0 ? `Reconnecting in ${s} s` : "Reconnecting"}
    </span>
  );
}

function Away() {
  const l = link.value;
  const back = returned.value;
  if (l.state === "away") {
    const s = Math.max(0, Math.ceil((l.next - second.value) / 1000));
    return (
      <div class="band warn" role="alert">
        <Icon name="warn" />
        <p>
          {l.heard ? `No answer from the hub since ${time(l.heard)}. You see what was known then.` : "The hub does not answer."}{" "}
          Connectors are processes of their own and may be running.
          <span class="num"> Next try in {s} s.</span>
        </p>
        <button type="button" class="button small" onClick={tryNow}>
          Try now
        </button>
      </div>
    );
  }
  if (back && second.value - back.at < 10_000)
    return (
      <div class="band ok" role="status">
        <Icon name="check" />
        <p>The hub is back{back.restarted ? "; it was restarted" : ""}.</p>
      </div>
    );
  return null;
}

function Count({ path }: { path: string }) {
  turns.value;
  if (path === "dead-letters") {
    const dead = allRows.value.reduce((n, r) => n + Math.max(0, r.dead), 0);
    return dead > 0 ? <b class="badge warn" aria-label={`${exact(dead)} dead letters`}>{count(dead)}</b> : null;
  }
  if (path !== "") return null;
  const bad = allRows.value.filter((r) => r.condition === "FAILED" || r.condition === "STALLED").length;
  return bad > 0 ? <b class="badge bad" aria-label={`${bad} need a person`}>{bad}</b> : null;
}

function Rail() {
  const first = parts.value[0] ?? "";
  const here = first === "c" || first === "new" ? "" : first === "t" ? "topics" : first;
  return (
    <nav class="rail" aria-label="Pages">
      <a class="brand" href={to()} aria-label="leat: overview">
        <Logo />
        <span>leat</span>
      </a>
      {rail.map((p) => (
        <a key={p.path} class={p.later ? "later" : ""} href={to(...(p.path ? [p.path] : []))} aria-current={here === p.path ? "page" : undefined}>
          <Icon name={p.icon} size={18} />
          <span>{p.label}</span>
          <Count path={p.path} />
        </a>
      ))}
      <a class="later" href="../docs/">
        <Icon name="docs" size={18} />
        <span>Docs</span>
      </a>
      <a class="more" href={to("more")} aria-current={here === "more" ? "page" : undefined}>
        <Icon name="more" size={18} />
        <span>More</span>
      </a>
      <div class="foot muted">
        <span>{hub.value ? `leat ${hub.value.version}` : ""}</span>
      </div>
    </nav>
  );
}

function Header() {
  const p = parts.value;
  const trail = p.length === 0 ? ["Overview"] : p[0] === "c" ? ["Connectors", ...p.slice(1, 2)] : [label(p[0]!), ...p.slice(1, 2)];
  const next = isDark() ? "light" : "dark";
  return (
    <header class="top">
      <nav class="trail" aria-label="Path">
        {trail.map((t, i) => (
          <span key={t} class={i < trail.length - 1 ? "muted" : ""}>
            {i > 0 && <Icon name="right" size={12} />}
            {t}
          </span>
        ))}
      </nav>
      <button type="button" class="search" onClick={openPalette}>
        <Icon name="search" size={14} />
        <span>Search or run…</span>
        <kbd>Ctrl K</kbd>
      </button>
      <Link />
      <button
        type="button"
        class="button bare"
        aria-label={`Switch to ${next}`}
        title={`Switch to ${next}`}
        onClick={() => choose({ theme: next })}
      >
        <Icon name={isDark() ? "sun" : "moon"} />
      </button>
      <a class="who" href={to("settings", "access")} title={who.value ? `${who.value.role}, known by ${who.value.how}` : undefined}>
        {who.value ? (who.value.how === "none" ? "no login" : who.value.name) : ""}
      </a>
    </header>
  );
}

const LABELS: Record<string, string> = { more: "More", new: "New connector", t: "Topics", c: "Connectors" };
const label = (first: string) => LABELS[first] ?? rail.find((r) => r.path === first)?.label ?? first;

/** On a phone: the pages that have no room in the bar. */
function More() {
  useTitle("More");
  return (
    <>
      <div class="headline"><Title>More</Title></div>
      <div class="cards">
        {rail.filter((p) => p.later).map((p) => (
          <a class="card panel plugin" key={p.path} href={to(p.path)}><Icon name={p.icon} size={18} /> <b>{p.label}</b></a>
        ))}
        <a class="card panel plugin" href="../docs/"><Icon name="docs" size={18} /> <b>Docs</b></a>
      </div>
    </>
  );
}

function Nowhere() {
  useTitle("Not found");
  return (
    <>
      <Title>Nothing is here</Title>
      <Empty title="This address names no place in the page.">
        <a class="button primary" href={to()}>Overview</a>
      </Empty>
    </>
  );
}

const loaded = new Map<string, Page>([["", Overview as Page], ["more", More as Page]]);

function Content() {
  const first = parts.value[0] ?? "";
  const [, redraw] = useState(0);
  const [error, setError] = useState("");
  useEffect(() => {
    if (loaded.has(first) || !pages[first]) return;
    setError("");
    pages[first]!().then(
      (page) => {
        loaded.set(first, page);
        redraw((n) => n + 1);
      },
      () => setError("This part of the page could not be fetched: the hub may have been upgraded."),
    );
  }, [first]);
  useEffect(() => {
    if (visits.value > 0) document.querySelector<HTMLElement>("main h1")?.focus({ preventScroll: true });
  }, [visits.value, first]);
  if (!pages[first]) return <Nowhere />;
  if (error)
    return (
      <Empty title={error}>
        <button class="button primary" type="button" onClick={() => location.reload()}>Reload the page</button>
      </Empty>
    );
  const Page = loaded.get(first);
  return Page ? <Page /> : <Waiting />;
}

let DemoPanel: Page | null = null;

/** A chunk of its own, which only a demo fetches. */
function Demo() {
  const [, redraw] = useState(0);
  useEffect(() => {
    void import("./parts/demo").then((m) => {
      DemoPanel = m.DemoPanel as Page;
      redraw(1);
    });
  }, []);
  return DemoPanel ? <DemoPanel /> : null;
}

function App() {
  return (
    <>
      <a class="skip" href="#main">Skip to the page</a>
      <Rail />
      <div class="frame">
        <Header />
        <Away />
        <main id="main" tabIndex={-1} class={link.value.state === "away" ? "stale" : ""}>
          <Content />
        </main>
        {hub.value?.demo && <Demo />}
      </div>
      <Palette />
      <Confirmations />
    </>
  );
}

startPlace();
startPrefs();
startLive();
void startWho();
startKeys();
render(<App />, document.getElementById("app")!);
