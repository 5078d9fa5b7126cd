// Icons: 16 px, one stroke, drawn here. A state's icon has a shape of its own, so that colour is
// never alone.
import type { JSX } from "preact";

const shapes: Record<string, JSX.Element> = {
  RUNNING: <path d="M5 3.2v9.6l8-4.8z" fill="currentColor" stroke-linejoin="round" />,
  SNAPSHOTTING: <path d="M2.8 2.8h10.4v10.4H2.8zM2.8 6.3h10.4M2.8 9.7h10.4M6.3 2.8v10.4M9.7 2.8v10.4" />,
  SPOOLING: <path d="M8 2v7.5M4.6 6.4 8 9.8l3.4-3.4M3 13.5h10" />,
  THROTTLED: <path d="M8 2.2a5.8 5.8 0 1 0 0 11.6A5.8 5.8 0 0 0 8 2.2zM8 8V2.2A5.8 5.8 0 0 1 13.8 8z" />,
  STALLED: (
    <>
      <path d="M3 4h6v8H3z" fill="currentColor" />
      <path d="M12.4 2.6v10.8" />
    </>
  ),
  FAILED: <path d="M3.6 3.6l8.8 8.8M12.4 3.6l-8.8 8.8" stroke-width="2.2" />,
  RESTARTING: <path d="M13 8a5 5 0 1 1-1.6-3.7M13.2 1.8v3h-3" />,
  PAUSED: <path d="M5 3.5v9M11 3.5v9" stroke-width="2.6" />,
  STOPPED: <path d="M4 4h8v8H4z" fill="currentColor" />,
  UNASSIGNED: <circle cx="8" cy="8" r="5" />,
  source: <path d="M2 8h8M7.2 4.8 10.4 8l-3.2 3.2M13.5 3v10" />,
  sink: <path d="M2.5 3v10M5.5 8h8M10.3 4.8 13.5 8l-3.2 3.2" />,
  overview: <path d="M2.5 3.5h11M2.5 8h11M2.5 12.5h7" />,
  topics: <path d="M2 5.2c2-1.8 4-1.8 6 0s4 1.8 6 0M2 10.6c2-1.8 4-1.8 6 0s4 1.8 6 0" />,
  dead: <path d="M2.5 4h11v8.5h-11zM2.8 4.4 8 9l5.2-4.6" />,
  catalogue: <path d="M2.5 2.5h4.6v4.6H2.5zM8.9 2.5h4.6v4.6H8.9zM2.5 8.9h4.6v4.6H2.5zM8.9 8.9h4.6v4.6H8.9z" />,
  connections: <path d="M6.6 9.4 9.4 6.6M7.4 4.4l1.2-1.2a2.9 2.9 0 0 1 4.2 4.2l-1.2 1.2M8.6 11.6l-1.2 1.2a2.9 2.9 0 0 1-4.2-4.2l1.2-1.2" />,
  sql: <path d="M2.5 3.5h11v9h-11zM4.8 6.2 6.6 8l-1.8 1.8M8.2 10h3" />,
  lineage: <path d="M1.8 4a1.5 1.5 0 1 0 3 0 1.5 1.5 0 0 0-3 0zM1.8 12a1.5 1.5 0 1 0 3 0 1.5 1.5 0 0 0-3 0zM11.2 8a1.5 1.5 0 1 0 3 0 1.5 1.5 0 0 0-3 0zM4.8 4c3.2 0 3.2 4 6.4 4M4.8 12c3.2 0 3.2-4 6.4-4" />,
  docs: <path d="M8 3.6C6.6 2.7 4.6 2.5 2.2 2.8v9.6c2.4-.3 4.4-.1 5.8.8 1.4-.9 3.4-1.1 5.8-.8V2.8C11.4 2.5 9.4 2.7 8 3.6zM8 3.6v9.6" />,
  settings: (
    <>
      <path d="M2.5 4.5h6M12 4.5h1.5M2.5 11.5H4M7.5 11.5h6" />
      <circle cx="10.2" cy="4.5" r="1.7" />
      <circle cx="5.8" cy="11.5" r="1.7" />
    </>
  ),
  search: (
    <>
      <circle cx="7" cy="7" r="4.2" />
      <path d="M10.2 10.2 13.8 13.8" />
    </>
  ),
  plus: <path d="M8 3v10M3 8h10" />,
  more: <path d="M3.5 8h.01M8 8h.01M12.5 8h.01" stroke-width="2.2" />,
  copy: <path d="M5.5 5.5h8v8h-8zM10.5 5.5v-3h-8v8h3" />,
  check: <path d="M3 8.6 6.4 12 13 4.6" stroke-width="2" />,
  warn: <path d="M8 2.2 14.2 13H1.8zM8 6.4v3M8 11.3h.01" stroke-linejoin="round" />,
  close: <path d="M4 4l8 8M12 4l-8 8" />,
  up: <path d="M4 10l4-4 4 4" />,
  down: <path d="M4 6l4 4 4-4" />,
  right: <path d="M6 4l4 4-4 4" />,
  sun: (
    <>
      <circle cx="8" cy="8" r="2.8" />
      <path d="M8 1.5v1.7M8 12.8v1.7M1.5 8h1.7M12.8 8h1.7M3.4 3.4l1.2 1.2M11.4 11.4l1.2 1.2M3.4 12.6l1.2-1.2M11.4 4.6l1.2-1.2" />
    </>
  ),
  moon: <path d="M13.2 9.6A5.6 5.6 0 0 1 6.4 2.8a5.6 5.6 0 1 0 6.8 6.8z" stroke-linejoin="round" />,
  help: (
    <>
      <path d="M5.8 6a2.3 2.3 0 1 1 3.4 2c-.8.5-1.2.9-1.2 1.8M8 12.4h.01" />
    </>
  ),
  edit: <path d="M3 13l.7-3L10.6 3l2.4 2.4-7 6.9zM9.2 4.4l2.4 2.4" />,
  eye: (
    <>
      <path d="M1.5 8C3 5.2 5.3 3.8 8 3.8S13 5.2 14.5 8C13 10.8 10.7 12.2 8 12.2S3 10.8 1.5 8z" />
      <circle cx="8" cy="8" r="1.8" />
    </>
  ),
  skip: <path d="M4 8h8" />,
};

export function Icon({ name, size = 16, class: cls }: { name: string; size?: number; class?: string }) {
  return (
    <svg
      class={`icon ${cls ?? ""}`}
      viewBox="0 0 16 16"
      width={size}
      height={size}
      fill="none"
      stroke="currentColor"
      stroke-width="1.6"
      stroke-linecap="round"
      stroke-linejoin="round"
      aria-hidden="true"
    >
      {shapes[name]}
    </svg>
  );
}

export function Logo({ size = 22 }: { size?: number }) {
  return (
    <svg viewBox="0 0 32 32" width={size} height={size} fill="none" stroke="currentColor" stroke-width="2.4"
      stroke-linecap="round" aria-hidden="true">
      <path d="M1.5 7.5h11.5c3.4 0 6 1.3 6 4" />
      <path d="M1.5 2.5h13c5.6 0 9.4 2.4 10.3 6.6" opacity=".5" />
      <circle cx="19" cy="21.5" r="5.6" />
      <circle cx="19" cy="21.5" r="1.7" fill="currentColor" stroke="none" />
      <path d="M19 27.1v3.4M13.4 21.5H10M24.6 21.5H28M15 17.5l-2.4-2.4M23 25.5l2.4 2.4M15 25.5l-2.4 2.4M23 17.5l2.4-2.4" />
    </svg>
  );
}
