// The page's one Trusted Types policy: it lets through the addresses of our own workers and nothing
// else. Nothing here ever makes markup out of text.
import { home } from "./place";

declare const WORKER_FILE: string;
declare const TAILER_FILE: string;

interface Policy {
  createScriptURL(url: string): unknown;
}
interface Factory {
  createPolicy(name: string, rules: { createScriptURL(url: string): string }): Policy;
}

const factory = (globalThis as { trustedTypes?: Factory }).trustedTypes;
const own = [WORKER_FILE, TAILER_FILE].map((file) => new URL(file, home).href);
const policy = factory?.createPolicy("leat", {
  createScriptURL(url) {
    if (!own.includes(url)) throw new TypeError(`no worker of ours: ${url}`);
    return url;
  },
});

const trusted = (url: string): unknown => (policy ? policy.createScriptURL(url) : url);
export const workerUrl = () => trusted(own[0]!);
export const tailerUrl = () => trusted(own[1]!);
