// Requests to the hub. An error carries what the hub said: its sentence and, where it gave one, its
// code.
import { ApiError, refusal } from "./error";
import { root } from "./place";
import { readEvents, type FeedEvent } from "./sse";

export { ApiError, errorOf } from "./error";

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
  throw await refusal(answer);
}

export async function ask<T>(method: string, path: string, body?: Body | string, init?: RequestInit): Promise<T> {
  const answer = await request(method, path, body, init);
  const text = await answer.text();
  return (text ? JSON.parse(text) : undefined) as T;
}

export const get = <T>(path: string, init?: RequestInit) => ask<T>("GET", path, undefined, init);

/** A path of encoded segments. */
export const path = (...segments: string[]) => "/" + segments.map(encodeURIComponent).join("/");

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
  await readEvents(answer, on);
}
