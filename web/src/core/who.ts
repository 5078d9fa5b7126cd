// Who looks at the page, and what their role lets them do.
import { signal } from "@preact/signals";
import { get } from "./api";
import { link } from "./live";

export interface Who {
  name: string;
  how: string;
  role: string;
  address: string;
}
export const who = signal<Who | null>(null);

const ORDER = ["viewer", "operator", "admin"];

/** Why they may not; empty: they may. Nothing can be changed while the hub is away, either. */
export function lacks(role: "operator" | "admin"): string {
  if (link.value.state === "away") return "The hub does not answer.";
  const own = who.value?.role;
  if (!own || ORDER.indexOf(own) >= ORDER.indexOf(role)) return "";
  return `needs role ${role}; you are ${own}`;
}

export async function startWho() {
  try {
    who.value = await get<Who>("/hub/v1/who");
  } catch {
    /* the hub is away: the band says so, and each request is refused by it anyway */
  }
}
