// Topics, as the hub lists them, and those of a connector.
import { get, path } from "./api";

export interface Topic {
  topic: string;
  connector: string;
  connector_exists: boolean;
  first_offset: number;
  next_offset: number;
  bytes: number;
}

export const listTopics = (signal: AbortSignal) => get<Topic[]>("/hub/v1/topics", { signal });

/** Those that it writes, or reads. */
export async function topicsOf(name: string, init?: RequestInit): Promise<string[]> {
  return (await get<Record<string, { topics: string[] }>>(path("connectors", name, "topics"), init))[name]?.topics ?? [];
}
