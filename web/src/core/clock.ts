// One clock for all relative times: they tick together, each five seconds.
import { signal } from "@preact/signals";

export const now = signal(Date.now());
setInterval(() => {
  if (!document.hidden) now.value = Date.now();
}, 5000);
document.addEventListener("visibilitychange", () => (now.value = Date.now()));

/** Each second, for what counts down. */
export const second = signal(Date.now());
setInterval(() => {
  if (!document.hidden) second.value = Date.now();
}, 1000);
