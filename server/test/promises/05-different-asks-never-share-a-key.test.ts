// Promise 5: a cache or lease key is a digest of all its inputs in canonical form; two different asks never share one.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import fc from "fast-check";
import { digestOf } from "../../src/crypto/digest.ts";
import type { EphemeralNeeds } from "../../src/ephemeral/make.ts";
import { limit, onEachSetup, openSetup, type Setup } from "../ephemeral/setups.ts";

const purposes = ["token", "link", "state", "browser", "auth-request", "refresh-token", "access-token"] as const;
const morePurposes = ["idempotency-key", "body", "limit"] as const;

/** Texts that try to be taken for the border between two texts, or for each other. */
const part = fc.oneof(
  fc.string(),
  fc.string({ unit: "grapheme" }),
  fc.constantFrom("", ",", '"', '","', "\\", '\\"', "[", "]", "\u0000", "\n", "é", "e\u0301", "a", "A", "null"),
);
const ask = fc.tuple(fc.constantFrom(...purposes, ...morePurposes), fc.array(part, { maxLength: 4 }));

describe("the key of an ask", () => {
  test("is the same for the same ask and another for every other one", () => {
    fc.assert(
      fc.property(ask, ask, ([purpose, parts], [otherPurpose, otherParts]) => {
        const isSame = purpose === otherPurpose && JSON.stringify(parts) === JSON.stringify(otherParts);
        assert.equal(digestOf(purpose, ...parts) === digestOf(otherPurpose, ...otherParts), isSame);
        assert.equal(digestOf(purpose, ...parts), digestOf(purpose, ...parts));
      }),
      { numRuns: 3000 },
    );
  });

  test("cannot be had by moving a border between two inputs", () => {
    fc.assert(
      fc.property(fc.string({ minLength: 2 }), fc.nat(), fc.nat(), (text, one, other) => {
        const cut = (at: number): [string, string] => [text.slice(0, at), text.slice(at)];
        const [first, second] = [one % text.length, other % text.length];
        const keys = new Set([
          digestOf("limit", ...cut(first)),
          digestOf("limit", ...cut(second)),
          digestOf("limit", text),
        ]);
        assert.equal(keys.size, first === second ? 2 : 3);
      }),
    );
  });

  test("says nothing of its inputs, and is of one length", () => {
    const key = digestOf("limit", "acme", "tok_secret");
    assert.match(key, /^[A-Za-z0-9_-]{43}$/);
    assert.equal(digestOf("limit", "x".repeat(100_000)).length, 43);
  });
});

onEachSetup("counts under keys", (kind) => {
  let setup: Setup;
  before(async () => {
    setup = await openSetup(kind, 1);
  });
  after(async () => setup.close());

  const all: readonly (readonly string[])[] = [
    ["tok_1", "minute"],
    ["tok_1", "hour"],
    ["tok_1minute", ""],
    ["tok_", "1minute"],
    ["tok_2", "minute"],
    ["", "tok_1", "minute"],
  ];

  test("never meet: each ask has its own limit, its own slots and its own total", async () => {
    const { limiter, slots, totals } = setup.replicas[0] ?? assert.fail();
    for (const inputs of all) {
      const key = digestOf("limit", ...inputs);
      for (const windowMs of [60_000, 61_000]) {
        const outcomes = [];
        for (let call = 0; call < 3; call += 1) outcomes.push((await limiter.admit([limit(key, 2, windowMs)])).kind);
        assert.deepEqual(outcomes, ["admitted", "admitted", "refused"], inputs.join("/"));
      }
      assert.ok(await slots.take(key, 1));
      assert.equal(await slots.take(key, 1), undefined);
      assert.equal(await totals.take(key, { most: 1, amount: 1 }), true);
      assert.equal(await totals.take(key, { most: 1, amount: 1 }), false);
    }
  });

  test("of two deployments in one Redis never meet", { skip: kind !== "redis" }, async () => {
    const key = digestOf("limit", "tok_9", "minute");
    const { limiter } = setup.replicas[0] ?? assert.fail();
    assert.equal((await limiter.admit([limit(key, 1, 60_000)])).kind, "admitted");
    assert.equal((await limiter.admit([limit(key, 1, 60_000)])).kind, "refused");
    const { redis } = setup.shared;
    const other: Partial<EphemeralNeeds> = { redis: { url: redis?.url ?? "", prefix: `${redis?.prefix}other:` } };
    assert.equal((await setup.open(other).limiter.admit([limit(key, 1, 60_000)])).kind, "admitted");
  });

  test("keep nothing of what was asked in Redis in plain", { skip: kind !== "redis" }, async () => {
    const stored = JSON.stringify(await setup.dumpRedis());
    for (const word of ["tok_1", "tok_2", "minute", "hour"]) assert.ok(!stored.includes(word), word);
    assert.ok(stored.includes(digestOf("limit", "tok_1", "minute")));
  });
});
