// Everything unguessable comes from the one source that is handed in, and is long enough.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Credential } from "../../src/crypto/credential.ts";
import { type Random, systemRandom, unguessable } from "../../src/crypto/random.ts";
import { makeKeyRing } from "../../src/crypto/seal.ts";
import { idFrom } from "../../src/rules/ids.ts";

const key = { id: "k1", key: new Credential(Buffer.alloc(32, 7).toString("base64")) };
const place = { project: "prj_1", table: "accounts", row: "acc_1", column: "credential" };

function counting(): { readonly random: Random; readonly asked: number[] } {
  const asked: number[] = [];
  return { asked, random: (bytes) => (asked.push(bytes), new Uint8Array(bytes).fill(asked.length)) };
}

test("a ticket is 256 bits of the source that was handed in, as PKCE wants it", () => {
  const { random, asked } = counting();
  const ticket = unguessable(random);
  assert.deepEqual(asked, [32]);
  assert.equal(ticket, Buffer.alloc(32, 1).toString("base64url"));
  assert.match(ticket, /^[A-Za-z0-9_-]{43}$/);
});

test("the system's source gives as many bytes as asked, and no two alike", () => {
  const seen = new Set(Array.from({ length: 1000 }, () => unguessable(systemRandom)));
  assert.equal(seen.size, 1000);
  assert.equal(systemRandom(12).length, 12);
});

test("each sealing takes 12 fresh bytes, so one text is never sealed to the same value twice", () => {
  const { random, asked } = counting();
  const ring = makeKeyRing([key], random);
  const values = [1, 2, 3].map(() => ring.seal(new Credential("secret"), place));
  assert.deepEqual(asked, [12, 12, 12]);
  assert.equal(new Set(values).size, 3);
});

test("an id has the 122 random bits of a UUID, and the bytes handed in are left alone", () => {
  const bytes = new Uint8Array(16).fill(0xff);
  assert.equal(idFrom("token", bytes), "tok_ffffffffffff4fffbfffffffffffffff");
  assert.deepEqual(bytes, new Uint8Array(16).fill(0xff));
});
