// What GitHub's answers say of calls to come, and which part of a limit a call would use.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { blockIn, rateFacts, resourceOf } from "../../src/rules/headroom.ts";

const now = 1_700_000_000_000;
const reset = now / 1000 + 600;

function limits(remaining: number | string, more: Record<string, string> = {}): Record<string, string> {
  const rate = { limit: "5000", remaining: String(remaining), reset: String(reset), resource: "core" };
  return {
    ...Object.fromEntries(Object.entries(rate).map(([name, value]) => [`x-ratelimit-${name}`, value])),
    ...more,
  };
}

const blockOf = (status: number, headers: Record<string, string>, words = "") =>
  blockIn({ status, headers, words, now });

test("the four headers are facts only together and only when they make sense", () => {
  assert.deepEqual(rateFacts(limits(4999)), { resource: "core", limit: 5000, remaining: 4999, resetAt: reset * 1000 });
  for (const name of ["limit", "remaining", "reset"]) {
    for (const wrong of ["", "-1", "1.5", "1e3", "many", "9".repeat(13)])
      assert.equal(rateFacts(limits(1, { [`x-ratelimit-${name}`]: wrong })), null, `${name}: ${wrong}`);
  }
  const { "x-ratelimit-resource": _, ...without } = limits(1);
  assert.equal(rateFacts(without)?.resource, "core");
  assert.equal(rateFacts(limits(1, { "x-ratelimit-resource": 'a"b' })), null);
  assert.equal(rateFacts({}), null);
});

describe("the part of the limit that a path uses:", () => {
  const of = (path: string) => resourceOf(path.slice(1).split("/"));

  test("core for almost all, and parts of their own for search and GraphQL", () => {
    for (const path of ["/user", "/repos/o/r/issues", "/", "/repos/o/search"]) assert.equal(of(path), "core", path);
    assert.equal(of("/search/issues"), "search");
    assert.equal(of("/search/code"), "code_search");
    assert.equal(of("/GraphQL"), "graphql");
    assert.equal(resourceOf([]), "core");
  });

  test("nothing is told of rate_limit, which is free, nor where GitHub counts apart", () => {
    const paths = [
      "/rate_limit",
      "/RATE_LIMIT",
      "/repos/o/r/code-scanning/alerts",
      "/scim/v2/Users",
      "/orgs/o/audit-log",
    ];
    for (const path of [...paths, "/app-manifests/x/conversions", "/repos/o/r/actions/runners/registration-token"])
      assert.equal(of(path), null, path);
  });
});

describe("an answer blocks", () => {
  test("its own part of the limit until the reset, when that part is used up", () => {
    const until = reset * 1000;
    for (const status of [403, 429])
      assert.deepEqual(blockOf(status, limits(0)), { resource: "core", kind: "primary", until });
    const search = limits(0, { "x-ratelimit-resource": "search" });
    assert.deepEqual(blockOf(403, search), { resource: "search", kind: "primary", until });
  });

  test("what comes next already when the last free call was answered, whatever the answer", () => {
    for (const status of [200, 201, 304, 404, 422])
      assert.deepEqual(
        blockOf(status, limits(0)),
        { resource: "core", kind: "primary", until: reset * 1000 },
        String(status),
      );
    assert.equal(blockOf(200, limits(0, { "x-ratelimit-reset": String(now / 1000 - 1) })), null);
    assert.equal(blockOf(200, limits(1)), null);
  });

  test("everything of the account after a secondary limit, for as long as it says", () => {
    assert.deepEqual(blockOf(403, limits(4000, { "retry-after": "90" })), {
      resource: null,
      kind: "secondary",
      until: now + 90_000,
    });
    assert.deepEqual(blockOf(429, limits(4000)), { resource: null, kind: "secondary", until: now + 60_000 });
  });

  test("nothing, when what is missing is a permission or the call is merely wrong", () => {
    assert.equal(blockOf(403, limits(4999)), null);
    assert.equal(blockOf(403, limits(4999), "Resource not accessible by integration"), null);
    assert.equal(blockOf(404, limits(3)), null);
    assert.equal(blockOf(503, { "retry-after": "30" }), null);
    assert.equal(blockOf(200, {}), null);
  });
});
