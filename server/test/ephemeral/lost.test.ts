// What becomes of limits when Redis, or all that is shared, goes away and comes back.
import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { Ephemeral, Limit } from "../../src/ephemeral/ephemeral.ts";
import { onEachDatabase } from "../support/databases.ts";
import { type Line, lineTo, withoutRedis } from "../support/redis.ts";
import { limit, newKey, openSetup, type Setup } from "./setups.ts";
import { assertNeverMore, hammer } from "./watch.ts";

async function admitted({ limiter }: Ephemeral, one: Limit, calls: number): Promise<number> {
  const many = await Promise.all(Array.from({ length: calls }, async () => limiter.admit([one])));
  return many.filter(({ kind }) => kind === "admitted").length;
}

function pair({ replicas }: Setup): [Ephemeral, Ephemeral] {
  const [first, second] = replicas;
  assert.ok(first !== undefined && second !== undefined);
  return [first, second];
}

onEachDatabase("without Redis", (database) => {
  describe("while it is away", { skip: withoutRedis }, () => {
    let setup: Setup;
    beforeEach(async () => {
      setup = await openSetup(database === "sqlite" ? "redis" : "redis lost", 2);
    });
    const lines: Line[] = [];
    afterEach(async () => {
      await setup.close();
      for (const line of lines.splice(0)) await line.close();
    });

    test("a call waits for a silent Redis once, and is told in the log once", async () => {
      const [first] = pair(setup);
      assert.equal(await admitted(first, limit(newKey(), 5, 60_000), 1), 1);
      setup.line?.silence();
      const durations: number[] = [];
      for (let call = 0; call < 40; call += 1) {
        const started = performance.now();
        assert.equal(await admitted(first, limit(newKey(), 5, 60_000), 1), 1);
        durations.push(performance.now() - started);
        await sleep(50);
      }
      assert.ok(durations.filter((ms) => ms > 200).length <= 1, `${durations.map(Math.round).join(" ")}`);
      assert.ok(Math.max(...durations) < 1500);
      assert.deepEqual(
        setup.warned.map(({ message }) => message),
        ["Redis does not answer: limits are counted without it until it does"],
      );
      assert.equal(await first.ping(), false);
    });

    test("it is used again as soon as it answers, and that is told too", async () => {
      const [first, second] = pair(setup);
      setup.line?.cut();
      await admitted(first, limit(newKey(), 5, 60_000), 1);
      await admitted(second, limit(newKey(), 5, 60_000), 1);
      setup.line?.mend();
      await sleep(2500);
      assert.equal(await first.ping(), true);
      const one = limit(newKey(), 10, 60_000);
      assert.equal((await admitted(first, one, 7)) + (await admitted(second, one, 7)), 10);
      assert.ok(Object.keys(await setup.dumpRedis()).some((key) => key.includes(one.key)));
      assert.equal(setup.warned.filter(({ message }) => message.includes("answers again")).length, 2);
    });

    test("what was admitted before the loss still counts after it, and what was admitted meanwhile after the return", async () => {
      const [first, second] = pair(setup);
      const one = limit(newKey(), 20, 60_000);
      assert.equal((await admitted(first, one, 6)) + (await admitted(second, one, 6)), 12);
      setup.line?.cut();
      // Only the one that asked last knows of all twelve; with SQL it tells the other.
      assert.equal(await admitted(second, one, 3), 3);
      await sleep(300);
      const more = await admitted(first, one, 20);
      if (database === "postgres") assert.equal(more, 5);
      else assert.ok(more <= 14);
      setup.line?.mend();
      await sleep(4000);
      assert.equal((await admitted(first, one, 20)) + (await admitted(second, one, 20)), 0);
    });

    test("who finds Redis again first still sees what the others count in SQL", {
      skip: database === "sqlite",
    }, async () => {
      const [first] = pair(setup);
      const own = await lineTo(setup.shared.redis?.url ?? "");
      lines.push(own);
      const late = setup.open({ redis: { url: own.url, prefix: setup.shared.redis?.prefix } });
      const one = limit(newKey(), 20, 60_000);
      assert.equal((await admitted(first, one, 2)) + (await admitted(late, one, 2)), 4);
      own.cut();
      setup.line?.cut();
      assert.equal((await admitted(first, one, 2)) + (await admitted(late, one, 2)), 4);
      setup.line?.mend();
      // Both that use this line, the third does not.
      while (setup.warned.filter(({ message }) => message.includes("answers again")).length < 2) await sleep(20);
      assert.equal(await admitted(late, one, 8), 8);
      assert.equal(await admitted(first, one, 20), 4);
    });

    test("a Redis that comes back empty is told what it had given out", async () => {
      const [first] = pair(setup);
      const one = limit(newKey(), 20, 60_000);
      assert.equal(await admitted(first, one, 12), 12);
      setup.line?.cut();
      await setup.forgetRedis();
      await sleep(100);
      setup.line?.mend();
      await sleep(2500);
      assert.equal(await admitted(first, one, 20), 8);
    });

    test("a Redis that was never there costs nothing but the log line", async () => {
      setup.line?.cut();
      const late = setup.open();
      const one = limit(newKey(), 10, 60_000);
      assert.equal(await admitted(late, one, 20), 10);
      assert.equal(await late.ping(), false);
      assert.ok(setup.warned.some(({ message }) => message.startsWith("Redis does not answer")));
    });

    test("replicas that start and end all the time never admit more together", async () => {
      const one = limit(newKey(), 60, 1500);
      const rolling = async () => {
        const calls = [];
        for (let start = 0; start < 4; start += 1) {
          const born = setup.open();
          calls.push(...(await hammer([born.limiter], [one], { forMs: 700 })));
          await born.close();
        }
        return calls;
      };
      const [kept, rolled] = await Promise.all([
        hammer([pair(setup)[0].limiter], [one], { forMs: 3000, pauseMs: 5 }),
        rolling(),
      ]);
      assertNeverMore([...kept, ...rolled], one);
    });
  });
});

