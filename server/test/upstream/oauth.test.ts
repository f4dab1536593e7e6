// Our conversation with an OAuth provider: GitHub's ways understood, nothing believed that was not said.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Credential } from "../../src/crypto/credential.ts";
import { Refusal } from "../../src/rules/refusal.ts";
import type { GrantAnswer, Provider } from "../../src/upstream/provider.ts";
import { CALLBACK, GITHUB_APP, OAUTH_APP, seeded, VERIFIER } from "../fake-github/testing.ts";
import { generic, githubProvider, granted, signedIn, speaking, talking } from "./talking.ts";

const state = "s-1";

test("an authorization URL carries client, redirect URI, state and an S256 challenge, and scopes only for an OAuth App", async () => {
  const { oauth } = talking();
  const hosts = { web: "https://github.example", api: "https://github.example/api/v3" };
  const app = githubProvider(hosts, "github", { scopes: ["repo", "read:user"] });
  // The example of RFC 7636, appendix B.
  const verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
  const url = new URL(await oauth.authorizeUrl(app, { state, verifier }));
  assert.equal(url.origin + url.pathname, "https://github.example/login/oauth/authorize");
  assert.deepEqual(Object.fromEntries(url.searchParams), {
    response_type: "code",
    client_id: OAUTH_APP.clientId,
    redirect_uri: CALLBACK,
    state,
    code_challenge: "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
    code_challenge_method: "S256",
    scope: "repo read:user",
  });
  const second = githubProvider(hosts, "github-app", { scopes: ["repo"] });
  const without = new URL(await oauth.authorizeUrl(second, { state, verifier: VERIFIER }));
  assert.equal(without.searchParams.has("scope"), false);
});

test("a connection without an authorization address is refused as misconfigured", async () => {
  const { oauth } = talking();
  await assert.rejects(
    oauth.authorizeUrl(generic({}), { state, verifier: VERIFIER }),
    (error) => error instanceof Refusal && error.code === "connection_misconfigured",
  );
});

test("a code becomes tokens with their lives, and the code works once", async (t) => {
  const world = await speaking(t);
  const provider = githubProvider(world.github, "github-app");
  const callback = await world.callback(provider, "octocat");
  const before = world.github.clock.now();
  const tokens = granted(await world.oauth.exchange(provider, { callback, state, verifier: VERIFIER }));
  assert.match(tokens.access.reveal(), /^ghu_/);
  assert.match(tokens.refresh?.reveal() ?? "", /^ghr_/);
  const life = (tokens.expiresAt ?? 0) - before;
  assert.ok(life >= 28_800_000 - 1000 && life <= 28_800_000 + 1000, `8 hours, not ${life} ms`);
  assert.ok((tokens.refreshExpiresAt ?? 0) > before + 150 * 86_400_000);
  assert.deepEqual(tokens.scopes, []);
  const again = await world.oauth.exchange(provider, { callback, state, verifier: VERIFIER });
  assert.deepEqual(again, { kind: "rejected", error: "bad_verification_code" });
});

test("GitHub's comma-separated scopes come as a list", async (t) => {
  const world = await speaking(t);
  const provider = githubProvider(world.github, "github", { scopes: ["repo", "read:user"] });
  const tokens = await signedIn(world, provider);
  assert.deepEqual([...(tokens.scopes ?? [])].sort(), ["read:user", "repo"]);
  assert.deepEqual([tokens.refresh, tokens.expiresAt, tokens.refreshExpiresAt], [null, null, null]);
});

test("a wrong verifier, a foreign state and a missing code are rejected without tokens", async (t) => {
  const world = await speaking(t);
  const provider = githubProvider(world.github, "github-app");
  const callback = await world.callback(provider, "octocat");
  const foreign = await world.oauth.exchange(provider, { callback, state: "s-2", verifier: VERIFIER });
  assert.deepEqual(foreign, { kind: "rejected", error: "invalid_callback" });
  assert.equal(world.github.callsTo("web", "POST", /access_token/).length, 0);
  for (const none of [new URLSearchParams({ state }), new URLSearchParams({ state, code: "" })]) {
    const answer = await world.oauth.exchange(provider, { callback: none, state, verifier: VERIFIER });
    assert.deepEqual(answer, { kind: "rejected", error: "invalid_callback" });
  }
  const wrong = await world.oauth.exchange(provider, { callback, state, verifier: `${VERIFIER}-not` });
  assert.deepEqual(wrong, { kind: "rejected", error: "bad_verification_code" });
});

test("a person who says no is a rejection in the provider's word", async (t) => {
  const world = await speaking(t);
  const provider = githubProvider(world.github, "github-app");
  const url = await world.oauth.authorizeUrl(provider, { state, verifier: VERIFIER });
  const back = new URL(await world.github.approve(url, "octocat", { deny: true }));
  const answer = await world.oauth.exchange(provider, { callback: back.searchParams, state, verifier: VERIFIER });
  assert.deepEqual(answer, { kind: "rejected", error: "access_denied" });
});

