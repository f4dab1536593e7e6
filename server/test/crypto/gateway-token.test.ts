// A gateway token says by its spelling what it is, and a mistyped one is refused before anybody looks it up.
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { isGatewayToken, issueGatewayToken, tokenDigest } from "../../src/crypto/gateway-token.ts";
import { type Random, systemRandom } from "../../src/crypto/random.ts";

const alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const seeds = fc.uint8Array({ minLength: 32, maxLength: 32 });
const environments = fc.constantFrom("live" as const, "test" as const);

function still(bytes: Uint8Array): Random {
  return (length) => {
    assert.equal(length, 32);
    return bytes;
  };
}

test("a token of known random bytes has a known spelling, preview and digest", () => {
  const { plain, preview, digest } = issueGatewayToken("live", still(new Uint8Array(32).fill(0)));
  assert.equal(plain.reveal().slice(0, 51), `bh_live_${"0".repeat(43)}`);
  assert.equal(plain.reveal().length, 57);
  assert.equal(preview, "bh_live_0000");
  assert.match(digest, /^[A-Za-z0-9_-]{43}$/);
});

test("all 256 random bits are in the token: two that differ in one bit are two tokens", () => {
  fc.assert(
    fc.property(seeds, fc.nat(255), (seed, bit) => {
      const flipped = Uint8Array.from(seed);
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      const one = issueGatewayToken("live", still(seed)).plain.reveal();
      assert.notEqual(issueGatewayToken("live", still(flipped)).plain.reveal(), one);
    }),
  );
});

test("every token that is issued has the prefix of its environment and is accepted", () => {
  fc.assert(
    fc.property(seeds, environments, (seed, environment) => {
      const plain = issueGatewayToken(environment, still(seed)).plain.reveal();
      assert.match(plain, environment === "live" ? /^bh_live_[0-9A-Za-z]{49}$/ : /^bh_test_[0-9A-Za-z]{49}$/);
      assert.equal(isGatewayToken(plain), true);
    }),
  );
});

test("any single character changed, anywhere, is refused", () => {
  fc.assert(
    fc.property(seeds, environments, fc.nat(56), fc.nat(61), (seed, environment, at, which) => {
      const plain = issueGatewayToken(environment, still(seed)).plain.reveal();
      const char = alphabet.charAt(which);
      fc.pre(plain.charAt(at) !== char);
      assert.equal(isGatewayToken(plain.slice(0, at) + char + plain.slice(at + 1)), false);
    }),
    { numRuns: 2000 },
  );
});

test("neighbours exchanged, a character lost or one too many is refused", () => {
  fc.assert(
    fc.property(seeds, fc.integer({ min: 8, max: 55 }), (seed, at) => {
      const plain = issueGatewayToken("live", still(seed)).plain.reveal();
      const exchanged = plain.slice(0, at) + plain.charAt(at + 1) + plain.charAt(at) + plain.slice(at + 2);
      if (exchanged !== plain) assert.equal(isGatewayToken(exchanged), false);
      assert.equal(isGatewayToken(plain.slice(0, at) + plain.slice(at + 1)), false);
      assert.equal(isGatewayToken(plain.slice(0, at) + plain.charAt(at) + plain.slice(at)), false);
    }),
  );
});

test("a token of one environment does not pass for one of the other", () => {
  const plain = issueGatewayToken("live", systemRandom).plain.reveal();
  assert.equal(isGatewayToken(plain.replace("bh_live_", "bh_test_")), false);
});

test("a line end, a blank or another text beside a token is no token", () => {
  const plain = issueGatewayToken("live", systemRandom).plain.reveal();
  for (const text of [`${plain}\n`, ` ${plain}`, `x${plain}`, `${plain}\0`, plain.toUpperCase(), "", "bh_live_"])
    assert.equal(isGatewayToken(text), false, JSON.stringify(text));
});

test("what a list shows of a token is not enough to use it, and the digest does not hold it", () => {
  const { plain, preview, digest } = issueGatewayToken("test", systemRandom);
  assert.equal(preview.length, 12);
  assert.equal(isGatewayToken(preview), false);
  assert.equal(digest, tokenDigest(plain.reveal()));
  assert.equal(digest.includes(plain.reveal().slice(8, 20)), false);
});
