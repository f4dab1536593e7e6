// Two different asks never share a key, and what is kept of a secret serves one purpose only (promise 5).
import assert from "node:assert/strict";
import { createHash, createHmac } from "node:crypto";
import { test } from "node:test";
import fc from "fast-check";
import { type DigestPurpose, digestOf, digestOfBytes, hmac, sameText } from "../../src/crypto/digest.ts";

const purposes: readonly DigestPurpose[] = [
  "token",
  "link",
  "state",
  "browser",
  "auth-request",
  "refresh-token",
  "access-token",
  "idempotency-key",
  "body",
];
const parts = fc.array(fc.string({ unit: "binary", maxLength: 12 }), { maxLength: 4 });

test("the digest of one purpose is never that of another", () => {
  const made = purposes.map((purpose) => digestOf(purpose, "the same text"));
  assert.equal(new Set(made).size, 9);
});

test("two lists of parts have one digest only when they are the same list", () => {
  fc.assert(
    fc.property(fc.constantFrom(...purposes), parts, fc.constantFrom(...purposes), parts, (p, left, q, right) => {
      // Lone surrogates are spelled out by JSON, so even those stay apart.
      const same = p === q && left.length === right.length && left.every((part, at) => part === right[at]);
      assert.equal(digestOf(p, ...left) === digestOf(q, ...right), same);
    }),
    { numRuns: 2000 },
  );
});

test("moving the border between two parts makes another digest", () => {
  fc.assert(
    fc.property(fc.string({ minLength: 1 }), fc.string({ minLength: 1 }), fc.nat(), (left, right, cut) => {
      const joined = left + right;
      const at = cut % (joined.length + 1);
      fc.pre(at !== left.length);
      assert.notEqual(digestOf("token", joined.slice(0, at), joined.slice(at)), digestOf("token", left, right));
    }),
  );
});

test("separators, quotes and brackets in a part do not make it two", () => {
  const lists = [["a", "b"], ['a","b'], ["a,b"], ["a|b"], ["a\0b"], ["a", "b", ""], ["", "a", "b"], ['["a"', '"b"]']];
  assert.equal(new Set(lists.map((list) => digestOf("idempotency-key", ...list))).size, 8);
});

test("a digest is 43 characters that fit a URL, and it does not change between releases", () => {
  const expected = createHash("sha256").update('["link","a ticket"]').digest("base64url");
  assert.equal(digestOf("link", "a ticket"), expected);
  assert.match(digestOf("link", "a ticket"), /^[A-Za-z0-9_-]{43}$/);
});

test("bytes that differ in one bit have different digests, and bytes are not read as text", () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 64 }), fc.nat(), (bytes, which) => {
      const flipped = Uint8Array.from(bytes);
      const bit = which % (bytes.length * 8);
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      assert.notEqual(digestOfBytes(bytes), digestOfBytes(flipped));
    }),
  );
  assert.notEqual(digestOfBytes(Buffer.from([0xff])), digestOfBytes(Buffer.from("\ufffd")));
});

test("a keyed hash needs its key", () => {
  const key = Buffer.alloc(32, 1);
  assert.equal(hmac(key, "text"), createHmac("sha256", key).update("text").digest("base64url"));
  assert.notEqual(hmac(Buffer.alloc(32, 2), "text"), hmac(key, "text"));
});

test("texts are equal when all of their bytes are, and only then", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), fc.string({ unit: "binary" }), (left, right) => {
      assert.equal(sameText(left, left), true);
      if (left.isWellFormed() && right.isWellFormed()) assert.equal(sameText(left, right), left === right);
    }),
  );
  assert.equal(sameText("", ""), true);
  assert.equal(sameText("abc", "abcd"), false);
});
