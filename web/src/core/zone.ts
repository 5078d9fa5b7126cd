// The time zone in which the page shows times, and reads those that are typed: the viewer's, UTC or
// the hub's.
import { computed } from "@preact/signals";
import { hub } from "./live";
import { prefs } from "./prefs";

/** "Europe/Berlin" */
export const viewersZone = Intl.DateTimeFormat().resolvedOptions().timeZone;

function isKnown(zone: string): boolean {
  try {
    Intl.DateTimeFormat("en", { timeZone: zone });
    return true;
  } catch {
    return false;
  }
}

/** The hub's, where this browser knows it; null: it cannot be chosen. */
export const hubsZone = computed(() => {
  const zone = hub.value?.zone;
  return zone && isKnown(zone) ? zone : null;
});

/** Of a hub that is not known yet, the viewer's. */
export const zone = computed(() =>
  prefs.value.zone === "utc" ? "UTC" : prefs.value.zone === "hub" ? (hubsZone.value ?? viewersZone) : viewersZone,
);

const wall = computed(
  () =>
    new Intl.DateTimeFormat("sv-SE", {
      timeZone: zone.value, year: "numeric", month: "2-digit", day: "2-digit",
      hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23",
    }),
);

/** "2026-01-31T10:00:00", for a field of date and time. */
export const wallOf = (ms: number) => wall.value.format(ms).replace(" ", "T");

/** The moment at which the zone's clocks show this; NaN: it is no time. Where they show it twice, one of both. */
export function momentOf(text: string): number {
  const shown = Date.parse(`${text}Z`);
  const behind = (ms: number) => Date.parse(`${wallOf(ms)}Z`) - Math.floor(ms / 1000) * 1000;
  if (Number.isNaN(shown)) return NaN;
  return shown - behind(shown - behind(shown));
}
