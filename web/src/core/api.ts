// Requests to the hub. An error carries what the hub said: its sentence and, where it gave one, its
// code.
import { root } from "./place";

export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly said: string,
    /** "postgres.slot_missing"; empty: none was told. */
    readonly code: string,
  ) {
    super(said);
  }
}

/** "what happened [code]", as the hub words errors of connectors. */
export function errorOf(status: number, text: string): ApiError {
  const found = /^([\s\S]*?)\s*\[([a-z_0-9]+\.[a-z_0-9.]+)\]\s*$/.exec(text);
  return found ? new ApiError(status, found[1]!, found[2]!) : new ApiError(status, text, "");
}

export type Body = Record<string, unknown> | unknown[];

/** body: a text is JSON already. */
export async function request(
  method: string,
  path: string,
  body?: Body | string,
  init: RequestInit = {},
): Promise<Response> {
  const headers: Record<string, string> = { ...(init.headers as Record<string, string>) };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  let answer: Response;
  try {
    answer = await fetch(new URL(path.replace(/^\//, ""), root), {
      ...init,
      method,
      headers,
      body: body === undefined || typeof body === "string" ? body : JSON.stringify(body),
    });
  } catch (e) {
    if ((e as Error).name === "AbortError") throw e;
    throw new ApiError(0, "The hub does not answer.", "");
  }
  if (answer.ok) return answer;
  let said = `${answer.status} ${answer.statusText}`;
  try {
    said = ((await answer.json()) as { message?: string }).message ?? said;
  } catch {
    /* no JSON: the status line has to do */
  }
  throw errorOf(answer.status, said);
}

export async function ask<T>(method: string, path: string, body?: Body | string, init?: RequestInit): Promise<T> {
  const answer = await request(method, path, body, init);
  const text = await answer.text();
  return (text ? JSON.parse(text) : undefined) as T;
}

export const get = <T>(path: string, init?: RequestInit) => ask<T>("GET", path, undefined, init);

/** A path of encoded segments. */
export const path = (...segments: string[]) => "/" + segments.map(encodeURIComponent).join("/");

export interface FeedEvent {
  event: string;
  id: string;
  data: string;
}

/** Server-sent events of one request with a body, which EventSource cannot send. */
export async function feed(
  method: string,
  where: string,
  body: Body | undefined,
  on: (e: FeedEvent) => void,
  signal?: AbortSignal,
): Promise<void> {
  const answer = await request(method, where, body, {
    signal,
    headers: { Accept: "text/event-stream" },
  });
  const reader = answer.body!.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    rest += value;
    for (let end = rest.indexOf("\n\n"); end >= 0; end = rest.indexOf("\n\n")) {
      const found: FeedEvent = { event: "message", id: "", data: "" };
      const data: string[] = [];
      for (const line of rest.slice(0, end).split("\n")) {
        const at = line.indexOf(":");
        if (at <= 0) continue;
        const value = line.slice(at + 1).replace(/^ /, "");
        if (line.startsWith("event")) found.event = value;
        else if (line.startsWith("id")) found.id = value;
        else if (line.startsWith("data")) data.push(value);
      }
      rest = rest.slice(end + 2);
      found.data = data.join("\n");
      if (data.length > 0) on(found);
    }
  }
}
