// Requests, and events of a stream, for page and workers: no DOM. An error carries what the hub said:
// its sentence and, where it gave one, its code.

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
function errorOf(status: number, text: string): ApiError {
  const found = /^([\s\S]*?)\s*\[([a-z_0-9]+\.[a-z_0-9.]+)\]\s*$/.exec(text);
  return found ? new ApiError(status, found[1]!, found[2]!) : new ApiError(status, text, "");
}

export type Body = Record<string, unknown> | unknown[];

export async function request(method: string, where: URL, body?: Body, init: RequestInit = {}): Promise<Response> {
  const headers: Record<string, string> = { ...(init.headers as Record<string, string>) };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  let answer: Response;
  try {
    answer = await fetch(where, {
      ...init,
      method,
      headers,
      body: body === undefined ? undefined : JSON.stringify(body),
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

/** A path of encoded segments. */
export const path = (...segments: string[]) => "/" + segments.map(encodeURIComponent).join("/");

/** A path of the hub, below its root. */
export const below = (root: URL, where: string) => new URL(where.replace(/^\//, ""), root);

export interface FeedEvent {
  event: string;
  id: string;
  data: string;
}

function eventOf(text: string): FeedEvent {
  const found: FeedEvent = { event: "message", id: "", data: "" };
  const data: string[] = [];
  for (const line of text.split("\n")) {
    const at = line.indexOf(":");
    if (at <= 0) continue;
    const value = line.slice(at + 1).replace(/^ /, "");
    if (line.startsWith("event")) found.event = value;
    else if (line.startsWith("id")) found.id = value;
    else if (line.startsWith("data")) data.push(value);
  }
  found.data = data.join("\n");
  return found;
}

/** Server-sent events of one request with a body, which EventSource cannot send. */
export async function feed(method: string, where: URL, body: Body | undefined, on: (e: FeedEvent) => void, signal?: AbortSignal): Promise<void> {
  const answer = await request(method, where, body, { signal, headers: { Accept: "text/event-stream" } });
  const reader = answer.body!.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    rest += value;
    let from = 0;
    for (let end = rest.indexOf("\n\n"); end >= 0; end = rest.indexOf("\n\n", from)) {
      const found = eventOf(rest.slice(from, end));
      from = end + 2;
      if (found.data) on(found);
    }
    rest = rest.slice(from);
  }
}
