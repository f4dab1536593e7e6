// No request leaves for an address the operator did not allow; checked on the address connected to (promise 13).
import assert from "node:assert/strict";
import { Socket } from "node:net";
import type { TestContext } from "node:test";
import { test } from "node:test";
import { addressVerdict } from "../../src/rules/addresses.ts";
import type { Allowed } from "../../src/upstream/guard.ts";
import { makeGuard } from "../../src/upstream/guard.ts";
import { loopback, outbound, serve } from "./wires.ts";

const nothing: Allowed = { hosts: [], ranges: [] };

async function reason(t: TestContext, url: string, allowed: Allowed, addresses?: readonly string[]): Promise<string> {
  const lookup = addresses === undefined ? undefined : () => Promise.resolve(addresses);
  const { exchange } = outbound(t, allowed, lookup);
  const answer = await exchange({ method: "GET", url: new URL(url), headers: {}, timeoutMs: 1000 });
  return answer.kind === "answer" ? "answer" : answer.reason;
}

/** An upstream and its port; `hits` counts who got through. */
async function target(t: TestContext) {
  const hits = { count: 0 };
  const origin = await serve(t, (_request, response) => {
    hits.count += 1;
    response.end();
  });
  return { hits, port: new URL(origin).port };
}

const kinds: Readonly<Record<string, readonly string[]>> = {
  public: ["140.82.112.3", "8.8.8.8", "2606:4700::1111", "2a0a:a440::1", "192.0.1.1", "172.32.0.1", "100.128.0.1"],
  unspecified: ["0.0.0.0", "0.1.2.3", "::"],
  loopback: ["127.0.0.1", "127.255.255.254", "::1", "0:0:0:0:0:0:0:1"],
  private: ["10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "fec0::1"],
  shared: ["100.64.0.1", "100.127.255.255"],
  link_local: ["169.254.0.1", "fe80::1", "fe80::1%eth0", "febf::1"],
  unique_local: ["fc00::1", "fdff::1"],
  multicast: ["224.0.0.1", "239.255.255.255", "ff02::1"],
  benchmark: ["198.18.0.1", "198.19.255.255", "2001:2::1"],
  documentation: ["192.0.2.1", "198.51.100.1", "203.0.113.1", "2001:db8::1", "3fff::1"],
  metadata: ["169.254.169.254", "169.254.170.2", "100.100.100.200", "168.63.129.16", "192.0.0.192", "fd00:ec2::254"],
  embedded: [
    "::ffff:127.0.0.1",
    "::ffff:8.8.8.8",
    "::ffff:7f00:1",
    "::127.0.0.1",
    "::ffff:0:127.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b:1::1",
    "2001::1",
    "2002:7f00:1::",
    "192.88.99.1",
  ],
  reserved: ["240.0.0.1", "255.255.255.255", "192.0.0.1", "2001:10::1", "4000::1", "5f00::1", "100::1", "e000::1"],
  malformed: ["", "localhost", "127.1", "256.1.1.1", "1.2.3", ":::", "1::2::3", "12345::", "1:2:3:4:5:6:7", "g::"],
};

for (const [kind, addresses] of Object.entries(kinds)) {
  test(`addresses that are ${kind}`, () => {
    for (const address of addresses) assert.equal(addressVerdict(address), kind, address);
  });
}

test("no spelling of a loopback address gets through", async (t) => {
  const { hits, port } = await target(t);
  const spellings = ["127.0.0.1", "0x7f000001", "2130706433", "0177.0.0.1", "127.1", "0", "127.0.0.1.", "localhost"];
  const inBrackets = ["[::1]", "[::ffff:127.0.0.1]", "[64:ff9b::7f00:1]", "[::ffff:7f00:1]", "[2002:7f00:1::]"];
  for (const host of [...spellings, ...inBrackets]) {
    for (const scheme of ["http", "https"]) {
      const url = `${scheme}://${host}:${port}`;
      assert.equal(await reason(t, url, nothing), "blocked", url);
      assert.equal(makeGuard(nothing).mayName(new URL(url)), "blocked", url);
    }
  }
  assert.equal(hits.count, 0);
});

test("a name is blocked when no address of it is allowed", async (t) => {
  const { port } = await target(t);
  for (const address of ["127.0.0.1", "10.0.0.1", "169.254.169.254", "::1", "::ffff:127.0.0.1", "0.0.0.0", "fd00::1"]) {
    assert.equal(await reason(t, `https://api.example:${port}`, nothing, [address]), "blocked", address);
  }
});

test("of a name with several addresses only the allowed are connected to", async (t) => {
  const { hits, port } = await target(t);
  const answer = await reason(t, `http://mixed.example:${port}`, loopback, ["10.1.2.3", "::1", "127.0.0.1"]);
  assert.equal(answer, "answer");
  assert.equal(hits.count, 1);
});

test("a resolver that changes its answer is asked once a connection, and what it said then is what counts", async (t) => {
  const { hits, port } = await target(t);
  const range = { address: "127.0.0.2", prefix: 32 };
  const answers = ["127.0.0.2", "127.0.0.1", "127.0.0.1"];
  let asked = 0;
  const lookup = () => Promise.resolve([answers[asked++] ?? "127.0.0.1"]);
  // Connections are not kept, so that each exchange resolves anew.
  const { exchange } = outbound(t, { hosts: [], ranges: [range] }, lookup);
  const request = { method: "GET", url: new URL(`http://rebind.example:${port}`), headers: {}, timeoutMs: 1000 };
  const first = await exchange(request);
  assert.equal(first.kind === "failed" && first.reason, "unreachable");
  assert.equal(asked, 1);
  const second = await exchange(request);
  assert.equal(second.kind === "failed" && second.reason, "blocked");
  assert.equal(asked, 2);
  assert.equal(hits.count, 0);
});

test("a connection that ended elsewhere than it was meant to is closed before anything is sent", async (t) => {
  const { hits, port } = await target(t);
  // Stands for anything below us that connects elsewhere than it was told to.
  const prototype = Socket.prototype as unknown as { _getpeername(): unknown };
  t.mock.method(prototype, "_getpeername", () => ({ address: "10.9.9.9", family: "IPv4", port: 1 }));
  assert.equal(await reason(t, `http://127.0.0.1:${port}`, loopback), "blocked");
  assert.equal(hits.count, 0);
});

test("the operator opens an exact host and port, or a range", async (t) => {
  const { port } = await target(t);
  const cases: readonly (readonly [string, Allowed, string])[] = [
    [`http://127.0.0.1:${port}`, { hosts: [`127.0.0.1:${port}`], ranges: [] }, "answer"],
    [`http://127.0.0.1:${port}`, { hosts: [`127.0.0.1:1`], ranges: [] }, "blocked"],
    [`http://127.0.0.1:${port}`, { hosts: [`localhost:${port}`], ranges: [] }, "blocked"],
    [`http://LOCALHOST:${port}`, { hosts: [`LocalHost:${port}`], ranges: [] }, "answer"],
    [`http://localhost:${port}`, loopback, "answer"],
    [`http://127.0.0.1:${port}`, { hosts: [], ranges: [{ address: "127.0.0.0", prefix: 31 }] }, "answer"],
    [`http://127.0.0.1:${port}`, { hosts: [], ranges: [{ address: "127.0.0.2", prefix: 31 }] }, "blocked"],
    [`http://127.0.0.1:${port}`, { hosts: [], ranges: [{ address: "::", prefix: 0 }] }, "blocked"],
  ];
  for (const [url, allowed, expected] of cases) {
    assert.equal(await reason(t, url, allowed), expected, url);
    assert.equal(makeGuard(allowed).mayName(new URL(url)), expected === "answer" ? "ok" : "blocked", url);
  }
});

test("a host opened by name still may not lead to the metadata service or a neighbour on the link", async (t) => {
  for (const address of ["169.254.169.254", "fd00:ec2::254", "fe80::1", "100.100.100.200"]) {
    assert.equal(
      await reason(t, "http://inner.example:80", { hosts: ["inner.example:80"], ranges: [] }, [address]),
      "blocked",
    );
  }
});

test("at configuration time public https is fine, clear text is not, nor are other schemes or user info", () => {
  const guard = makeGuard({ hosts: ["ghe.corp:80", "[::1]:9100"], ranges: [] });
  const verdicts = {
    "https://api.github.com": "ok",
    "https://140.82.112.3": "ok",
    "https://[2606:4700::1111]/": "ok",
    "http://api.github.com": "blocked",
    "http://140.82.112.3": "blocked",
    "http://ghe.corp/api/v3": "ok",
    "https://ghe.corp": "ok",
    "http://[::1]:9100": "ok",
    "http://[::1]:9101": "blocked",
    "https://10.0.0.1": "blocked",
    "https://localhost.": "blocked",
    "https://app.localhost": "blocked",
    "https://user@api.github.com": "blocked",
    "ftp://api.github.com": "blocked",
    "file:///etc/passwd": "blocked",
    "toString:x": "blocked",
  };
  for (const [url, verdict] of Object.entries(verdicts)) assert.equal(guard.mayName(new URL(url)), verdict, url);
});

test("clear text to a public address does not leave", async (t) => {
  assert.equal(await reason(t, "http://api.example", loopback, ["8.8.8.8"]), "blocked");
});

test("a malformed range stops the start", () => {
  for (const range of [
    { address: "10.0.0.0", prefix: 33 },
    { address: "10.0.0", prefix: 8 },
    { address: "::", prefix: -1 },
    { address: "::", prefix: 1.5 },
  ]) {
    assert.throws(() => makeGuard({ hosts: [], ranges: [range] }), TypeError);
  }
});
