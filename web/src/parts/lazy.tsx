// The editor's chunk, loaded when one is shown; a plain text field stands there until then.
import type { ComponentProps } from "preact";
import { useEffect, useState } from "preact/hooks";
import type Editor from "./editor";

export type { Handle, Language } from "./editor";
type Loaded = typeof Editor;
let loaded: Loaded | null = null;

export function LazyEditor(props: ComponentProps<Loaded>) {
  const [, redraw] = useState(0);
  useEffect(() => {
    if (loaded) return;
    import("./editor").then(
      (m) => {
        loaded = m.default;
        redraw((n) => n + 1);
      },
      () => undefined, // the text field does, too
    );
  }, []);
  const Shown = loaded;
  if (Shown) return <Shown {...props} />;
  return (
    <textarea class="mono" aria-label={props.label} value={props.value} rows={8} spellcheck={false} placeholder={props.hint}
      onInput={(e) => props.change(e.currentTarget.value)}
      onKeyDown={(e) => {
        if (e.key === "Enter" && (e.ctrlKey || e.metaKey)) props.run?.();
      }} />
  );
}
