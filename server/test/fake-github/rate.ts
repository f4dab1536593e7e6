// Counts calls per identity and resource so answers carry true x-ratelimit-* headers. Nothing is refused here yet.

interface Window {
  used: number;
  resetAt: number;
}

export interface Rate {
  limit: number;
  remaining: number;
  used: number;
  reset: number;
  resource: string;
}

const HOUR_MS = 3_600_000;
const SEARCH_WINDOW_MS = 60_000;

export class RateBook {
  readonly #clock: { now(): number };
  readonly #windows = new Map<string, Window>();

  constructor(clock: { now(): number }) {
    this.#clock = clock;
  }

  /** cost 0 reads without counting: /rate_limit, and an authorised 304. */
  count(identity: string, resource: string, cost: number): Rate {
    const limit = limitOf(identity, resource);
    const key = JSON.stringify([identity, resource]);
    const now = this.#clock.now();
    let window = this.#windows.get(key);
    if (window === undefined || window.resetAt <= now) {
      window = { used: 0, resetAt: now + (resource === "search" ? SEARCH_WINDOW_MS : HOUR_MS) };
      this.#windows.set(key, window);
    }
    window.used += cost;
    return {
      limit,
      remaining: Math.max(0, limit - window.used),
      used: window.used,
      reset: Math.floor(window.resetAt / 1000),
      resource,
    };
  }
}

/** github-facts 3.7: 60 an hour without credentials, 5,000 with; search has its own minute. */
function limitOf(identity: string, resource: string): number {
  if (resource === "search") return identity === "anonymous" ? 10 : 30;
  if (resource === "graphql") return identity === "anonymous" ? 0 : 5000;
  return identity === "anonymous" ? 60 : 5000;
}

export function rateHeaders(rate: Rate): Record<string, string> {
  return {
    "X-RateLimit-Limit": String(rate.limit),
    "X-RateLimit-Remaining": String(rate.remaining),
    "X-RateLimit-Reset": String(rate.reset),
    "X-RateLimit-Used": String(rate.used),
    "X-RateLimit-Resource": rate.resource,
  };
}
