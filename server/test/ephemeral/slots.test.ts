// Calls at once, counted in memory, in Redis, in PostgreSQL, and while Redis is lost.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { Slot } from "../../src/ephemeral/ephemeral.ts";
import { newKey, onEachSetup, openSetup, type Setup } from "./setups.ts";

onEachSetup("calls at once", (kind) => {
  let setup: Setup;
  before(async () => {
    setup = await openSetup(kind, 3);
  });
  after(async () => setup.close());

  const slots = () => setup.replicas.map((replica) => replica.slots);
  const ofFirst = () => slots()[0] ?? assert.fail();
  async function takeAll(key: string, most: number, count: number): Promise<Slot[]> {
    const asked = Array.from({ length: count }, async (_, at) => slots()[at % slots().length]?.take(key, most));
    return (await Promise.all(asked)).filter((slot) => slot !== undefined);
  }

  test("of many calls at the same moment as many run as may", async () => {
    const key = newKey();
    const taken = await takeAll(key, 5, 30);
    assert.equal(taken.length, 5);
    assert.equal(await ofFirst().take(key, 5), undefined);
    for (const slot of taken) slot.release();
  });

  test("a released slot is free again, once, however often it is released", async () => {
    const key = newKey();
    const [first] = await takeAll(key, 2, 1);
    const second = await ofFirst().take(key, 2);
    assert.ok(first !== undefined && second !== undefined);
    for (let again = 0; again < 3; again += 1) first.release();
    await sleep(100);
    assert.ok(await ofFirst().take(key, 2));
    assert.equal(await ofFirst().take(key, 2), undefined);
  });

  test("never do more run than may, however calls come and go", async () => {
    const key = newKey();
    let running = 0;
    let peak = 0;
    const end = performance.now() + 2500;
    const lanes = slots().flatMap((of) =>
      Array.from({ length: 4 }, async () => {
        while (performance.now() < end) {
          const slot = await of.take(key, 4);
          if (slot !== undefined) {
            peak = Math.max(peak, (running += 1));
            await sleep(3);
            running -= 1;
            slot.release();
          }
          await sleep(1);
        }
      }),
    );
    if (kind === "redis lost") {
      await sleep(800);
      setup.line?.cut();
      await sleep(800);
      setup.line?.mend();
    }
    await Promise.all(lanes);
    assert.ok(peak <= 4 && peak > 0, `${peak} ran at once`);
  });

  test("a process that ends frees what it held", { skip: kind === "memory" }, async () => {
    const key = newKey();
    const ending = setup.open();
    for (let count = 0; count < 3; count += 1) assert.ok(await ending.slots.take(key, 3));
    assert.equal(await ofFirst().take(key, 3), undefined);
    await ending.close();
    assert.equal((await takeAll(key, 3, 9)).length, 3);
  });

  test("what runs while Redis is lost still counts where the others count", {
    skip: kind !== "redis lost",
  }, async () => {
    const key = newKey();
    await sleep(1500);
    const taken = await takeAll(key, 6, 4);
    assert.equal(taken.length, 4);
    setup.line?.cut();
    await sleep(300);
    assert.equal((await takeAll(key, 6, 12)).length, 2);
    setup.line?.mend();
  });
});
