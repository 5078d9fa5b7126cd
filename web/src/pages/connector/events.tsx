// Events: what a source writes, live, over all of its topics.
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { to } from "../../core/place";
import { Tail } from "../../core/tail";
import { topicsOf } from "../../core/topics";
import { useEvery } from "../../parts/bits";
import { Events } from "../../parts/events";
import type { TabProps } from "./index";

const FOLLOWED = 3; // the hub reads each by itself

export function EventsTab({ name }: TabProps) {
  const tail = useMemo(() => new Tail(), [name]);
  const [topics, setTopics] = useState<string[]>([]);
  const begun = useRef(false);
  useEffect(() => () => tail.stop(), [tail]);
  const look = async () => {
    try {
      // Its own (heartbeats, transactions) last: what people look for are tables.
      const found = (await topicsOf(name)).sort((a, b) => Number(a.startsWith("__")) - Number(b.startsWith("__")));
      setTopics(found);
      // Topics that were there before this page: what comes from now on; later ones from their start.
      for (const topic of found.slice(0, FOLLOWED)) tail.follow({ topic, from: begun.current || isNew() ? "beginning" : "end" });
      begun.current = true;
    } catch {
      /* the hub is away: the next look tells */
    }
  };
  const isNew = () => new URLSearchParams(location.search).get("new") !== null;
  useEffect(() => void look(), [tail]);
  useEvery(1500, () => void look());
  return (
    <>
      {topics.length > 0 && (
        <p class="muted">
          {topics.length > FOLLOWED ? `${FOLLOWED} of ${topics.length} topics: ` : topics.length === 1 ? "Topic " : "Topics "}
          {topics.slice(0, FOLLOWED).map((t, i) => (
            <span key={t}>{i > 0 && ", "}<a class="mono" href={to("t", t)}>{t}</a></span>
          ))}
        </p>
      )}
      <Events tail={tail} several={topics.length !== 1} empty="Change a row in a captured table and it appears here." />
    </>
  );
}