test("an issuer in the callback is compared: with the one that is known, else with the host people are sent to", async (t) => {
  const world = await speaking(t);
  const asked = async (provider: Provider, iss: string): Promise<GrantAnswer> => {
    const callback = await world.callback(provider, "octocat");
    callback.set("iss", iss);
    return world.oauth.exchange(provider, { callback, state, verifier: VERIFIER });
  };
  const no = { kind: "rejected", error: "invalid_callback" };
  const unknown = githubProvider(world.github, "github-app");
  assert.equal((await asked(unknown, `${world.github.web}/login/oauth`)).kind, "granted");
  const own = `${world.github.web}/login/oauth`;
  const known = githubProvider(world.github, "github-app", { settings: { issuer: own } });
  assert.deepEqual(await asked(known, `${own}/other`), no);
  assert.equal((await asked(known, own)).kind, "granted");
});

// RFC 9207 §1, the mix-up attack: a code of GitHub, or of Google, given away at the token endpoint of somebody else's host.
test("a code that another provider gave is never spent at the host of a connection that shares its redirect URI", async (t) => {
  const world = await speaking(t);
  for (const iss of ["https://github.com/login/oauth", "https://accounts.google.com", "not a URL", ""]) {
    // Whoever makes such a connection chooses its settings too.
    for (const settings of [{}, { issuer: iss }]) {
      const provider = githubProvider(world.github, "github-app", { settings });
      const callback = new URLSearchParams({ code: "of-somebody-else", state, iss });
      const answer = await world.oauth.exchange(provider, { callback, state, verifier: VERIFIER });
      assert.deepEqual(answer, { kind: "rejected", error: "invalid_callback" }, iss);
    }
  }
  assert.equal(world.github.callsTo("web", "POST", /access_token/).length, 0);
});

test("a wrong client secret says nothing about the grant", async (t) => {
  const world = await speaking(t);
  const provider = githubProvider(world.github, "github-app");
  const tokens = await signedIn(world, provider);
  const wrong = { ...provider, clientSecret: new Credential("not-it") };
  assert.ok(tokens.refresh);
  assert.deepEqual(await world.oauth.refresh(wrong, tokens.refresh), {
    kind: "misconfigured",
    error: "incorrect_client_credentials",
  });
  assert.equal(granted(await world.oauth.refresh(provider, tokens.refresh)).scopes?.length, 0);
});

test("a refresh gives a new pair, and the spent refresh token is rejected", async (t) => {
  const world = await speaking(t);
  const provider = githubProvider(world.github, "github-app");
  const { refresh, access } = await signedIn(world, provider);
  assert.ok(refresh);
  const next = granted(await world.oauth.refresh(provider, refresh));
  assert.notEqual(next.access.reveal(), access.reveal());
  assert.deepEqual(await world.oauth.refresh(provider, refresh), { kind: "rejected", error: "bad_refresh_token" });
});

test("a failing or silent token endpoint is a failure that may have been processed, never a rejection", async (t) => {
  const world = await speaking(t);
  const provider = githubProvider(world.github, "github-app");
  const { refresh } = await signedIn(world, provider);
  assert.ok(refresh);
  const path = /access_token/;
  world.github.fault({ origin: "web", path, kind: "status", status: 503 });
  assert.deepEqual(await world.oauth.refresh(provider, refresh), { kind: "failed", reason: "status_503", sent: true });
  world.github.fault({ origin: "web", path, kind: "status", status: 429, body: '{"error":"slow_down"}' });
  assert.deepEqual(await world.oauth.refresh(provider, refresh), { kind: "failed", reason: "status_429", sent: false });
  world.github.fault({ origin: "web", path, kind: "reset-before" });
  assert.deepEqual(await world.oauth.refresh(provider, refresh), { kind: "failed", reason: "unreachable", sent: true });
  world.github.fault({ origin: "web", path, kind: "status", status: 200, body: "<html>welcome</html>" });
  const nonsense = await world.oauth.refresh(provider, refresh);
  assert.deepEqual(nonsense, { kind: "failed", reason: "answer_not_understood", sent: true });
  assert.equal((await world.oauth.refresh(provider, refresh)).kind, "granted");
});

test("an address the guard blocks is a failure that was never sent", async (t) => {
  const github = await seeded();
  t.after(() => github.close());
  const { oauth, close } = talking({ allowed: [] });
  t.after(close);
  const answer = await oauth.refresh(githubProvider(github, "github-app"), new Credential("ghr_x"));
  assert.deepEqual(answer, { kind: "failed", reason: "blocked", sent: false });
});

