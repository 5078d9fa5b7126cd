// The page's requests: those of http.ts, below the hub's root.
import { below, feed as feedFrom, request as requestFrom, type Body, type FeedEvent } from "./http";
import { root } from "./place";

export { ApiError, path, type Body } from "./http";

export const request = (method: string, where: string, body?: Body, init?: RequestInit) =>
  requestFrom(method, below(root, where), body, init);

export async function ask<T>(method: string, where: string, body?: Body, init?: RequestInit): Promise<T> {
  const answer = await request(method, where, body, init);
  const text = await answer.text();
  return (text ? JSON.parse(text) : undefined) as T;
}

export const get = <T>(where: string, init?: RequestInit) => ask<T>("GET", where, undefined, init);

export const feed = (method: string, where: string, body: Body | undefined, on: (e: FeedEvent) => void, signal?: AbortSignal) =>
  feedFrom(method, below(root, where), body, on, signal);
