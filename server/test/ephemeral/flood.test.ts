// What one caller can do to the limits of all: fill what counts them, or push them out of memory.
import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { SharedCounters } from "../../src/ephemeral/counter.ts";
import type { Ephemeral, Limit } from "../../src/ephemeral/ephemeral.ts";
import { makeMemoryLimiter } from "../../src/ephemeral/memory-limiter.ts";
import { type Database, openDatabase } from "../../src/store/store.ts";
import { onEachDatabase } from "../support/databases.ts";
import { limit, newKey, openSetup, type Setup } from "./setups.ts";

const stranger = (key: string): Limit => ({ ...limit(key, 300, 60_000), kind: "stranger" });

async function admitted({ limiter }: Pick<Ephemeral, "limiter">, one: Limit, calls: number): Promise<number> {
  const many = await Promise.all(Array.from({ length: calls }, async () => limiter.admit([one])));
  return many.filter(({ kind }) => kind === "admitted").length;
}

test("strangers from any number of addresses take nothing from the limit of a token", async () => {
  let now = 0;
  const limiter = makeMemoryLimiter(() => now);
  for (let address = 0; address < 131_072; address += 1) await limiter.admit([stranger(`address ${address}`)]);
  now += 1;
  assert.equal(await admitted({ limiter }, limit("token", 60, 60_000), 61), 60);
});

test("an address that asks too often is refused, also among many and where a token has the same key", async () => {
  const limiter = makeMemoryLimiter(() => 0);
  assert.equal(await admitted({ limiter }, stranger("one"), 310), 300);
  assert.equal(await admitted({ limiter }, limit("one", 5, 60_000), 6), 5);
});

