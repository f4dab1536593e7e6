// Breaks chosen exchanges on purpose: which request a fault takes, and what it does to the socket (github-facts 4.1, item 12).

import type { ServerResponse } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import type { Ask, Reply } from "./exchange.ts";
import { reply } from "./exchange.ts";
import type { Fault } from "./types.ts";

export class FaultBook {
  readonly #waiting: { spec: Fault; left: number }[] = [];

  add(spec: Fault): void {
    this.#waiting.push({ spec, left: spec.times ?? 1 });
  }

  take(ask: Ask): Fault | null {
    const index = this.#waiting.findIndex(({ spec }) => matches(spec, ask));
    const found = this.#waiting[index];
    if (found === undefined) return null;
    found.left -= 1;
    if (found.left <= 0) this.#waiting.splice(index, 1);
    return found.spec;
  }
}

function matches(fault: Fault, ask: Ask): boolean {
  if (fault.origin !== undefined && fault.origin !== ask.origin) return false;
  if (ask.origin === "storage") return false;
  if (fault.method !== undefined && fault.method.toUpperCase() !== ask.method) return false;
  return fault.path === undefined || ask.url.search(fault.path) !== -1;
}

/** The reply a fault gives in place of processing, if it is of that kind. */
export function substitute(fault: Fault, now: number): Reply | null {
  switch (fault.kind) {
    case "status":
      return plain(fault, fault.status ?? 500, fault.body ?? serverError(fault.status ?? 500));
    case "primary-limit-403":
      return primary(fault, 403, now);
    case "primary-limit-429":
      return primary(fault, 429, now);
    case "secondary-limit":
      return secondary(fault, now);
    default:
      return null;
  }
}

function plain(fault: Fault, status: number, body: string, headers: Record<string, string> = {}): Reply {
  const type = body.startsWith("<") ? "text/html; charset=utf-8" : "application/json; charset=utf-8";
  const all = Object.entries({ Server: "GitHub.com", "Content-Type": type, ...headers, ...fault.headers });
  return reply(status, Object.fromEntries(all.filter(([, value]) => value !== "")), body);
}

/** GitHub's 502 and 504 are JSON with one message; its 500 and 503 come from the edge as HTML. */
function serverError(status: number): string {
  if (status === 502 || status === 504) return JSON.stringify({ message: "Server Error" });
  if (status >= 500)
    return "<html><head><title>Unicorn!</title></head><body>We had issues producing the response to your request.</body></html>";
  return JSON.stringify({
    message: "Error",
    documentation_url: "https://docs.github.com/rest",
    status: String(status),
  });
}

/** Limits, header values and texts: rate-limits-for-the-rest-api. No retry-after on a primary limit. */
function primary(fault: Fault, status: number, now: number): Reply {
  const body = {
    message: "API rate limit exceeded for user ID 1.",
    documentation_url: "https://docs.github.com/rest/overview/rate-limits-for-the-rest-api",
    status: String(status),
  };
  return plain(fault, fault.status ?? status, fault.body ?? JSON.stringify(body), {
    "X-RateLimit-Limit": "5000",
    "X-RateLimit-Remaining": "0",
    "X-RateLimit-Used": "5001",
    "X-RateLimit-Reset": String(Math.floor(now / 1000) + 1800),
    "X-RateLimit-Resource": "core",
  });
}

function secondary(fault: Fault, now: number): Reply {
  const status = fault.status ?? 403;
  const body = {
    documentation_url: "https://docs.github.com/rest/overview/rate-limits-for-the-rest-api#about-secondary-rate-limits",
    message: "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.",
    status: String(status),
  };
  return plain(fault, status, fault.body ?? JSON.stringify(body), {
    "Retry-After": "60",
    "X-RateLimit-Limit": "5000",
    "X-RateLimit-Remaining": "4321",
    "X-RateLimit-Used": "679",
    "X-RateLimit-Reset": String(Math.floor(now / 1000) + 1800),
    "X-RateLimit-Resource": "core",
  });
}

/** Waits as the fault says; the fake closing ends every wait. */
export async function delay(fault: Fault, when: "before" | "after", closing: AbortSignal): Promise<void> {
  if (fault.kind !== "hold" && fault.kind !== "slow-headers") return;
  if ((fault.before ?? false) !== (when === "before")) return;
  const closed = new Promise<void>((resolve) => closing.addEventListener("abort", () => resolve(), { once: true }));
  if (fault.kind === "slow-headers")
    await Promise.race([sleep(fault.delayMs ?? 1000, undefined, { ref: false }), closed]);
  else await Promise.race([fault.release ?? new Promise<void>(() => {}), closed]);
}

/** Sends a reply through a fault that lets headers out but spoils the body. */
export async function sendSpoiled(fault: Fault, out: ServerResponse, body: Buffer): Promise<void> {
  const half = Math.max(1, Math.floor(body.length / 2));
  out.flushHeaders();
  out.write(body.subarray(0, half));
  if (fault.kind === "truncate") {
    // Give the first half time to reach the reader, then cut: Content-Length promised more.
    await sleep(20);
    out.destroy();
    return;
  }
  await sleep(fault.delayMs ?? 1000, undefined, { ref: false });
  out.end(body.subarray(half));
}