test("a token check says live, dead or nothing", async (t) => {
  const world = await speaking(t);
  const provider = githubProvider(world.github, "github-app");
  const { access } = await signedIn(world, provider);
  assert.equal(await world.oauth.check(provider, access), "live");
  const wrong = { ...provider, clientSecret: new Credential("not-it") };
  assert.equal(await world.oauth.check(wrong, access), "unknown");
  world.github.fault({ origin: "api", kind: "status", status: 502 });
  assert.equal(await world.oauth.check(provider, access), "unknown");
  world.github.fault({ origin: "api", kind: "status", status: 422 });
  assert.equal(await world.oauth.check(provider, access), "unknown");
  world.github.revokeGrant("octocat", GITHUB_APP.clientId);
  assert.equal(await world.oauth.check(provider, access), "dead");
});

test("a 404 that is not GitHub's own kills no token and ends no revocation", async (t) => {
  const world = await speaking(t);
  const provider = githubProvider(world.github, "github-app");
  const tokens = await signedIn(world, provider);
  for (const body of ["<html>not here</html>", '{"message":"Not Found"}', '{"error":"Not Found"}']) {
    world.github.fault({ origin: "api", kind: "status", status: 404, body, times: 2 });
    assert.equal(await world.oauth.check(provider, tokens.access), "unsupported");
    assert.equal(await world.oauth.revoke(provider, tokens, false), "unsupported");
  }
  assert.equal(world.github.liveTokens("octocat").length, 1);
});

test("revoking a token ends that pair alone, revoking the grant ends all, and both are done when dead already", async (t) => {
  const world = await speaking(t);
  const provider = githubProvider(world.github, "github-app");
  const [first, second, third] = [
    await signedIn(world, provider),
    await signedIn(world, provider),
    await signedIn(world, provider),
  ];
  assert.equal(await world.oauth.revoke(provider, first, false), "done");
  assert.equal(world.github.liveTokens("octocat").length, 2);
  assert.equal(await world.oauth.revoke(provider, first, false), "done");
  const wrong = { ...provider, clientSecret: new Credential("not-it") };
  assert.equal(await world.oauth.revoke(wrong, second, false), "retry");
  world.github.fault({ origin: "api", kind: "status", status: 503 });
  assert.equal(await world.oauth.revoke(provider, second, false), "retry");
  assert.equal(await world.oauth.revoke(provider, second, true), "done");
  assert.equal(world.github.liveTokens("octocat").length, 0);
  assert.equal(await world.oauth.revoke(provider, third, true), "done");
});

test("the person behind a token is known by a stable id, with the scopes the token has", async (t) => {
  const world = await speaking(t);
  const provider = githubProvider(world.github, "github", { scopes: ["repo"] });
  const { access } = await signedIn(world, provider);
  assert.deepEqual(await world.oauth.person(provider, access), {
    kind: "person",
    user: { id: "583231", login: "octocat", name: "The Octocat" },
    scopes: ["repo"],
  });
  assert.deepEqual(await world.oauth.person(provider, new Credential("gho_nobody")), { kind: "refused" });
  world.github.fault({ origin: "api", kind: "status", status: 500 });
  assert.deepEqual(await world.oauth.person(provider, access), { kind: "failed", reason: "status_500" });
});

test("installations of a GitHub App are found on all pages", async (t) => {
  const world = await speaking(t);
  const provider = githubProvider(world.github, "github-app");
  const { access } = await signedIn(world, provider);
  assert.deepEqual(await world.oauth.installations(provider, access), {
    kind: "installations",
    installations: [],
    appSlug: null,
  });
  world.github.installation({ clientId: GITHUB_APP.clientId, account: "octocat", repositories: "all" });
  world.github.installation({ clientId: GITHUB_APP.clientId, account: "acme", repositories: ["api"] });
  const found = await world.oauth.installations(provider, access);
  assert.ok(found.kind === "installations");
  assert.deepEqual(
    found.installations.map((one) => [one.account, one.repository_selection]),
    [
      ["octocat", "all"],
      ["acme", "selected"],
    ],
  );
  assert.equal(typeof found.appSlug, "string");
  const oauthApp = await world.oauth.installations(githubProvider(world.github, "github"), access);
  assert.deepEqual(oauthApp, { kind: "failed", reason: "not_supported" });
});

test("nothing a provider says shows a token or a secret when printed", async (t) => {
  const world = await speaking(t);
  const provider = githubProvider(world.github, "github-app");
  const callback = await world.callback(provider, "octocat");
  const answer = await world.oauth.exchange(provider, { callback, state, verifier: VERIFIER });
  assert.doesNotMatch(JSON.stringify([answer, provider]), /gh[ur]_|secret"/);
});
