// Totals over the whole life of a key: never more than there is, over any number of processes.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { SharedTotals } from "../../src/ephemeral/totals.ts";
import { onEachDatabase } from "../support/databases.ts";
import { type Counters, monotonic, newKey, openCounters, type Warned } from "./setups.ts";

onEachDatabase("totals", (kind) => {
  let counters: Counters;
  const warned: Warned[] = [];
  const warn = (message: string, fields: Warned["fields"]): number => warned.push({ message, fields });
  const open = (more: Partial<Counters> = {}): SharedTotals =>
    new SharedTotals({ counters: { ...counters, ...more }, monotonic, warn });
  before(async () => {
    counters = await openCounters(kind);
  });
  after(async () => counters.close());

  async function takeAll(totals: readonly SharedTotals[], key: string, most: number, calls: number): Promise<number> {
    const asked = Array.from({ length: calls }, async (_, at) =>
      totals[at % totals.length]?.take(key, { most, amount: 1 }),
    );
    return (await Promise.all(asked)).filter((taken) => taken === true).length;
  }

  for (const most of [1, 7, 100, 1500]) {
    test(`of a total of ${most} three processes give out ${most} together, to the last one`, async () => {
      const key = newKey();
      const three = [open(), open(), open()];
      let given = await takeAll(three, key, most, most + 20);
      assert.ok(given <= most && given >= most * 0.95, `${given} given out`);
      // What the ended processes had reserved and not used is there for the last.
      await three[0]?.close();
      await three[1]?.close();
      // Somebody who was told that nothing is left asks again after a second.
      await sleep(1100);
      given += await takeAll(three.slice(2), key, most, most);
      assert.equal(given, most);
      await three[2]?.close();
      assert.equal(await counters.usedOf(key), most);
    });
  }

  test("an amount that does not fit is not taken, and takes nothing away", async () => {
    const key = newKey();
    const totals = open();
    assert.equal(await totals.take(key, { most: 100, amount: 60 }), true);
    assert.equal(await totals.take(key, { most: 100, amount: 41 }), false);
    assert.equal(await totals.take(key, { most: 100, amount: 40 }), true);
    assert.equal(await totals.take(key, { most: 100, amount: 1 }), false);
    await totals.close();
  });

  test("a killed process loses at most a share: fewer are given out then, never more", async () => {
    const key = newKey();
    const [killed, living] = [open(), open()];
    assert.equal(await killed.take(key, { most: 1000, amount: 1 }), true);
    assert.equal(await takeAll([living], key, 1000, 1100), 990);
    await living.close();
  });

  test("what is known only afterwards is added within a second, beyond the end too", async () => {
    const key = newKey();
    const [first, second] = [open(), open()];
    assert.equal(await second.hasLeft(key, 1000), true);
    for (let call = 0; call < 100; call += 1) first.add(key, 30);
    assert.equal(await first.hasLeft(key, 1000), false);
    await sleep(2500);
    assert.equal(await counters.usedOf(key), 3000);
    assert.equal(await second.hasLeft(key, 1000), false);
    first.add(key, 5);
    await first.close();
    assert.equal(await counters.usedOf(key), 3005);
    await second.close();
  });

  test("while the database does not answer calls are admitted, told in the log once, and counted when it does", async () => {
    const key = newKey();
    let isAway = true;
    const away = async <T>(work: () => Promise<T>): Promise<T> =>
      isAway ? Promise.reject(new Error("connection refused")) : work();
    const totals = open({
      reserve: async (ask) => away(async () => counters.reserve(ask)),
      addTotals: async (amounts) => away(async () => counters.addTotals(amounts)),
      usedOf: async (one) => away(async () => counters.usedOf(one)),
    });
    const earlier = warned.length;
    for (let call = 0; call < 5; call += 1) assert.equal(await totals.take(key, { most: 1000, amount: 10 }), true);
    assert.equal(await totals.hasLeft(key, 1000), true);
    await sleep(1500);
    assert.equal(warned.length - earlier, 1);
    isAway = false;
    await totals.close();
    assert.equal(await counters.usedOf(key), 50);
  });

  test("while the database hangs all calls that wait go on together, and later ones do not wait at all", async () => {
    let isHanging = true;
    const hang = async <T>(work: () => Promise<T>): Promise<T> =>
      isHanging ? new Promise<T>(() => undefined) : work();
    const totals = open({
      reserve: async (ask) => hang(async () => counters.reserve(ask)),
      addTotals: async (amounts) => hang(async () => counters.addTotals(amounts)),
      usedOf: async (one) => hang(async () => counters.usedOf(one)),
    });
    const key = newKey();
    const started = performance.now();
    const many = await Promise.all(Array.from({ length: 40 }, async () => totals.take(key, { most: 1000, amount: 1 })));
    assert.ok(many.every((taken) => taken));
    assert.ok(performance.now() - started < 7000, `${performance.now() - started} ms for the first`);
    const later = performance.now();
    assert.equal(await totals.take(key, { most: 1000, amount: 1 }), true);
    assert.equal(await totals.hasLeft(newKey(), 1000), true);
    assert.ok(performance.now() - later < 100, `${performance.now() - later} ms for the later ones`);
    isHanging = false;
    // The question that hangs is given up, then it is asked whether anybody answers.
    await sleep(8000);
    assert.equal(await counters.usedOf(key), 41);
    assert.equal(await totals.take(key, { most: 41, amount: 1 }), false);
    await totals.close();
  });

  test("what a call gives back is there for the next one at once, and for other processes when this one ends", async () => {
    const key = newKey();
    const [first, second] = [open(), open()];
    assert.equal(await first.take(key, { most: 10, amount: 10 }), true);
    assert.equal(await first.take(key, { most: 10, amount: 1 }), false);
    first.giveBack(key, 4);
    assert.equal(await first.take(key, { most: 10, amount: 4 }), true);
    assert.equal(await first.take(key, { most: 10, amount: 1 }), false);
    first.giveBack(key, 3);
    assert.equal(await counters.usedOf(key), 10);
    await first.close();
    assert.equal(await counters.usedOf(key), 7);
    assert.equal(await second.take(key, { most: 10, amount: 3 }), true);
    await second.close();
    assert.equal(await counters.usedOf(key), 10);
  });

  test("calls that are given back while others wait are counted exactly, whatever the order", async () => {
    const key = newKey();
    const three = [open(), open(), open()];
    let kept = 0;
    const call = async (at: number): Promise<void> => {
      const totals = three[at % 3] ?? assert.fail();
      if (!(await totals.take(key, { most: 300, amount: 1 }))) return;
      if (at % 4 === 0) kept += 1;
      else totals.giveBack(key, 1);
    };
    await Promise.all(Array.from({ length: 600 }, async (_, at) => call(at)));
    assert.ok(kept > 0 && kept <= 300);
    for (const totals of three) await totals.close();
    assert.equal(await counters.usedOf(key), kept);
  });

  test("what was given back while the database was away is not counted when it is back, nor is less than nothing", async () => {
    const key = newKey();
    let isAway = true;
    const away = async <T>(work: () => Promise<T>): Promise<T> =>
      isAway ? Promise.reject(new Error("connection refused")) : work();
    const totals = open({
      reserve: async (ask) => away(async () => counters.reserve(ask)),
      addTotals: async (amounts) => away(async () => counters.addTotals(amounts)),
      usedOf: async (one) => away(async () => counters.usedOf(one)),
    });
    assert.equal(await totals.take(key, { most: 10, amount: 5 }), true);
    totals.giveBack(key, 5);
    totals.giveBack(key, -3);
    totals.giveBack(key, 0);
    isAway = false;
    await totals.close();
    assert.equal(await counters.usedOf(key), 0);
  });
});
