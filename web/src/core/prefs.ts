// What a person chose for this browser: theme, density, keys. Never secrets.
import { effect, signal } from "@preact/signals";

export interface Prefs {
  theme: "system" | "light" | "dark";
  density: "compact" | "comfortable";
  keys: boolean;
  /** Whose clock times are shown by. */
  zone: "viewer" | "utc" | "hub";
}

const KEY = "leat.prefs";
const initial: Prefs = { theme: "system", density: "compact", keys: true, zone: "viewer" };

function load(): Prefs {
  try {
    return { ...initial, ...(JSON.parse(localStorage.getItem(KEY) ?? "{}") as Partial<Prefs>) };
  } catch {
    return initial;
  }
}

export const prefs = signal<Prefs>(load());

export function choose(change: Partial<Prefs>) {
  prefs.value = { ...prefs.value, ...change };
  try {
    localStorage.setItem(KEY, JSON.stringify(prefs.value));
  } catch {
    /* a browser that keeps nothing: it holds until the tab is closed */
  }
}

const dark = matchMedia("(prefers-color-scheme: dark)");
const systemDark = signal(dark.matches);
dark.addEventListener("change", () => (systemDark.value = dark.matches));

export const isDark = () =>
  prefs.value.theme === "system" ? systemDark.value : prefs.value.theme === "dark";

export function startPrefs() {
  effect(() => {
    document.documentElement.dataset.theme = isDark() ? "dark" : "light";
    document.documentElement.dataset.density = prefs.value.density;
  });
}
