// The log says what happened and keeps what is secret.
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Credential } from "../src/crypto/credential.ts";
import { createLog, type Log, type LogOptions } from "../src/log.ts";

function listen(level: LogOptions["level"] = "debug"): { readonly log: Log; readonly lines: string[] } {
  const lines: string[] = [];
  return { log: createLog({ level, write: (line) => lines.push(line), now: () => 1_700_000_000_000 }), lines };
}

function logged(message: string, fields?: Record<string, unknown>): Record<string, unknown> {
  const { log, lines } = listen();
  log.info(message, fields);
  return JSON.parse(lines[0] ?? "") as Record<string, unknown>;
}

test("a line is one JSON object with time, level, message and the fields", () => {
  const { log, lines } = listen();
  log.warn("two\nlines", { account: "acc_1", took: 12, ok: true, none: null, left: undefined, at: new Date(0) });
  assert.deepEqual(lines, [
    '{"time":"2023-11-14T22:13:20.000Z","level":"warn","message":"two\\nlines","account":"acc_1","took":12,"ok":true,"none":null,"at":"1970-01-01T00:00:00.000Z"}\n',
  ]);
});

test("less important lines than the level are not written, and silent writes none", () => {
  for (const [level, count] of Object.entries({ debug: 4, info: 3, warn: 2, error: 1, silent: 0 })) {
    const { log, lines } = listen(level as LogOptions["level"]);
    log.debug("a");
    log.info("b");
    log.warn("c");
    log.error("d");
    assert.equal(lines.length, count, level);
  }
});

test("a field cannot replace time, level or message", () => {
  const line = logged("true", { message: "false", level: "error", time: "never" });
  assert.deepEqual([line["message"], line["level"], line["time"]], ["true", "info", "2023-11-14T22:13:20.000Z"]);
});

test("an error is its name, message, code and causes, and nothing that was hung on it", () => {
  const cause = Object.assign(new TypeError("connect failed"), { code: "ECONNREFUSED", request: { headers: "x" } });
  const error = Object.assign(new Error("could not refresh", { cause }), { body: "secret-body", status: 500 });
  assert.deepEqual(logged("x", { error })["error"], {
    name: "Error",
    message: "could not refresh",
    cause: { name: "TypeError", message: "connect failed", code: "ECONNREFUSED" },
  });
});

test("a cause that is no error is named, not shown", () => {
  assert.deepEqual(logged("x", { error: new Error("bad answer", { cause: { access_token: "abc" } }) })["error"], {
    name: "Error",
    message: "bad answer",
    cause: "[Object]",
  });
});

test("a credential prints as [credential], however deep", () => {
  const key = new Credential("plain-text");
  assert.deepEqual(logged("x", { key, list: [{ key }] }), {
    ...logged("x"),
    key: "[credential]",
    list: [{ key: "[credential]" }],
  });
});

test("bytes, headers and other instances are named, not shown", () => {
  const fields = { body: Buffer.from("secret"), headers: new Headers({ a: "b" }), map: new Map([["a", "b"]]) };
  assert.deepEqual(logged("x", fields), { ...logged("x"), body: "[Buffer]", headers: "[Headers]", map: "[Map]" });
});

test("circles, depth and throwing getters cost no line", () => {
  const circle: Record<string, unknown> = {};
  circle["self"] = circle;
  const error = new Error("round");
  error.cause = error;
  assert.deepEqual(logged("x", { circle })["circle"], { self: "[…]" });
  assert.deepEqual(logged("x", { error })["error"], { name: "Error", message: "round", cause: "[…]" });
  const trap = Object.defineProperty({}, "x", { enumerable: true, get: () => assert.fail("read") });
  assert.equal(logged("still here", { trap })["fields"], "[unprintable]");
});

test("a field with the name of a secret is masked, a code is not", () => {
  const line = logged("x", { client_secret: "hunter2", token: "abc", code: "account_revoked", state: "ACTIVE" });
  assert.deepEqual([line["client_secret"], line["token"]], ["[masked]", "[masked]"]);
  assert.deepEqual([line["code"], line["state"]], ["account_revoked", "ACTIVE"]);
});

const examples: Readonly<Record<string, string>> = {
  "pushed with ghs_0123456789abcdefghij": "pushed with ghs_[masked]",
  "x_github_pat_11ABCDEFG0123456789_abcdefg!": "x_github_pat_[masked]!",
  "ghu_eyJhbGciOi.JSUzI1NiIsInR5-cCI6_IkpXVCJ9 next": "ghu_[masked] next",
  "bh_live_short and bh_test_x1": "bh_live_[masked] and bh_test_[masked]",
  "Bearer abcdefgh1": "Bearer [masked]",
  "sent token 0123456789abcdef0123": "sent token [masked]",
  "the token was refused by the provider": "the token was refused by the provider",
  "Authorization: token x\nAccept: y": "Authorization: [masked]\nAccept: y",
  "/oauth/callback?code=abc&state=d%2Fe&iss=x": "/oauth/callback?code=[masked]&state=[masked]&iss=x",
  "return%3Fa%26code%3Dabc": "return%3Fa%26code%3D[masked]",
  "client_id=1&client_secret=abc": "client_id=1&client_secret=[masked]",
  '{"access_token":"a\\"b","scope":"repo"}': '{"access_token":"[masked]","scope":"repo"}',
  "exit_code=1 statuscode=2": "exit_code=1 statuscode=2",
  "postgres://me:open/sesame@db": "postgres://me:open/sesame@db",
  "postgres://me:open-sesame@db/x": "postgres://me:[masked]@db/x",
  "GET /connect/0123456789abcdefghijklmnop": "GET /connect/[masked]",
  "-----BEGIN RSA PRIVATE KEY-----\nabc\n-----END RSA PRIVATE KEY----- after": "[masked] after",
  "jwt eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiIxIn0.c2ln": "jwt [masked]",
};

test("what looks like a secret is masked in a message, in a field and in an error", () => {
  for (const [text, expected] of Object.entries(examples)) {
    const line = logged(text, { field: [text], error: new Error(text) });
    const seen = [line["message"], line["field"], (line["error"] as { message: string }).message];
    assert.deepEqual(seen, [expected, [expected], expected]);
  }
});

test("no token survives any text around it", () => {
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
  const body = fc.string({ unit: fc.constantFrom(...alphabet.split("")), minLength: 24, maxLength: 300 });
  const prefix = fc.constantFrom(
    "ghs_",
    "gho_",
    "ghu_",
    "ghr_",
    "ghp_",
    "github_pat_",
    "bh_live_",
    "bh_test_",
    "Bearer ",
  );
  const check = fc.property(fc.string({ maxLength: 9000 }), prefix, body, fc.string(), (before, start, rest, after) => {
    // A bearer needs a border before it, as a header or sentence has.
    const text = `${before} ${start}${rest}${after}`;
    const { log, lines } = listen();
    log.error(text, { [text]: text, error: new Error(text, { cause: text }), url: { query: `a=b&x=${text}` } });
    assert.ok(!lines.join("").includes(rest));
  });
  fc.assert(check, { numRuns: 300 });
});
