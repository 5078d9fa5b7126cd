// Numbers, sizes and times as people read them. Unknown is "–", never 0; minus is −; units are of
// IEC; times are in the zone that was chosen, with the exact one on hover.
import { computed } from "@preact/signals";
import { zone } from "./zone";

const locale = navigator.language;
export const UNKNOWN = "–";

const whole = new Intl.NumberFormat(locale, { maximumFractionDigits: 0 });
const three = new Intl.NumberFormat(locale, { maximumSignificantDigits: 3 });
const one = new Intl.NumberFormat(locale, { minimumFractionDigits: 1, maximumFractionDigits: 1 });

const minus = (text: string) => text.replace("-", "−");
const unknown = (n: number | null | undefined): n is null | undefined =>
  n === null || n === undefined || Number.isNaN(n);

/** To 9,999 exact, then three digits: 12.3k, 1.24M. */
export function count(n: number | null | undefined): string {
  if (unknown(n)) return UNKNOWN;
  if (Math.abs(n) < 10_000) return minus(whole.format(n));
  for (const [unit, size] of [["G", 1e9], ["M", 1e6], ["k", 1e3]] as const)
    if (Math.abs(n) >= size) return minus(three.format(n / size)) + unit;
  return minus(whole.format(n));
}

export const exact = (n: number | null | undefined) => (unknown(n) ? UNKNOWN : minus(whole.format(n)));

export function rate(n: number | null | undefined): string {
  if (unknown(n) || n < 0) return UNKNOWN;
  if (n === 0) return "0";
  return n < 10 ? one.format(n) : count(n);
}

export function bytes(n: number | null | undefined): string {
  if (unknown(n) || n < 0) return UNKNOWN;
  if (n < 1024) return `${whole.format(n)} B`;
  let unit = -1;
  do {
    n /= 1024;
    unit++;
  } while (n >= 1000 && unit < 4);
  return `${three.format(n)} ${["KiB", "MiB", "GiB", "TiB", "PiB"][unit]}`;
}

const two = (n: number) => String(n).padStart(2, "0");

/** In two units: 840 ms, 4.2 s, 3 min 05 s, 2 h 40 min, 3 d 4 h. */
export function duration(ms: number | null | undefined): string {
  if (unknown(ms) || ms < 0) return UNKNOWN;
  if (ms < 1000) return `${whole.format(ms)} ms`;
  if (ms < 9_950) return `${one.format(ms / 1000)} s`;
  const s = Math.round(ms / 1000);
  if (s < 60) return `${s} s`;
  const min = Math.floor(s / 60);
  if (min < 60) return `${min} min ${two(s % 60)} s`;
  const h = Math.floor(min / 60);
  if (h < 48) return `${h} h ${two(min % 60)} min`;
  return `${Math.floor(h / 24)} d ${h % 24} h`;
}

/** "about 6 min": forecasts are never exact. */
export function about(ms: number): string {
  const s = ms / 1000;
  if (s < 90) return `about ${Math.max(5, Math.round(s / 5) * 5)} s`;
  if (s < 5400) return `about ${Math.round(s / 60)} min`;
  if (s < 172800) return `about ${Math.round(s / 3600)} h`;
  return `about ${Math.round(s / 86400)} d`;
}

/** "grows by about 12 MiB a minute" needs a minute of it; 0: it is steady. */
export function growth(perSecond: number): string {
  if (Math.abs(perSecond) < 1024) return "steady";
  return `${perSecond > 0 ? "grows" : "shrinks"} by about ${bytes(Math.abs(perSecond) * 60)} a minute`;
}

const inZone = (options: Intl.DateTimeFormatOptions) => {
  const made = computed(() => new Intl.DateTimeFormat(locale, { ...options, timeZone: zone.value }));
  return (ms: number) => made.value.format(ms);
};
const day = inZone({ day: "numeric", month: "short" });
const date = inZone({ year: "numeric", month: "2-digit", day: "2-digit" });
const full = inZone({
  year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", second: "2-digit",
  fractionalSecondDigits: 3, hourCycle: "h23", timeZoneName: "longOffset",
});

export const time = inZone({ hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });

/** The time of a day, and the day where it is another than now's. */
export const moment = (ms: number, now: number) => (date(ms) === date(now) ? time(ms) : `${day(ms)} ${time(ms)}`);

/** How long ago it was; what is ahead, by the hub's clock or one that ticks late, is just now. */
export function relative(ms: number, now: number): string {
  const ago = Math.max(0, now - ms);
  if (ago < 5_000) return "just now";
  if (ago < 60_000) return `${Math.floor(ago / 5000) * 5} s ago`;
  if (ago < 3_600_000) return `${Math.floor(ago / 60_000)} min ago`;
  if (ago < 86_400_000) return `${Math.floor(ago / 3_600_000)} h ago`;
  return day(ms);
}

/** When it is to come, as far as is known. */
export function forecast(ms: number, now: number): string {
  if (ms - now < 5_000) return relative(ms, now);
  return ms - now < 86_400_000 ? `in ${about(ms - now)}` : day(ms);
}

/** The zone's time with its offset, and UTC: for hovering. */
export const precise = (ms: number) => `${full(ms)}\n${new Date(ms).toISOString()}`;
