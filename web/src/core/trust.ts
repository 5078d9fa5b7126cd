// The page's one Trusted Types policy: it lets through the address of our own worker and nothing
// else. Nothing here ever makes markup out of text.
import { home } from "./place";

declare const WORKER_FILE: string;

interface Policy {
  createScriptURL(url: string): unknown;
}
interface Factory {
  createPolicy(name: string, rules: { createScriptURL(url: string): string }): Policy;
}

const factory = (globalThis as { trustedTypes?: Factory }).trustedTypes;
const own = new URL(WORKER_FILE, home).href;
const policy = factory?.createPolicy("leat", {
  createScriptURL(url) {
    if (url !== own) throw new TypeError(`no worker of ours: ${url}`);
    return url;
  },
});

export function workerUrl(): unknown {
  return policy ? policy.createScriptURL(own) : own;
}
