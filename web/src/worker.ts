// The SharedWorker: one stream from the hub for all tabs of a browser, so that they agree and the
// six connections that a browser opens to one address are left for requests.
import { Feed } from "./core/feed";

interface Scope {
  onconnect: ((e: MessageEvent) => void) | null;
  location: { href: string };
}
const scope = self as unknown as Scope;

const ports = new Set<MessagePort>();
const url = new URL("../../hub/v1/stream", scope.location.href).href;
const feed = new Feed(url, (told) => {
  for (const port of ports) port.postMessage(told);
});
let started = false;

scope.onconnect = (e) => {
  const port = e.ports[0]!;
  port.onmessage = (m) => {
    if (m.data === "hurry") feed.hurry();
    if (m.data === "bye") {
      ports.delete(port);
      if (ports.size === 0) {
        feed.stop();
        started = false;
      }
    }
  };
  ports.add(port);
  if (!started) {
    started = true;
    feed.start();
  }
  for (const told of feed.now()) port.postMessage(told);
};
