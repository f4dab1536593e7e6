// The web flow and the device flow refuse what GitHub refuses, each refusal as HTTP 200 where GitHub says so.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { FakeGitHub } from "./index.ts";
import {
  authorizeUrl,
  CALLBACK,
  CHALLENGE,
  call,
  codeFor,
  exchange,
  GITHUB_APP,
  OAUTH_APP,
  seeded,
  signIn,
  VERIFIER,
} from "./testing.ts";

let github: FakeGitHub;

before(async () => {
  github = await seeded();
});

after(async () => github.close());

const S256 = { code_challenge: CHALLENGE, code_challenge_method: "S256" };

test("an OAuth App gets a token without expiry and comma-separated scopes", async () => {
  const pair = await signIn(github, OAUTH_APP, "octocat", "user repo");
  assert.match(pair.access_token, /^gho_[A-Za-z0-9]{36}$/);
  assert.deepEqual({ ...pair, access_token: "" }, { access_token: "", token_type: "bearer", scope: "repo,user" });
});

test("a GitHub App gets an expiring pair with an empty scope", async () => {
  const pair = await signIn(github, GITHUB_APP, "octocat", "repo");
  assert.match(pair.access_token, /^ghu_/);
  assert.match(pair.refresh_token, /^ghr_/);
  assert.equal(pair.expires_in, 28800);
  assert.equal(pair.refresh_token_expires_in, 15811200);
  assert.equal(pair.scope, "");
});

test("the answer is form-encoded unless JSON is asked for", async () => {
  const code = await codeFor(github, OAUTH_APP, "octocat", { scope: "user repo" });
  const body = new URLSearchParams({ client_id: OAUTH_APP.clientId, client_secret: OAUTH_APP.clientSecret, code });
  const response = await fetch(`${github.web}/login/oauth/access_token`, { method: "POST", body });
  assert.match(response.headers.get("content-type") ?? "", /^application\/x-www-form-urlencoded/);
  assert.match(await response.text(), /^access_token=gho_\w+&token_type=bearer&scope=repo%2Cuser$/);
});

test("the callback carries code, issuer and state; Cancel carries access_denied and state", async () => {
  const back = new URL(await github.approve(authorizeUrl(github, OAUTH_APP), "octocat"));
  assert.equal(`${back.origin}${back.pathname}`, CALLBACK);
  assert.deepEqual([...back.searchParams.keys()].sort(), ["code", "iss", "state"]);
  const denied = new URL(await github.approve(authorizeUrl(github, OAUTH_APP), "octocat", { deny: true }));
  assert.equal(denied.searchParams.get("error"), "access_denied");
  assert.equal(denied.searchParams.get("state"), "s-1");
  assert.equal(denied.searchParams.has("code"), false);
});

test("an unknown client gets a 404 page", async () => {
  const url = authorizeUrl(github, { clientId: "nobody", clientSecret: "" });
  assert.equal((await fetch(url)).status, 404);
});

test("a redirect_uri that is not registered goes back to the registered one with an error", async () => {
  for (const redirect_uri of [`${CALLBACK}/deeper`, `${CALLBACK}?x=1`, "http://localhost:4180/oauth/callback"]) {
    const back = new URL(await github.approve(authorizeUrl(github, OAUTH_APP, { redirect_uri }), "octocat"));
    assert.equal(`${back.origin}${back.pathname}`, CALLBACK);
    assert.equal(back.searchParams.get("error"), "redirect_uri_mismatch");
  }
});

test("plain challenges are refused, named or by default", async () => {
  const refused: Record<string, string>[] = [
    { ...S256, code_challenge_method: "plain" },
    { code_challenge: CHALLENGE },
    { ...S256, code_challenge: "short" },
  ];
  for (const more of refused) {
    const back = new URL(await github.approve(authorizeUrl(github, OAUTH_APP, more), "octocat"));
    assert.equal(back.searchParams.get("error"), "invalid_request");
  }
});

test("a decision cannot be posted without the page it was made on", async () => {
  const body = new URLSearchParams({ client_id: OAUTH_APP.clientId, login: "octocat", authorize: "1" });
  const response = await fetch(`${github.web}/login/oauth/authorize`, { method: "POST", body, redirect: "manual" });
  assert.equal(response.status, 422);
});

test("the consent page is a plain form with the known users, Authorize and Cancel", async () => {
  const html = await (await fetch(authorizeUrl(github, OAUTH_APP, { state: '"><script>' }))).text();
  assert.match(html, /<button[^>]*>Authorize</);
  assert.match(html, /<button[^>]*>Cancel</);
  assert.match(html, /value="octocat"/);
  assert.doesNotMatch(html, /<script/);
});

