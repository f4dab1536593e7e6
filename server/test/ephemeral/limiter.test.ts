// Sliding limits, counted in memory, in Redis, in PostgreSQL, and while Redis is lost.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { Admission, Limit } from "../../src/ephemeral/ephemeral.ts";
import { limit, newKey, onEachSetup, openSetup, type Setup } from "./setups.ts";
import { assertNeverMore, hammer } from "./watch.ts";

onEachSetup("limits", (kind) => {
  let setup: Setup;
  before(async () => {
    setup = await openSetup(kind, 3);
  });
  after(async () => setup.close());

  const limiters = () => setup.replicas.map(({ limiter }) => limiter);
  async function ask(limits: readonly Limit[]): Promise<Admission> {
    const [limiter = assert.fail()] = limiters();
    return limiter.admit(limits);
  }
  /** Redis goes away in the middle of what runs, and comes back after that. */
  async function disturbed<T>(work: Promise<T>, forMs: number): Promise<T> {
    if (kind !== "redis lost") return work;
    await sleep(forMs * 0.35);
    setup.line?.cut();
    await sleep(forMs * 0.35);
    setup.line?.mend();
    return work;
  }

  describe("under fire", { concurrency: true }, () => {
    for (const { most, windowMs, forMs } of [
      { most: 1, windowMs: 200, forMs: 1000 },
      { most: 40, windowMs: 1000, forMs: 3600 },
      { most: 1000, windowMs: 1500, forMs: 4000 },
    ]) {
      test(`no span of ${windowMs} ms holds more than ${most} calls, and nearly as many are admitted`, async () => {
        const one = limit(newKey(), most, windowMs);
        const lanes = most > 100 ? 10 : 3;
        const admitted = await disturbed(hammer(limiters(), [one], { forMs, lanes, pauseMs: 1 }), forMs);
        assertNeverMore(admitted, one);
        const windows = Math.floor(forMs / (windowMs * 1.3));
        // Windows this short are hard on a counter that is some milliseconds away, on a machine that is busy.
        const share = { memory: 0.9 * windows, redis: 0.6 * windows, postgres: 0.5, "redis lost": 0.5 }[kind];
        const least = share * most;
        assert.ok(admitted.length >= least, `${admitted.length} of ${least}`);
      });
    }
  });

  test("several limits count a call all together or not at all", async () => {
    const [wide, narrow] = [limit(newKey(), 10, 60_000), limit(newKey(), 2, 60_000)];
    const [limiter] = limiters();
    assert.ok(limiter);
    for (let call = 0; call < 2; call += 1) assert.equal((await limiter.admit([wide, narrow])).kind, "admitted");
    for (let call = 0; call < 5; call += 1) assert.equal((await limiter.admit([wide, narrow])).kind, "refused");
    for (let call = 0; call < 8; call += 1) assert.equal((await limiter.admit([wide])).kind, "admitted");
    assert.equal((await limiter.admit([wide])).kind, "refused");
  });

  test("what other limits refused is free again for other processes at once", async () => {
    const [wide, none] = [limit(newKey(), 100, 60_000), limit(newKey(), 1, 60_000)];
    const [first, last] = [limiters()[0], limiters().at(-1)];
    await Promise.all(Array.from({ length: 50 }, async () => first?.admit([wide, none])));
    await sleep(100);
    const many = await Promise.all(Array.from({ length: 98 }, async () => last?.admit([wide])));
    assert.equal(many.filter((admission) => admission?.kind === "refused").length, 0);
  });

  test("a call is told how each limit stands, and which one refuses the longest", async () => {
    const [minute, hour] = [
      { ...limit(newKey(), 3, 60_000), name: "minute" },
      { ...limit(newKey(), 3, 3_600_000), name: "hour" },
    ];
    for (const left of [2, 1, 0]) {
      const { kind: outcome, standings } = await ask([minute, hour]);
      assert.equal(outcome, "admitted");
      assert.deepEqual(
        standings.map(({ name, remaining }) => [name, remaining]),
        [
          ["minute", left],
          ["hour", left],
        ],
      );
      const [{ resetMs, most, windowMs } = assert.fail()] = standings;
      assert.deepEqual([most, windowMs], [3, 60_000]);
      // Until the oldest slice has left the window: a window, and at most a slice and a share's life more.
      assert.ok(left > 0 ? resetMs === 0 : resetMs > 55_000 && resetMs < 63_000, `${resetMs}`);
    }
    const refused = await ask([minute, hour]);
    assert.ok(refused.kind === "refused");
    const { name, remaining, resetMs } = refused.by;
    assert.deepEqual([name, remaining], ["hour", 0]);
    assert.ok(resetMs > 3_500_000 && resetMs < 3_700_000, `${resetMs}`);
  });

  test("one key over two windows is two limits, and two limits over one key count a call once", async () => {
    const key = newKey();
    const [limiter] = limiters();
    for (let call = 0; call < 4; call += 1) {
      assert.equal((await limiter?.admit([limit(key, 4, 60_000), limit(key, 6, 60_000)]))?.kind, "admitted");
    }
    assert.equal((await limiter?.admit([limit(key, 4, 60_000)]))?.kind, "refused");
    assert.equal((await limiter?.admit([limit(key, 4, 30_000)]))?.kind, "admitted");
  });

  test("a limit that grows or shrinks between two calls counts what there was", async () => {
    const key = newKey();
    const [limiter] = limiters();
    for (let call = 0; call < 3; call += 1) await limiter?.admit([limit(key, 10, 60_000)]);
    await sleep(30);
    assert.equal((await limiter?.admit([limit(key, 2, 60_000)]))?.kind, "refused");
    assert.equal((await limiter?.admit([limit(key, 0, 60_000)]))?.kind, "refused");
  });

  test("what a process kept in store for a while is not used after its time", async () => {
    const one = limit(newKey(), 400, 1000);
    const [first = assert.fail(), second = first] = limiters();
    await first.admit([one]);
    await sleep(950);
    assert.equal((await first.admit([one])).kind, "admitted");
    await sleep(110);
    // The first call has left the window, the second has not.
    const many = await Promise.all(Array.from({ length: 500 }, async () => second.admit([one])));
    const admitted = many.filter(({ kind: outcome }) => outcome === "admitted").length;
    assert.ok(admitted <= 399 && admitted >= 390, `${admitted}`);
  });

  test("hundreds of calls at the same moment cost the shared counter a handful of questions", async () => {
    const one = limit(newKey(), 5000, 60_000);
    const [limiter = assert.fail()] = limiters();
    const started = performance.now();
    for (let burst = 0; burst < 10; burst += 1) {
      const many = await Promise.all(Array.from({ length: 300 }, async () => limiter.admit([one])));
      assert.ok(many.every(({ kind: outcome }) => outcome === "admitted"));
    }
    assert.ok(performance.now() - started < 2000);
  });

  test("calls that trickle in one by one while others wait are all admitted while there is room", async () => {
    const one = limit(newKey(), 100, 60_000);
    const [limiter = assert.fail()] = limiters();
    const outcomes: Promise<Admission>[] = [];
    for (let call = 0; call < 100; call += 1) {
      outcomes.push(limiter.admit([one]));
      // Sometimes within the same turn of the event loop, sometimes just when an answer comes in.
      if (call % 3 > 0) await new Promise((resolve) => setImmediate(resolve));
    }
    assert.ok((await Promise.all(outcomes)).every(({ kind: outcome }) => outcome === "admitted"));
    assert.equal((await limiter.admit([one])).kind, "refused");
  });
});
