// The SharedWorker: two streams from the hub for all tabs of a browser, so that they agree and the
// six connections that a browser opens to one address are left for requests.
import { Station, type Said } from "./core/station";

interface Scope {
  onconnect: ((e: MessageEvent) => void) | null;
  location: { href: string };
}
const scope = self as unknown as Scope;

const station = new Station(new URL("../..", scope.location.href));

scope.onconnect = (e) => {
  const port = e.ports[0]!;
  const say = station.join((heard) => port.postMessage(heard));
  port.onmessage = (m) => say(m.data as Said);
};
