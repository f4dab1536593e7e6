// What an endpoint lets through: headers, methods, and which repository a call is about.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  allowedMethods,
  allowsMethod,
  endpointHeaders,
  type HeaderRules,
  injectionFault,
  isOwnUpstream,
  reachOf,
} from "../../src/rules/endpoint.ts";

const open: HeaderRules = { forward: [], blocked: [], inject: {} };

describe("headers of an endpoint:", () => {
  const raw = ["Accept", "a/b", "X-One", "1", "x-one", "2", "Content-Type", "text/plain", "Content-Length", "3"];

  test("without rules everything crosses that may, in order, with its case and its repetitions", () => {
    assert.deepEqual(endpointHeaders(raw, open), raw);
    const never = ["Authorization", "Bearer x", "cookie", "a=b", "Host", "h", "Behalf-X", "1", "connection_name", "g"];
    assert.deepEqual(endpointHeaders([...never, ...raw], open), raw);
  });

  test("a list of forwarded headers lets those through and what describes the body, whatever their case", () => {
    const rules = { ...open, forward: ["X-ONE"] };
    const kept = ["X-One", "1", "x-one", "2", "Content-Type", "text/plain", "Content-Length", "3"];
    assert.deepEqual(endpointHeaders(raw, rules), kept);
    // A list may not open what is closed for all.
    assert.deepEqual(endpointHeaders(["Cookie", "a=b", "AUTHORIZATION", "x"], { ...open, forward: ["cookie"] }), []);
  });

  test("a blocked header does not cross, be it forwarded or one of the body's", () => {
    const rules = { ...open, forward: ["x-one", "accept"], blocked: ["X-One", "content-TYPE"] };
    assert.deepEqual(endpointHeaders(raw, rules), ["Accept", "a/b", "Content-Length", "3"]);
  });

  test("an added header stands in place of the caller's own, each of them, and blocking does not stop it", () => {
    const rules = { forward: [], blocked: ["x-one"], inject: { "X-ONE": "ours" } };
    assert.deepEqual(endpointHeaders(["x-one", "1", "X-One", "2", "Accept", "c"], rules), [
      "Accept",
      "c",
      "X-ONE",
      "ours",
    ]);
  });

  test("nothing may be added that Behalf or the call itself sets, in any spelling", () => {
    const forbidden = ["Authorization", "authorization", "COOKIE", "Host", "Connection", "Transfer-Encoding", "TE"];
    const more = ["Content-Length", "content-type", "Content-Encoding", "Proxy-Authorization", "Upgrade", "Trailer"];
    const ours = ["Behalf-Refusal", "connection_name", "identifier", "X-Forwarded-For", "Forwarded", "X-Real-IP"];
    const rest = ["X-HTTP-Method-Override", "x_http_method_override", "Content_Length", "Expect", "Keep-Alive"];
    for (const name of [...forbidden, ...more, ...ours, ...rest])
      assert.equal(injectionFault(name), "is set by Behalf or by the call itself", name);
    for (const name of ["", "a b", "a:", "a\n", "é", "x".repeat(65), "(x)"])
      assert.equal(injectionFault(name), "is not a header name", JSON.stringify(name));
    for (const name of ["X-Api-Key", "Notion-Version", "Accept", "User-Agent", "If-Match", "Authorization-Info"])
      assert.equal(injectionFault(name), undefined, name);
  });
});

test("HEAD goes where GET goes, and Allow says so; no other method comes along", () => {
  assert.equal(allowsMethod(["GET"], "HEAD"), true);
  assert.equal(allowsMethod(["POST"], "HEAD"), false);
  assert.equal(allowsMethod(["GET"], "OPTIONS"), false);
  assert.equal(allowsMethod(["GET"], "get"), false);
  assert.equal(allowsMethod(["HEAD"], "GET"), false);
  assert.deepEqual(allowedMethods(["GET", "POST"]), ["GET", "POST", "HEAD"]);
  assert.deepEqual(allowedMethods(["GET", "HEAD"]), ["GET", "HEAD"]);
  assert.deepEqual(allowedMethods(["DELETE"]), ["DELETE"]);
});

describe("what a call reaches", () => {
  const api = "https://ghe.example/api/v3";
  const reach = (base: string, path: string, root: string | null = api) =>
    reachOf(base, root, path.slice(1).split("/"));

  test("is read from the base and the path together", () => {
    const hello = { owner: "octo", name: "hello" };
    assert.deepEqual(reach(api, "/repos/octo/hello/issues").repository, hello);
    assert.deepEqual(reach(`${api}/repos/octo`, "/hello/issues").repository, hello);
    assert.deepEqual(reach(`${api}/repos/octo/hello`, "/issues").repository, hello);
    assert.equal(reach(api, "/user").repository, "none");
    assert.deepEqual(reach(`${api}/repos`, "/octo/hello").path, ["repos", "octo", "hello"]);
  });

  test("is unknown wherever the base is not the root that the connection knows, or a part of it by segments", () => {
    for (const base of ["https://other.example/api/v3", "https://ghe.example/api/v3x", "https://ghe.example/api"]) {
      assert.deepEqual(reach(base, "/repos/octo/hello"), { repository: "unknown", graphql: false, path: null }, base);
    }
    assert.equal(reach(api, "/repos/octo/hello", null).repository, "unknown");
  });

  test("is GraphQL whatever the case and wherever the word stands, and then no repository is known", () => {
    for (const [base, path] of [
      [api, "/graphql"],
      [api, "/GraphQL"],
      [`${api}/graphql`, "/"],
      ["https://other.example", "/api/graphql"],
    ] as const) {
      const found = reach(base, path);
      assert.equal(found.graphql, true, base + path);
      assert.equal(found.repository, "unknown", base + path);
    }
    assert.equal(reach(api, "/repos/octo/graphql").repository, "unknown");
  });
});

test("a person's token belongs at the connection's hosts and at the origins of its provider, nowhere else", () => {
  const own = {
    hosts: ["https://api.github.com", "https://ghe.example/api/v3"],
    origins: ["https://*.slack.com", "https://api.notion.com"],
  };
  const yes = [
    "https://api.github.com/x",
    "https://ghe.example/other",
    "https://files.slack.com",
    "https://a.b.slack.com/api",
    "https://api.notion.com:443/v1",
  ];
  const no = [
    "https://api.github.com.evil.example",
    "http://api.github.com",
    "https://api.github.com:8443",
    "https://slack.com",
    "https://evilslack.com",
    "http://files.slack.com",
    "https://files.slack.com:8443",
    "https://api.notion.com.x",
  ];
  for (const url of yes) assert.equal(isOwnUpstream(url, own), true, url);
  for (const url of no) assert.equal(isOwnUpstream(url, own), false, url);
});
