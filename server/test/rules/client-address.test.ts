// Whose address a request came from, and what is counted as one caller.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { addressGroup, clientAddress } from "../../src/rules/client-address.ts";

const none: never[] = [];
const trusted = [
  { address: "10.0.0.0", prefix: 8 },
  { address: "fd00::", prefix: 8 },
];

describe("the address of a caller", () => {
  test("is the connection's where no proxy is trusted, whatever headers say", () => {
    assert.equal(clientAddress("203.0.113.9", "1.1.1.1", none), "203.0.113.9");
    assert.equal(clientAddress("203.0.113.9", "1.1.1.1, 10.0.0.1", trusted), "203.0.113.9");
    assert.equal(clientAddress("::ffff:203.0.113.9", undefined, none), "203.0.113.9");
  });

  test("is the rightmost that is no trusted proxy: what is left of it the caller may have written", () => {
    const cases = [
      ["1.1.1.1", "1.1.1.1"],
      ["9.9.9.9, 1.1.1.1", "1.1.1.1"],
      ["9.9.9.9,1.1.1.1 , 10.2.2.2,fd00::7", "1.1.1.1"],
      ["10.9.9.9, 10.2.2.2", "10.9.9.9"],
      ["1.1.1.1, ::ffff:10.2.2.2", "1.1.1.1"],
      ["2001:DB8::1", "2001:db8::1"],
      ["[2001:db8::1]:4711", "2001:db8::1"],
      ["1.1.1.1:4711", "1.1.1.1"],
      ["fe80::1%eth0", "fe80::1"],
    ] as const;
    for (const [forwarded, expected] of cases)
      assert.equal(clientAddress("10.1.1.1", forwarded, trusted), expected, forwarded);
  });

  test("goes no further than what is an address", () => {
    for (const nonsense of ["unknown", "", "_hidden", "1.1.1", "1.1.1.1.1", "evil, ", "999.1.1.1"]) {
      assert.equal(clientAddress("10.1.1.1", nonsense, trusted), "10.1.1.1", nonsense);
      assert.equal(clientAddress("10.1.1.1", `1.1.1.1, ${nonsense}, 10.3.3.3`, trusted), "10.3.3.3", nonsense);
    }
  });

  test("cannot be chosen by anybody who is not trusted, whatever they write", () => {
    const text = fc.oneof(fc.string(), fc.ipV4(), fc.ipV6(), fc.constant(","), fc.constant("10.0.0.1"));
    fc.assert(
      fc.property(fc.array(text), (parts) => {
        const written = parts.join(",");
        assert.equal(clientAddress("198.51.100.7", written, trusted), "198.51.100.7");
        assert.equal(clientAddress("10.1.1.1", `${written}, 198.51.100.7`, trusted), "198.51.100.7");
      }),
    );
  });
});

test("an IPv4 address counts alone, an IPv6 one with its /64, however it is spelled", () => {
  assert.equal(addressGroup("203.0.113.9"), "203.0.113.9");
  const one = ["2001:db8:1:2::1", "2001:db8:1:2:ffff:ffff:ffff:ffff", "2001:0db8:0001:0002:0:0:0:9"];
  for (const address of one) assert.equal(addressGroup(address), "2001:db8:1:2::/64", address);
  assert.equal(addressGroup("::1"), "0:0:0:0::/64");
  assert.equal(addressGroup("2001:db8::"), "2001:db8:0:0::/64");
  assert.notEqual(addressGroup("2001:db8:1:3::1"), addressGroup("2001:db8:1:2::1"));
});
