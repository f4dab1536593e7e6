// What a refusal tells its caller, and what GitHub says when it refuses.
import assert from "node:assert/strict";
import type { Answer } from "./house.ts";

/** What the caller has to know: which refusal, when to come back, what to do. */
export interface Told {
  readonly status: number;
  readonly code: string;
  readonly retry: string | null;
  readonly action: string;
}

export function told(answer: Answer): Told {
  const { code, next } = answer.json;
  assert.equal(answer.headers.get("content-type"), "application/problem+json", answer.text);
  return { status: answer.status, code, retry: answer.headers.get("retry-after"), action: next.action };
}

export const says = (message: string): string =>
  JSON.stringify({ message, documentation_url: "https://docs.github.com/rest" });
