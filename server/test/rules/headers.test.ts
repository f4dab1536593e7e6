// Which headers cross the proxy: all end-to-end headers do, in order, except those that must not (design §10.5).
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { requestHeaders, responseHeaders } from "../../src/rules/headers.ts";

const same = (url: string): string => url;

const neverForwarded = [
  "Authorization",
  "Proxy-Authorization",
  "Proxy-Connection",
  "Cookie",
  "Cookie2",
  "Connection",
  "Keep-Alive",
  "TE",
  "Trailer",
  "Transfer-Encoding",
  "Upgrade",
  "HTTP2-Settings",
  "Host",
  "Expect",
  "connection_name",
  "identifier",
  "Behalf-Connection",
  "Behalf-Identifier",
  "Behalf-Refusal",
  "Behalf-Anything",
  "Forwarded",
  "X-Forwarded-For",
  "X-Forwarded-Host",
  "X-Real-IP",
  "X-HTTP-Method-Override",
  "X-Original-URL",
];

const neverReturned = [
  "Set-Cookie",
  "Set-Cookie2",
  "Clear-Site-Data",
  "Strict-Transport-Security",
  "Alt-Svc",
  "Access-Control-Allow-Origin",
  "Access-Control-Anything",
  "Behalf-Refusal",
  "Behalf-Credential",
  "Connection",
  "Keep-Alive",
  "Proxy-Authenticate",
  "TE",
  "Trailer",
  "Transfer-Encoding",
  "Upgrade",
  "RateLimit",
  "RateLimit-Limit",
  "RateLimit-Policy",
];

/** The name in every mixture of cases. */
const recased = (name: string) =>
  fc
    .array(fc.boolean(), { minLength: name.length, maxLength: name.length })
    .map((ups) => [...name].map((char, at) => (ups[at] === true ? char.toUpperCase() : char.toLowerCase())).join(""));

test("no forbidden request header survives any casing", () => {
  const property = fc.property(fc.constantFrom(...neverForwarded).chain(recased), fc.string(), (name, value) => {
    assert.deepEqual(requestHeaders(["Accept", "a", name, value, "ETag", "b"]).includes(name), false);
  });
  fc.assert(property, { numRuns: 3000 });
});

test("no forbidden response header survives any casing", () => {
  const property = fc.property(fc.constantFrom(...neverReturned).chain(recased), fc.string(), (name, value) => {
    assert.deepEqual(responseHeaders(["Accept", "a", name, value, "ETag", "b"], same).includes(name), false);
  });
  fc.assert(property, { numRuns: 3000 });
});

test("all other headers pass in order, with duplicates and casing", () => {
  const request = ["Accept", "*/*", "X-A", "1", "x-a", "2", "Content-Length", "3", "If-None-Match", '"e"', "X-A", ""];
  assert.deepEqual(requestHeaders(request), request);
  const response = [
    "ETag",
    '"e"',
    "X-RateLimit-Remaining",
    "1",
    "Retry-After",
    "60",
    "Vary",
    "Accept",
    "vary",
    "Authorization, Cookie",
    "Content-Length",
    "3",
    "Content-Encoding",
    "gzip",
    "WWW-Authenticate",
    "Basic",
    "X-GitHub-SSO",
    "required; url=https://github.com/orgs/x/sso",
  ];
  assert.deepEqual(responseHeaders(response, same), response);
});

test("what Connection names is dropped on both sides, in any place and casing", () => {
  const raw = [
    "X-Hop",
    "1",
    "Connection",
    "close, x-hop , X-Other",
    "x-other",
    "2",
    "X-Stay",
    "3",
    "connection",
    "x-more",
    "X-More",
    "4",
  ];
  assert.deepEqual(requestHeaders(raw), ["X-Stay", "3"]);
  assert.deepEqual(responseHeaders(raw, same), ["X-Stay", "3"]);
});

test("names and values that could break out of their line do not cross", () => {
  const raw = ["X-A", "1\r\nSet-Cookie: a=b", "X-B", "1\n2", "X-C", "\0", "X D", "1", "X-E:", "1", "", "1", "X-F", "1"];
  assert.deepEqual(requestHeaders(raw), ["X-F", "1"]);
  assert.deepEqual(responseHeaders(raw, same), ["X-F", "1"]);
});

test("Link and Location are rewritten, each through its own name", () => {
  const raw = ["link", "<u1>; rel=next, <u2>; rel=last", "LOCATION", "u3", "Content-Location", "u4"];
  assert.deepEqual(
    responseHeaders(raw, (url, name) => `${name}:${url}`),
    ["link", "<link:u1>; rel=next, <link:u2>; rel=last", "LOCATION", "location:u3", "Content-Location", "u4"],
  );
});
