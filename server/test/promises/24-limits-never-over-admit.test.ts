// Promise 24: limits never over-admit: exact in one process, never late over several, whichever counter they share or lose.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { makeMemoryLimiter } from "../../src/ephemeral/memory-limiter.ts";
import { type CountingProcess, startCounting } from "../ephemeral/processes.ts";
import { limit, newKey, openSetup, type Setup } from "../ephemeral/setups.ts";
import { assertNeverMore } from "../ephemeral/watch.ts";
import { onEachDatabase } from "../support/databases.ts";
import type { Orders } from "../support/limits-main.ts";
import { withoutRedis } from "../support/redis.ts";

const windowMs = 1200;
const leaseMs = 1500;

test("one process admits exactly the limit in a window, to the call, and again as the window slides", async () => {
  let now = 5;
  const limiter = makeMemoryLimiter(() => now);
  const minute = limit(newKey(), 60, 60_000);
  const admitted: number[] = [];
  // A call every 100 ms for ten minutes: ten times as many as may.
  for (let call = 0; call < 6000; call += 1) {
    if ((await limiter.admit([minute])).kind === "admitted") admitted.push(now);
    now += 100;
  }
  assert.equal(admitted.length, 600);
  for (const from of admitted) assert.ok(admitted.filter((at) => at >= from && at <= from + 60_000).length <= 60);
});

function killed(title: string, skip: string | false, open: () => Promise<Setup>): void {
  describe(title, { skip }, () => {
    let setup: Setup;
    let orders: Orders;
    const processes: CountingProcess[] = [];
    const all = () => processes.flatMap(({ admitted }) => admitted);
    const start = async (): Promise<CountingProcess> => {
      const one = await startCounting(orders);
      processes.push(one);
      return one;
    };
    before(async () => {
      setup = await open();
      orders = {
        ...setup.shared,
        limit: { key: newKey(), most: 60, windowMs },
        slots: { key: newKey(), most: 2, leaseMs },
        total: { key: newKey(), most: 400 },
      };
    });
    after(async () => {
      for (const one of processes) await one.crash();
      await setup.close();
    });

    test("three processes under fire, one of them killed and one begun anew, never admit more together than the limit", async () => {
      const three = await Promise.all([start(), start(), start()]);
      await sleep(windowMs);
      if (setup.line !== undefined && title.includes("lost")) setup.line.cut();
      await three[0].crash();
      await start();
      await sleep(2 * windowMs);
      setup.line?.mend();
      await sleep(1.5 * windowMs);
      assertNeverMore(all(), limit("", 60, windowMs));
      assert.ok(all().length > 70, `only ${all().length} were admitted`);
    });

    test("of the calls at once two were let in, and the place of one that was killed was free when its lease was over", async () => {
      assert.equal(processes.slice(0, 3).filter((one) => one.holds()).length, 2);
      const living = processes.findLast((one) => one.holds() && one.isAlive()) ?? assert.fail();
      for (const one of processes.filter((other) => other !== living)) await one.crash();
      await sleep(leaseMs + 500);
      const late = setup.open({ leaseMs });
      assert.ok(await late.slots.take(orders.slots.key, 2));
      assert.equal(await late.slots.take(orders.slots.key, 2), undefined);
      await living.crash();
    });

    test("of a total that ends, never more was given out than there is; what was lost are shares of the killed ones", async () => {
      const given = processes.reduce((sum, one) => sum + one.counted(), 0);
      assert.ok(given <= 400, `${given} given out`);
      const late = setup.open();
      let left = 0;
      while (await late.totals.take(orders.total.key, { most: 400, amount: 1 })) left += 1;
      assert.ok(given + left <= 400 && given + left >= 400 - processes.length * 4 - 4, `${given} and ${left}`);
    });
  });
}

killed("over Redis", withoutRedis, async () => openSetup("redis", 0));

onEachDatabase("over the database", (kind) => {
  if (kind === "sqlite") return;
  killed("alone", false, async () => openSetup("postgres", 0));
  killed("while Redis is lost and found", withoutRedis, async () => openSetup("redis lost", 0));
});

onEachDatabase("with no counter to reach", (kind) => {
  test("calls are let through up to the limit by each process, and the log says that it counts alone", async () => {
    const setup = await openSetup(kind === "sqlite" ? "memory" : "postgres", 0);
    const unreachable = { url: "redis://127.0.0.1:1/", prefix: "none:" };
    const alone = setup.open({ redis: unreachable, counters: null });
    const one = limit(newKey(), 5, 60_000);
    const outcomes = [];
    for (let call = 0; call < 8; call += 1) outcomes.push((await alone.limiter.admit([one])).kind);
    assert.deepEqual(outcomes, [...Array<string>(5).fill("admitted"), ...Array<string>(3).fill("refused")]);
    assert.deepEqual(
      setup.warned.map(({ message }) => message),
      ["Redis does not answer: limits are counted without it until it does"],
    );
    await setup.close();
  });
});
