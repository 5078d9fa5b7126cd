// The worker of a live tail: what comes is received, kept and read here, so that the page only draws.
import { Follower, type Asked, type Told } from "./core/follow";

const scope = self as unknown as {
  postMessage(told: Told): void;
  onmessage: ((e: MessageEvent<Asked>) => void) | null;
  location: { href: string };
};
const follower = new Follower(new URL("../../", scope.location.href), (told) => scope.postMessage(told));
scope.onmessage = (e) => follower.take(e.data);
