// Watches calls being admitted, and says whether any span of a window held more than it may.
import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import type { Limit, Limiter } from "../../src/ephemeral/ephemeral.ts";

/** The call was admitted somewhere between these. */
export interface Admitted {
  readonly asked: number;
  readonly told: number;
}

/** What may lie between the admission and our being told, in one process that is also busy with all the other calls. */
const toleranceMs = 10;

export function assertNeverMore(admitted: readonly Admitted[], { most, windowMs }: Limit): void {
  const byTold = admitted.toSorted((a, b) => a.told - b.told);
  for (let first = 0; first + most < byTold.length; first += 1) {
    const calls = byTold.slice(first, first + most + 1);
    const from = Math.min(...calls.map(({ asked }) => asked));
    const span = (calls.at(-1)?.told ?? 0) - from;
    assert.ok(span > windowMs, `${most + 1} calls were admitted within ${span} ms of ${windowMs}`);
    const told = (calls.at(-1)?.told ?? 0) - (calls[0]?.told ?? 0);
    assert.ok(told > windowMs - toleranceMs, `${most + 1} calls were told within ${told} ms of ${windowMs}`);
  }
}

/** Calls as fast as they are answered, `lanes` at once on each limiter, until `forMs` are over. */
export async function hammer(
  limiters: readonly Limiter[],
  limits: readonly Limit[],
  { forMs, lanes = 3, pauseMs = 1 }: { forMs: number; lanes?: number; pauseMs?: number },
): Promise<Admitted[]> {
  const admitted: Admitted[] = [];
  const end = performance.now() + forMs;
  async function lane(limiter: Limiter): Promise<void> {
    while (performance.now() < end) {
      const asked = performance.now();
      const { kind } = await limiter.admit(limits);
      if (kind === "admitted") admitted.push({ asked, told: performance.now() });
      await sleep(pauseMs);
    }
  }
  await Promise.all(limiters.flatMap((limiter) => Array.from({ length: lanes }, async () => lane(limiter))));
  return admitted;
}
