// Limits in memory against a plain model that keeps every call: never more than it, and refused at most one slice early.
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { makeMemoryLimiter } from "../../src/ephemeral/memory-limiter.ts";
import { SlidingWindow } from "../../src/ephemeral/sliding-window.ts";
import { Windows } from "../../src/ephemeral/windows.ts";
import { limit } from "./setups.ts";

const windowMs = fc.oneof(fc.integer({ min: 1, max: 5000 }), fc.constantFrom(1000, 60_000, 3_600_000));
/** Steps between two calls, as parts of a window: mostly short, sometimes beyond it, never backwards. */
const steps = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: fc.double({ min: 0, max: 0.05, noNaN: true }) },
    { weight: 3, arbitrary: fc.double({ min: 0, max: 0.7, noNaN: true }) },
    { weight: 1, arbitrary: fc.constantFrom(0, 0.999, 1, 1.001, 3) },
  ),
  { minLength: 1, maxLength: 300 },
);

test("over any course of calls, no span holds more than the limit, and none is refused that a slice later were free", async () => {
  await fc.assert(
    fc.asyncProperty(windowMs, fc.integer({ min: 1, max: 12 }), steps, async (window, most, course) => {
      let now = 1000;
      const limiter = makeMemoryLimiter(() => now);
      const admitted: number[] = [];
      const sliceMs = Math.ceil(window / 1000);
      for (const step of course) {
        now += step * window;
        const exact = admitted.filter((at) => now - at <= window).length;
        const early = admitted.filter((at) => now - at <= window + sliceMs).length;
        const { kind } = await limiter.admit([limit("k", most, window)]);
        if (kind === "admitted") admitted.push(now);
        if (kind === "admitted") assert.ok(exact < most, "admitted too many");
        else assert.ok(early >= most, "refused more than a slice early");
      }
    }),
    { numRuns: 400 },
  );
});

test("what a refusal says about when there is room again is true", async () => {
  await fc.assert(
    fc.asyncProperty(windowMs, fc.integer({ min: 1, max: 5 }), steps, async (window, most, course) => {
      let now = 1000;
      const limiter = makeMemoryLimiter(() => now);
      for (const step of course) {
        now += step * window;
        const admission = await limiter.admit([limit("k", most, window)]);
        if (admission.kind === "admitted") continue;
        assert.ok(admission.by.resetMs > 0 && admission.by.resetMs <= window + Math.ceil(window / 1000));
        now += admission.by.resetMs;
        assert.equal((await limiter.admit([limit("k", most, window)])).kind, "admitted");
      }
    }),
    { numRuns: 200 },
  );
});

test("several limits of several keys each hold, whatever mixture is asked", async () => {
  const asks = fc.array(fc.tuple(fc.subarray([0, 1, 2], { minLength: 1 }), fc.nat(400)), { maxLength: 200 });
  const all = [limit("a", 3, 1000), limit("a", 9, 5000), limit("b", 4, 2000)];
  await fc.assert(
    fc.asyncProperty(asks, async (course) => {
      let now = 0;
      const limiter = makeMemoryLimiter(() => now);
      const counted = all.map((): number[] => []);
      for (const [chosen, step] of course) {
        now += step;
        const asked = all.filter((_, at) => chosen.includes(at));
        const { kind } = await limiter.admit(asked);
        if (kind === "admitted") for (const at of chosen) counted[at]?.push(now);
        for (const [at, { most, windowMs: window }] of all.entries()) {
          assert.ok((counted[at] ?? []).filter((call) => now - call <= window).length <= most);
        }
      }
    }),
  );
});

test("a caller that invents keys never gets rid of its own counter, and everybody else is counted too", async () => {
  let now = 0;
  const windows = new Windows({ keysMax: 50, sharedMax: 4 });
  const limiter = makeMemoryLimiter(() => now, windows);
  const mine = limit("mine", 5, 60_000);
  for (let call = 0; call < 5; call += 1) assert.equal((await limiter.admit([mine])).kind, "admitted");
  const admitted = new Map<string, number>();
  for (let flood = 0; flood < 5000; flood += 1) {
    const key = `key ${flood % 400}`;
    const { kind } = await limiter.admit([limit(key, 5, 60_000)]);
    if (kind === "admitted") admitted.set(key, (admitted.get(key) ?? 0) + 1);
    now += 1;
    assert.equal((await limiter.admit([mine])).kind, "refused");
  }
  assert.ok(Math.max(...admitted.values()) <= 5);
  assert.ok(windows.size <= 54, "memory is bounded");
});

test("who was counted together with others while there was no place stays counted when there is", async () => {
  let now = 0;
  const windows = new Windows({ keysMax: 4, sharedMax: 1 });
  const limiter = makeMemoryLimiter(() => now, windows);
  for (const key of ["a", "b", "c", "d"]) await limiter.admit([limit(key, 3, 10_000)]);
  now = 9000;
  for (let call = 0; call < 3; call += 1) {
    assert.equal((await limiter.admit([limit("late", 3, 10_000)])).kind, "admitted");
  }
  // The first four are idle now, so there is room for a counter of its own.
  now = 11_000;
  assert.equal((await limiter.admit([limit("late", 3, 10_000)])).kind, "refused");
  now = 19_100;
  assert.equal((await limiter.admit([limit("late", 3, 10_000)])).kind, "admitted");
});

test("keys that are idle are forgotten", async () => {
  let now = 0;
  const windows = new Windows();
  const limiter = makeMemoryLimiter(() => now, windows);
  for (let key = 0; key < 20_000; key += 1) {
    await limiter.admit([limit(`key ${key}`, 5, 1000)]);
    now += 10;
  }
  assert.ok(windows.size < 200, `${windows.size} keys are remembered of the 100 that count`);
});

test("a counter that runs for ever at its limit keeps no more slices than a window has", () => {
  const window = new SlidingWindow(1000);
  let most = 0;
  for (let now = 0; now < 100_000; now += 1) {
    window.add(now, 1);
    most = Math.max(most, window.used(now));
  }
  assert.ok(most <= 1001, `${most}`);
});
