// Server-sent events of an answer, as they come. No DOM.

/** The hub beats every 5 s: a stream that is silent so long is lost, whatever the browser thinks. */
export const SILENCE_MS = 25_000;

export interface FeedEvent {
  event: string;
  id: string;
  data: string;
}

export async function readEvents(answer: Response, on: (e: FeedEvent) => void, heard?: () => void): Promise<void> {
  const reader = answer.body!.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    heard?.();
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
