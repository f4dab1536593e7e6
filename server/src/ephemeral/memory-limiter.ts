// Limits of a process that is alone: exact, in memory.
import type { Admission, Limit, Limiter, Standing } from "./ephemeral.ts";
import type { SlidingWindow } from "./sliding-window.ts";
import { Windows } from "./windows.ts";

export function makeMemoryLimiter(
  monotonic: () => number,
  windows = new Windows(),
  strangers = new Windows(),
): Limiter {
  const windowOf = ({ kind, key, windowMs }: Limit, now: number): SlidingWindow =>
    (kind === "stranger" ? strangers : windows).at(key, windowMs, now);
  return { admit: async (limits) => Promise.resolve(admit(limits, windowOf, monotonic())) };
}

// Without a wait inside, so that no other call comes between the look and the count.
function admit(
  limits: readonly Limit[],
  windowOf: (limit: Limit, now: number) => SlidingWindow,
  now: number,
): Admission {
  const found = limits.map((limit) => windowOf(limit, now));
  const isFull = (limit: Limit, at: number): boolean => (found[at]?.used(now) ?? 0) >= limit.most;
  if (limits.some(isFull)) {
    const standings = limits.map((limit, at) => standing(limit, found[at], now));
    return refusal(
      standings,
      standings.filter((_, at) => limits[at] !== undefined && isFull(limits[at], at)),
    );
  }
  // One call is counted once, also where two limits count it under one key.
  for (const window of new Set(found)) window.add(now, 1);
  return { kind: "admitted", standings: limits.map((limit, at) => standing(limit, found[at], now)) };
}

function standing({ name, most, windowMs }: Limit, window: SlidingWindow | undefined, now: number): Standing {
  const remaining = Math.max(0, most - (window?.used(now) ?? 0));
  return { name, most, windowMs, remaining, resetMs: remaining > 0 ? 0 : (window?.freeInMs(now) ?? 0) };
}

/** Of several limits that refuse, the one to tell is the one that stays so the longest. */
export function refusal(standings: readonly Standing[], full: readonly Standing[]): Admission {
  const [first, ...rest] = full;
  if (first === undefined) throw new TypeError("A refusal without a limit that refuses");
  return { kind: "refused", by: rest.reduce((by, next) => (next.resetMs > by.resetMs ? next : by), first), standings };
}
