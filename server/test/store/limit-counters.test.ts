// Shared counters in SQL, on both databases and from many connections at once.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { ShareAsk } from "../../src/store/limit-counters.ts";
import { type Counters, newKey, openCounters } from "../ephemeral/setups.ts";
import { onEachDatabase } from "../support/databases.ts";

onEachDatabase("shared counters", (kind) => {
  let counters: Counters;
  before(async () => {
    counters = await openCounters(kind);
  });
  after(async () => counters.close());

  function ask(more: Partial<ShareAsk> = {}): ShareAsk {
    const window = { most: 10, windowMs: 60_000, sliceMs: 1000, lifeMs: 25 };
    return { key: "k", ...window, want: 1, returns: [], known: [], ...more };
  }

  test("many connections at once are never given more than there is, and the last is given what is left", async () => {
    const key = newKey();
    const answers = await Promise.all(
      Array.from({ length: 12 }, async () => counters.ask(ask({ key, want: 3, most: 20 }))),
    );
    assert.equal(
      answers.reduce((sum, { granted }) => sum + granted, 0),
      20,
    );
    assert.deepEqual(
      answers.map(({ granted }) => granted).toSorted((a, b) => a - b),
      [0, 0, 0, 0, 0, 2, 3, 3, 3, 3, 3, 3],
    );
    const { granted, used, own, freeInMs } = await counters.ask(ask({ key, most: 20 }));
    assert.deepEqual([granted, used, own], [0, 20, 20]);
    assert.ok(freeInMs > 55_000 && freeInMs <= 61_025);
  });

  test("a share lives at least as long as was asked, and at most a slice longer", async () => {
    for (let time = 0; time < 20; time += 1) {
      const { endsInMs } = await counters.ask(ask({ key: newKey(), sliceMs: 50 }));
      assert.ok(endsInMs >= 24 && endsInMs <= 75, `${endsInMs}`);
      await sleep(7);
    }
  });

  test("unused units go back into their slice, once, and never below nothing", async () => {
    const key = newKey();
    const first = await counters.ask(ask({ key, want: 10 }));
    const units = { origin: first.origin, slice: first.slice };
    const second = await counters.ask(ask({ key, want: 4, returns: [{ ...units, units: 3 }] }));
    assert.deepEqual([second.granted, second.used], [3, 10]);
    // From another counter: not ours to take back.
    await counters.ask(ask({ key, want: 0, returns: [{ origin: 77, slice: second.slice, units: 9 }] }));
    assert.equal((await counters.ask(ask({ key, want: 0 }))).used, 10);
    await counters.ask(
      ask({
        key,
        want: 0,
        returns: [
          { ...units, units: 50 },
          { ...units, slice: 1, units: 9 },
        ],
      }),
    );
    const { used } = await counters.ask(ask({ key, want: 0 }));
    assert.ok(used >= 0 && used <= 3, `${used}`);
  });

  test("a slice counts until it has left the window, and is erased then", async () => {
    const key = newKey();
    const short = { key, windowMs: 300, sliceMs: 20, most: 5, want: 5 };
    assert.equal((await counters.ask(ask(short))).granted, 5);
    await sleep(200);
    await counters.eraseEnded();
    assert.equal((await counters.ask(ask(short))).granted, 0);
    await sleep(250);
    await counters.eraseEnded();
    const { granted, used } = await counters.ask(ask(short));
    assert.deepEqual([granted, used], [5, 5]);
  });

  test("what other counters gave out is held against the limit, as the largest that anybody knew, for its time", async () => {
    const key = newKey();
    await counters.learn([{ key, origin: 9, used: 4, forMs: 300 }]);
    const known = [
      { origin: 9, used: 6, forMs: 300 },
      { origin: 0, used: 99, forMs: 300 },
    ];
    assert.equal((await counters.ask(ask({ key, want: 10, known }))).granted, 4);
    await counters.learn([{ key, origin: 9, used: 2, forMs: 10 }]);
    assert.equal((await counters.ask(ask({ key, want: 10 }))).granted, 0);
    await sleep(350);
    assert.equal((await counters.ask(ask({ key, want: 10 }))).granted, 6);
  });

  test("of calls at the same moment as many get a slot as there are, until one is free or its lease is over", async () => {
    const key = newKey();
    const take = async (id: string, leaseMs = 60_000) =>
      (await counters.takeSlots({ key, most: 3, ids: [id], others: [], leaseMs })) === 1;
    const taken = await Promise.all(Array.from({ length: 9 }, async (_, at) => take(`s${at}`)));
    assert.equal(taken.filter(Boolean).length, 3);
    await counters.freeSlots([{ key, id: `s${taken.indexOf(true)}` }]);
    assert.equal(await take("short", 200), true);
    assert.equal(await take("late"), false);
    await sleep(250);
    await counters.eraseEnded();
    assert.equal(await take("late"), true);
    assert.equal(await take("later"), false);
  });

  test("slots that are kept stay, also with a counter that did not know them", async () => {
    const key = newKey();
    await counters.keepSlots(
      [
        { key, id: "a" },
        { key, id: "b" },
      ],
      150,
    );
    await sleep(100);
    await counters.keepSlots([{ key, id: "a" }], 60_000);
    await sleep(100);
    const take = async (id: string, others: string[]) =>
      counters.takeSlots({ key, most: 3, ids: [id], others, leaseMs: 60_000 });
    assert.equal(await take("c", ["moved here"]), 1);
    assert.equal(await take("d", []), 0);
  });

  test("who asks for many slots gets those of the first ids, and gives back many at once, of all keys", async () => {
    const [one, two] = [newKey(), newKey()];
    const ids = Array.from({ length: 2500 }, (_, at) => `${one}-${at}`);
    const take = async (key: string, its: string[]) =>
      counters.takeSlots({ key, most: 2400, ids: its, others: [], leaseMs: 60_000 });
    assert.equal(await take(one, ids), 2400);
    assert.equal(await take(two, ["t"]), 1);
    assert.equal(await take(one, ["late"]), 0);
    await counters.freeSlots([]);
    await counters.freeSlots([
      { key: two, id: "t" },
      ...ids.slice(0, 500).map((id) => ({ key: one, id })),
      // Not taken: there is nothing to give back.
      { key: one, id: ids.at(-1) ?? "" },
    ]);
    assert.equal(await take(one, ids.slice(0, 600)), 500);
    assert.equal(await take(two, ids), 2400);
  });

  test("slots that are kept and given back by many at the same moment never wait for each other for ever", async () => {
    const key = newKey();
    const ids = Array.from({ length: 300 }, (_, at) => `${key}-${at}`);
    for (let round = 0; round < 10; round += 1) {
      const slots = ids.map((id) => ({ key, id }));
      await counters.keepSlots(slots, 60_000);
      await Promise.all([
        counters.keepSlots(slots.toReversed(), 60_000),
        counters.freeSlots(slots),
        counters.takeSlots({ key, most: 1000, ids: ["new"], others: ids.toReversed(), leaseMs: 60_000 }),
        counters.freeSlots(slots.toReversed()),
      ]);
    }
  });

  test("of a total nobody is given what somebody else has", async () => {
    const key = newKey();
    const given = await Promise.all(
      Array.from({ length: 15 }, async () => counters.reserve({ key, most: 100, want: 9, least: 1 })),
    );
    const sum = given.reduce((all, one) => all + one, 0);
    assert.ok(sum <= 100 && sum >= 90, `${sum}`);
    assert.equal(await counters.usedOf(key), sum);
    assert.equal(await counters.reserve({ key, most: 100, want: 60, least: 50 }), 0);
    const [added] = await counters.addTotals([{ key, amount: 30 }]);
    assert.equal(added?.used, sum + 30);
    assert.equal(await counters.reserve({ key, most: 100, want: 1, least: 1 }), 0);
  });
});
