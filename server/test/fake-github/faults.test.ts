// Faults break exactly the exchanges they name, as often as they say, and processed means processed.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { FakeGitHub } from "./index.ts";
import { call, exchange, GITHUB_APP, OAUTH_APP, seeded, signIn } from "./testing.ts";

let github: FakeGitHub;
let token: string;

before(async () => {
  github = await seeded();
  token = (await signIn(github, OAUTH_APP, "octocat", "repo")).access_token;
});

after(async () => github.close());

const TOKEN_PATH = /access_token/;

async function refresh(refresh_token: string): Promise<Record<string, unknown>> {
  return exchange(github, GITHUB_APP, { grant_type: "refresh_token", refresh_token });
}

test("a fault takes the request it names, so many times", async () => {
  github.fault({ origin: "api", method: "get", path: /^\/user$/, kind: "status", status: 503, times: 2 });
  const statuses: number[] = [];
  for (const path of ["/zen", "/user", "/user", "/user"])
    statuses.push((await call(github.api, path, { token })).status);
  assert.deepEqual(statuses, [200, 503, 503, 200]);
});

test("a status fault answers what it is given and processes nothing", async () => {
  github.fault({ kind: "status", status: 502, body: "{}", headers: { "X-Made-Up": "1" }, method: "POST" });
  const answered = await call(github.api, "/repos/acme/api/issues", { token, method: "POST", body: { title: "lost" } });
  assert.deepEqual([answered.status, answered.text, answered.headers.get("x-made-up")], [502, "{}", "1"]);
  assert.equal((await call(github.api, "/repos/acme/api/issues", { token })).text.includes("lost"), false);
});

test("a reset before leaves the refresh token good; a reset after has rotated it", async () => {
  const pair = await signIn(github, GITHUB_APP);
  github.fault({ origin: "web", path: TOKEN_PATH, kind: "reset-before" });
  await assert.rejects(refresh(pair.refresh_token));
  assert.equal((await call(github.api, "/user", { token: pair.access_token })).status, 200);
  github.fault({ origin: "web", path: TOKEN_PATH, kind: "reset-after" });
  await assert.rejects(refresh(pair.refresh_token));
  assert.equal((await call(github.api, "/user", { token: pair.access_token })).status, 401);
  assert.equal((await refresh(pair.refresh_token))["error"], "bad_refresh_token");
});

test("a held answer was processed and comes when released", async () => {
  const pair = await signIn(github, GITHUB_APP);
  const { promise, resolve } = Promise.withResolvers<void>();
  github.fault({ origin: "web", path: TOKEN_PATH, kind: "hold", release: promise });
  const pending = refresh(pair.refresh_token);
  await waitFor(async () => (await call(github.api, "/user", { token: pair.access_token })).status === 401);
  assert.equal(github.callsTo("web").at(-1)?.status, null);
  resolve();
  assert.match(String((await pending)["access_token"]), /^ghu_/);
});

test("a request held before processing has changed nothing yet", async () => {
  const pair = await signIn(github, GITHUB_APP);
  const { promise, resolve } = Promise.withResolvers<void>();
  const seen = github.callsTo("web").length;
  github.fault({ origin: "web", path: TOKEN_PATH, kind: "hold", before: true, release: promise });
  const pending = refresh(pair.refresh_token);
  await waitFor(async () => github.callsTo("web").length > seen);
  assert.equal((await call(github.api, "/user", { token: pair.access_token })).status, 200);
  resolve();
  assert.match(String((await pending)["access_token"]), /^ghu_/);
});

test("slow headers and slow bodies arrive whole", async () => {
  for (const kind of ["slow-headers", "slow-body"] as const) {
    github.fault({ origin: "api", kind, delayMs: 60 });
    const start = performance.now();
    assert.equal((await call(github.api, "/user", { token })).json["login"], "octocat");
    assert.ok(performance.now() - start >= 55, kind);
  }
});

test("a truncated body breaks off", async () => {
  github.fault({ origin: "api", kind: "truncate" });
  await assert.rejects(call(github.api, "/user", { token }));
});

test("a primary limit says when it ends and has no Retry-After", async () => {
  for (const [kind, status] of [
    ["primary-limit-403", 403],
    ["primary-limit-429", 429],
  ] as const) {
    github.fault({ kind });
    const answered = await call(github.api, "/user", { token });
    assert.equal(answered.status, status);
    assert.match(String(answered.json["message"]), /^API rate limit exceeded/);
    assert.equal(answered.headers.get("x-ratelimit-remaining"), "0");
    assert.equal(answered.headers.has("retry-after"), false);
    assert.ok(Number(answered.headers.get("x-ratelimit-reset")) * 1000 > github.clock.now());
  }
});

test("a secondary limit says so, with Retry-After and points left", async () => {
  github.fault({ kind: "secondary-limit", headers: { "Retry-After": "7" } });
  const answered = await call(github.api, "/user", { token });
  assert.equal(answered.status, 403);
  assert.match(String(answered.json["message"]), /secondary rate limit/);
  assert.equal(answered.headers.get("retry-after"), "7");
  assert.notEqual(answered.headers.get("x-ratelimit-remaining"), "0");
  github.fault({ kind: "secondary-limit", status: 429, headers: { "Retry-After": "" } });
  const without = await call(github.api, "/user", { token });
  assert.deepEqual([without.status, without.headers.has("retry-after")], [429, false]);
});

test("closing ends what is held", async () => {
  const other = await seeded();
  other.fault({ kind: "hold" });
  const pending = assert.rejects(call(other.api, "/zen"));
  await waitFor(async () => other.calls.length === 1);
  await other.close();
  await pending;
});

async function waitFor(true_: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 200; tries += 1) {
    if (await true_()) return;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  assert.fail("never came true");
}
