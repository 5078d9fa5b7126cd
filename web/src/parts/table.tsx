// A list as a table: its heads, and rows that scroll in themselves where they are too wide.
import type { ComponentChildren } from "preact";

/** False: the column is left out. */
type Head = false | string | { label: ComponentChildren; right?: boolean; class?: string };

interface Props {
  heads: Head[];
  class?: string;
  /** In a frame of its own. */
  panel?: boolean;
  children: ComponentChildren;
  "aria-label"?: string;
  "aria-rowcount"?: number;
}

export function Table({ heads, class: own, panel, children, ...more }: Props) {
  return (
    <div class={panel ? "panel sideways" : "sideways"}>
      <table class={own ? `list ${own}` : "list"} {...more}>
        <thead>
          <tr>
            {heads.map((h, i) => h !== false && (
              typeof h === "string"
                ? <th key={i} scope="col">{h}</th>
                : <th key={i} scope="col" class={[h.right && "right", h.class].filter(Boolean).join(" ") || undefined}>{h.label}</th>
            ))}
          </tr>
        </thead>
        <tbody>{children}</tbody>
      </table>
    </div>
  );
}