onEachDatabase("many calls of one token", (kind) => {
  describe("over PostgreSQL alone", { skip: kind === "sqlite" }, () => {
    let setup: Setup;
    const databases: Database[] = [];
    beforeEach(async () => {
      setup = await openSetup("postgres", 0);
    });
    afterEach(async () => {
      await setup.close();
      for (const database of databases.splice(0)) await database.close();
    });

    /** A process with the connections that a process has. */
    function process(counters: (its: SharedCounters) => SharedCounters = (its) => its): Ephemeral {
      const database = openDatabase(setup.counters.choice);
      databases.push(database);
      return setup.open({ counters: counters(database.counters ?? assert.fail()), totals: database.totals });
    }

    test("leave the limits of everybody shared, and nobody thinks the database lost", async () => {
      const two = [process(), process()];
      const key = newKey();
      const flood = two.map(async ({ slots }) =>
        Promise.all(Array.from({ length: 3000 }, async () => (await slots.take(key, 10_000)) ?? assert.fail())),
      );
      const end = performance.now() + 3000;
      while (performance.now() < end && setup.warned.length === 0) await sleep(50);
      const one = limit(newKey(), 20, 60_000);
      const counted = await Promise.all(two.map(async (each) => admitted(each, one, 30)));
      assert.equal(
        counted.reduce((sum, calls) => sum + calls, 0),
        20,
      );
      assert.deepEqual(setup.warned, []);
      for (const slot of (await Promise.all(flood)).flat()) slot.release();
    });

    test("ask for their slots together, one question at a time, and give them back together", async () => {
      const count = { questions: 0, now: 0, peak: 0 };
      async function counted<T>(work: () => Promise<T>): Promise<T> {
        count.questions += 1;
        count.peak = Math.max(count.peak, (count.now += 1));
        try {
          return await work();
        } finally {
          count.now -= 1;
        }
      }
      const watched = process((its) => ({
        ...its,
        takeSlots: async (ask) => counted(async () => its.takeSlots(ask)),
        freeSlots: async (slots) => counted(async () => its.freeSlots(slots)),
      }));
      const key = newKey();
      const taken = await Promise.all(Array.from({ length: 2100 }, async () => watched.slots.take(key, 2000)));
      assert.equal(taken.filter((slot) => slot !== undefined).length, 2000);
      assert.ok(taken.slice(2000).every((slot) => slot === undefined));
      for (const slot of taken) slot?.release();
      // Asked after those are given back: none of them stands in its way.
      assert.ok(await watched.slots.take(key, 1));
      assert.equal(count.peak, 1);
      assert.ok(count.questions <= 12, `${count.questions} questions`);
      assert.equal(await process().slots.take(key, 1), undefined);
    });

    test("are told one after the other what is left, and more than that is refused at once", async () => {
      const [first, second] = [process(), process()];
      const key = newKey();
      const theirs = await Promise.all(Array.from({ length: 3 }, async () => second.slots.take(key, 10)));
      assert.ok(theirs.every((slot) => slot !== undefined));
      const ours = await Promise.all(Array.from({ length: 50 }, async () => first.slots.take(key, 10)));
      assert.deepEqual(
        ours.map((slot) => slot !== undefined),
        [...Array<boolean>(7).fill(true), ...Array<boolean>(43).fill(false)],
      );
    });

    test("a call after the other finds the one slot free each time", async () => {
      const { slots } = process();
      const key = newKey();
      for (let call = 0; call < 50; call += 1) {
        const slot = await slots.take(key, 1);
        assert.ok(slot, `call ${call}`);
        slot.release();
      }
    });

    test("strangers from thousands of addresses at once make nobody think the database lost, and tokens wait little", async () => {
      const two = [process(), process()];
      const flood = two.map(async ({ limiter }) =>
        Promise.all(Array.from({ length: 1500 }, async () => limiter.admit([stranger(newKey())]))),
      );
      await sleep(100);
      const started = performance.now();
      const one = limit(newKey(), 20, 60_000);
      const counted = await Promise.all(two.map(async (each) => admitted(each, one, 30)));
      const waited = performance.now() - started;
      assert.equal(
        counted.reduce((sum, calls) => sum + calls, 0),
        20,
      );
      assert.ok(waited < 1500, `${waited} ms`);
      const all = (await Promise.all(flood)).flat();
      assert.ok(all.every((admission) => admission.kind === "admitted"));
      assert.deepEqual(setup.warned, []);
    });

    test("a database that does not answer is still found out, once, for all who wait", async () => {
      let questions = 0;
      const away = process((its) => ({
        ...its,
        ask: async () => {
          questions += 1;
          return new Promise<never>(() => undefined);
        },
        ping: async () => Promise.reject(new Error("connection refused")),
      }));
      const started = performance.now();
      const kinds = await Promise.all(
        Array.from({ length: 500 }, async () => (await away.limiter.admit([limit(newKey(), 1, 60_000)])).kind),
      );
      assert.ok(kinds.every((one) => one === "admitted"));
      assert.ok(performance.now() - started < 3500);
      assert.ok(questions <= 4, `${questions} questions`);
      assert.deepEqual(
        setup.warned.map(({ message }) => message),
        ["The database does not answer: limits are counted without it until it does"],
      );
    });
  });

  test("a process that counts alone keeps strangers apart too", { skip: kind === "sqlite" }, async () => {
    const setup = await openSetup("postgres", 0);
    const away = async () => Promise.reject(new Error("connection refused"));
    const alone = setup.open({ counters: { ...setup.counters, ask: away, ping: away, learn: away } });
    for (let address = 0; address < 70_000; address += 1) await alone.limiter.admit([stranger(`address ${address}`)]);
    const tokens = await Promise.all(
      Array.from({ length: 20 }, async () => admitted(alone, limit(newKey(), 60, 60_000), 61)),
    );
    assert.deepEqual(tokens, Array<number>(20).fill(60));
    await setup.close();
  });

  test("a process that counts alone, and is so busy that each answer comes late, still admits what is free", {
    skip: kind === "sqlite",
  }, async () => {
    const setup = await openSetup("postgres", 0);
    const away = async () => Promise.reject(new Error("connection refused"));
    let now = 0;
    const alone = setup.open({
      counters: { ...setup.counters, ask: away, ping: away, learn: away },
      monotonic: () => (now += 30),
    });
    const calls = [];
    for (let call = 0; call < 7; call += 1) calls.push(await admitted(alone, limit("one", 5, 60_000), 1));
    assert.deepEqual(calls, [1, 1, 1, 1, 1, 0, 0]);
    await setup.close();
  });
});
