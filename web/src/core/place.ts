// Where the page is: its own address, the hub's, and the URL as state. Everything but secrets and
// drafts is in the URL, so back, forward and reload restore it.
import { signal } from "@preact/signals";

/** "…/ui/", as the server says by <base>. */
export const home = new URL(document.baseURI);
/** The hub's root, one above. */
export const root = new URL("..", home);

/** Decoded parts of the path below /ui/. */
export const parts = signal<string[]>([]);
export const query = signal(new URLSearchParams());
/** Counts navigations to another path, for focus and title. */
export const visits = signal(0);

/** An address in the page, relative to <base>; each part is encoded by itself. */
export function to(...path: string[]): string {
  return path.map(encodeURIComponent).join("/") || "./";
}

function read() {
  const path = location.pathname.startsWith(home.pathname)
    ? location.pathname.slice(home.pathname.length)
    : "";
  parts.value = path
    .split("/")
    .filter((p) => p !== "")
    .map((p) => {
      try {
        return decodeURIComponent(p);
      } catch {
        return p;
      }
    });
  query.value = new URLSearchParams(location.search);
}

/** What asks before a page with edits is left; null: nothing does. */
let guard: ((go: () => void) => boolean) | null = null;
export function guardLeaving(ask: ((go: () => void) => boolean) | null) {
  guard = ask;
}

export function go(href: string, replace = false) {
  const url = new URL(href, home);
  const move = () => {
    const same = url.pathname === location.pathname;
    if (replace) history.replaceState(history.state, "", url);
    else history.pushState({}, "", url);
    read();
    if (!same) {
      scrollTo(0, 0);
      visits.value++;
    }
  };
  if (guard && url.pathname !== location.pathname && !guard(move)) return;
  move();
}

/** Sets parameters of the query in place; an empty one goes. */
export function setQuery(values: Record<string, string | null | undefined>, push = false) {
  const next = new URLSearchParams(location.search);
  for (const [name, value] of Object.entries(values)) {
    if (value === null || value === undefined || value === "") next.delete(name);
    else next.set(name, value);
  }
  const text = next.toString();
  go(location.pathname + (text ? `?${text}` : ""), !push);
}

export function startPlace() {
  addEventListener("popstate", () => {
    read();
    visits.value++;
  });
  document.addEventListener("click", (e) => {
    if (e.defaultPrevented || e.button !== 0 || e.metaKey || e.ctrlKey || e.shiftKey) return;
    const link = (e.target as Element).closest?.("a");
    if (!link || link.target || link.hasAttribute("download") || !link.hasAttribute("href")) return;
    const url = new URL(link.href);
    if (url.origin !== home.origin || !url.pathname.startsWith(home.pathname)) return;
    e.preventDefault();
    if (url.hash && url.pathname === location.pathname) {
      document.getElementById(url.hash.slice(1))?.focus();
      return;
    }
    go(url.href);
  });
  read();
}