test("a code works once", async () => {
  const code = await codeFor(github, OAUTH_APP, "octocat");
  assert.ok("access_token" in (await exchange(github, OAUTH_APP, { code })));
  assert.equal((await exchange(github, OAUTH_APP, { code }))["error"], "bad_verification_code");
});

test("a code dies after ten minutes", async () => {
  const code = await codeFor(github, OAUTH_APP, "octocat");
  github.clock.advance(10 * 60_000);
  assert.equal((await exchange(github, OAUTH_APP, { code }))["error"], "bad_verification_code");
});

test("a code belongs to its client and its redirect_uri", async () => {
  const code = await codeFor(github, OAUTH_APP, "octocat");
  assert.equal((await exchange(github, GITHUB_APP, { code }))["error"], "bad_verification_code");
  assert.equal(
    (await exchange(github, OAUTH_APP, { code, redirect_uri: "http://other/" }))["error"],
    "redirect_uri_mismatch",
  );
});

test("a challenge makes the right verifier necessary", async () => {
  const first = await codeFor(github, OAUTH_APP, "octocat", S256);
  assert.equal((await exchange(github, OAUTH_APP, { code: first }))["error"], "bad_verification_code");
  const second = await codeFor(github, OAUTH_APP, "octocat", S256);
  assert.equal(
    (await exchange(github, OAUTH_APP, { code: second, code_verifier: `${VERIFIER}x` }))["error"],
    "bad_verification_code",
  );
  const third = await codeFor(github, OAUTH_APP, "octocat", S256);
  assert.ok("access_token" in (await exchange(github, OAUTH_APP, { code: third, code_verifier: VERIFIER })));
});

test("wrong client credentials and unknown grants are HTTP 200 errors with a description and a URI", async () => {
  const wrong = await exchange(github, { ...OAUTH_APP, clientSecret: "nope" }, { code: "x" });
  assert.equal(wrong["error"], "incorrect_client_credentials");
  assert.ok("error_description" in wrong && "error_uri" in wrong);
  const password = await exchange(github, OAUTH_APP, { grant_type: "password" });
  assert.equal(password["error"], "unsupported_grant_type");
});

test("client credentials count only in the body", async () => {
  const code = await codeFor(github, OAUTH_APP, "octocat");
  const answered = await call(github.web, "/login/oauth/access_token", {
    method: "POST",
    body: `code=${code}`,
    headers: {
      accept: "application/json",
      "content-type": "application/x-www-form-urlencoded",
      authorization: `Basic ${Buffer.from("Ov1.test:oauth-secret").toString("base64")}`,
    },
  });
  assert.equal(answered.json["error"], "incorrect_client_credentials");
});

test("asking for no scope repeats those granted before", async () => {
  await signIn(github, OAUTH_APP, "hubot", "gist");
  const code = await codeFor(github, OAUTH_APP, "hubot");
  assert.equal((await exchange(github, OAUTH_APP, { code }))["scope"], "gist");
});

test("the person may grant fewer scopes than asked", async () => {
  const back = await github.approve(authorizeUrl(github, OAUTH_APP, { scope: "repo user" }), "octocat", {
    scopes: ["user"],
  });
  const code = new URL(back).searchParams.get("code") ?? "";
  assert.equal((await exchange(github, OAUTH_APP, { code }))["scope"], "user");
});

test("the device flow waits, slows down, and yields one token that refreshes without a secret", async () => {
  const started = await call(github.web, "/login/device/code", {
    method: "POST",
    body: `client_id=${GITHUB_APP.clientId}`,
    headers: { accept: "application/json", "content-type": "application/x-www-form-urlencoded" },
  });
  const { device_code, user_code, interval } = started.json as {
    device_code: string;
    user_code: string;
    interval: number;
  };
  assert.equal(device_code.length, 40);
  assert.match(user_code, /^[0-9A-F]{4}-[0-9A-F]{4}$/);
  const poll = { grant_type: "urn:ietf:params:oauth:grant-type:device_code", device_code };
  const pollOnce = async (): Promise<Record<string, unknown>> =>
    exchange(github, { ...GITHUB_APP, clientSecret: "" }, poll);
  assert.equal((await pollOnce())["error"], "authorization_pending");
  const hasty = await pollOnce();
  assert.deepEqual([hasty["error"], hasty["interval"]], ["slow_down", interval + 5]);
  github.clock.advance(10_000);
  github.approveDevice(user_code, "octocat");
  const pair = await pollOnce();
  assert.match(String(pair["access_token"]), /^ghu_/);
  github.clock.advance(10_000);
  assert.equal((await pollOnce())["error"], "incorrect_device_code");
  const refreshed = await exchange(
    github,
    { ...GITHUB_APP, clientSecret: "" },
    { grant_type: "refresh_token", refresh_token: String(pair["refresh_token"]) },
  );
  assert.match(String(refreshed["access_token"]), /^ghu_/);
});
