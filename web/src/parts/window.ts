// Rows of one height, of which only those in view are drawn. The whole page scrolls, not the list.
import type { RefObject } from "preact";
import { useEffect, useLayoutEffect, useState } from "preact/hooks";

const ALWAYS = 60; // so many are drawn whole
const SPARE = 12;

export interface View {
  from: number;
  until: number;
  /** Room for what is not drawn, in px. */
  before: number;
  after: number;
  show: (at: number) => void;
}

export function useWindow(box: RefObject<HTMLElement | null>, n: number, height: number): View {
  const [range, setRange] = useState({ from: 0, until: ALWAYS });
  const virtual = n > ALWAYS;
  const measure = () => {
    const element = box.current;
    if (!element || !virtual) return;
    const top = -element.getBoundingClientRect().top;
    const from = Math.max(0, Math.floor(top / height) - SPARE);
    const until = Math.min(n, Math.ceil((top + innerHeight) / height) + SPARE);
    setRange((r) => (r.from === from && r.until === until ? r : { from, until }));
  };
  useLayoutEffect(measure, [n, height, virtual]);
  useEffect(() => {
    addEventListener("scroll", measure, { passive: true });
    addEventListener("resize", measure);
    return () => {
      removeEventListener("scroll", measure);
      removeEventListener("resize", measure);
    };
  });
  const from = virtual ? Math.min(range.from, Math.max(0, n - 1)) : 0;
  const until = virtual ? Math.max(from, Math.min(range.until, n)) : n;
  return {
    from,
    until,
    before: from * height,
    after: (n - until) * height,
    show(at) {
      if (!virtual || (at >= from + 2 && at < until - 2)) return;
      const element = box.current!;
      const top = element.getBoundingClientRect().top + scrollY + at * height;
      scrollTo({ top: top - innerHeight / 2 });
      measure();
    },
  };
}