onEachDatabase("without any shared counter", (database) => {
  test("limits stay, for each process by itself, and the log says so", { skip: database === "sqlite" }, async () => {
    const setup = await openSetup("postgres", 1);
    const away = async () => Promise.reject(new Error("connection refused"));
    const alone = setup.open({
      counters: {
        ...setup.counters,
        ask: away,
        takeSlots: away,
        keepSlots: away,
        freeSlots: away,
        ping: away,
        learn: away,
      },
    });
    const one = limit(newKey(), 10, 60_000);
    assert.equal(await admitted(alone, one, 25), 10);
    const slots = await Promise.all(Array.from({ length: 5 }, async () => alone.slots.take("s", 3)));
    assert.equal(slots.filter((slot) => slot !== undefined).length, 3);
    assert.deepEqual(
      setup.warned.map(({ message }) => message),
      ["The database does not answer: limits are counted without it until it does"],
    );
    await setup.close();
  });

  test("calls that began while nothing answered count for all as soon as it does", {
    skip: database === "sqlite",
  }, async () => {
    const setup = await openSetup("postgres", 1);
    let isAway = true;
    const away = async <T>(work: () => Promise<T>): Promise<T> =>
      isAway ? Promise.reject(new Error("connection refused")) : work();
    const { takeSlots, keepSlots, ping } = setup.counters;
    const cutOff = setup.open({
      counters: {
        ...setup.counters,
        takeSlots: async (ask) => away(async () => takeSlots(ask)),
        keepSlots: async (slots, leaseMs) => away(async () => keepSlots(slots, leaseMs)),
        ping: async () => away(ping),
      },
    });
    const key = newKey();
    const taken = await Promise.all(Array.from({ length: 3 }, async () => cutOff.slots.take(key, 3)));
    assert.ok(taken.every((slot) => slot !== undefined));
    isAway = false;
    await sleep(1500);
    const other = setup.replicas[0]?.slots;
    assert.equal(await other?.take(key, 3), undefined);
    for (const slot of taken) slot.release();
    await sleep(200);
    assert.ok(await other?.take(key, 3));
    await setup.close();
  });
});
