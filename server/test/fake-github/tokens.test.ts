// Tokens die when GitHub's die: expiry, single-use refresh, eviction, revocation by client, person or test.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { FakeGitHub } from "./index.ts";
import type { Answered } from "./testing.ts";
import { basic, call, exchange, GITHUB_APP, OAUTH_APP, seeded, signIn } from "./testing.ts";

let github: FakeGitHub;

before(async () => {
  github = await seeded();
});

after(async () => github.close());

async function works(token: string): Promise<boolean> {
  return (await call(github.api, "/user", { token })).status === 200;
}

async function refresh(refresh_token: string, client = GITHUB_APP): Promise<Record<string, unknown>> {
  return exchange(github, client, { grant_type: "refresh_token", refresh_token });
}

async function application(
  method: string,
  path: string,
  access_token: string | null,
  client = OAUTH_APP,
): Promise<Answered> {
  const body = access_token === null ? {} : { access_token };
  return call(github.api, `/applications/${client.clientId}/${path}`, {
    method,
    body,
    headers: { authorization: basic(client) },
  });
}

test("a bearer that is unknown or garbage is 401 Bad credentials, never anonymous", async () => {
  for (const authorization of ["Bearer gho_unknown", "token x", "Bearer", "Basic eDp5", "Digest x"]) {
    const answered = await call(github.api, "/repos/acme/api", { headers: { authorization } });
    assert.equal(answered.status, 401, authorization);
    assert.deepEqual(answered.json, {
      message: "Bad credentials",
      documentation_url: "https://docs.github.com/rest",
      status: "401",
    });
  }
});

test("both Bearer and token carry a token", async () => {
  const { access_token } = await signIn(github, OAUTH_APP);
  for (const scheme of ["Bearer", "bearer", "token"]) {
    const answered = await call(github.api, "/user", { headers: { authorization: `${scheme} ${access_token}` } });
    assert.equal(answered.json["login"], "octocat");
  }
});

test("an app's user token expires after eight hours, its refresh token after six months", async () => {
  const pair = await signIn(github, GITHUB_APP);
  github.clock.advance(28_800_000 - 5_000);
  assert.equal(await works(pair.access_token), true);
  github.clock.advance(5_000);
  assert.equal(await works(pair.access_token), false);
  assert.equal(
    github.liveTokens("octocat", GITHUB_APP.clientId).some(({ access }) => access === pair.access_token),
    true,
  );
  github.clock.advance(15_811_200_000);
  assert.equal((await refresh(pair.refresh_token))["error"], "bad_refresh_token");
});

test("using a refresh token kills it and the access token it came with", async () => {
  const pair = await signIn(github, GITHUB_APP);
  const next = await refresh(pair.refresh_token);
  assert.equal(next["expires_in"], 28800);
  assert.equal(await works(pair.access_token), false);
  assert.equal(await works(String(next["access_token"])), true);
  assert.equal((await refresh(pair.refresh_token))["error"], "bad_refresh_token");
  assert.equal(await works(String(next["access_token"])), true, "the winner of a race keeps its pair");
});

test("two refreshes at once have one winner", async () => {
  const pair = await signIn(github, GITHUB_APP);
  const answers = await Promise.all([refresh(pair.refresh_token), refresh(pair.refresh_token)]);
  const losers = answers.filter((one) => one["error"] === "bad_refresh_token");
  const winners = answers.filter((one) => "access_token" in one);
  assert.deepEqual([losers.length, winners.length], [1, 1]);
});

test("a refresh needs the client's own secret", async () => {
  const pair = await signIn(github, GITHUB_APP);
  assert.equal(
    (await refresh(pair.refresh_token, { ...GITHUB_APP, clientSecret: "" }))["error"],
    "incorrect_client_credentials",
  );
  assert.equal((await refresh(pair.refresh_token, OAUTH_APP))["error"], "bad_refresh_token");
  assert.equal((await refresh("ghr_unknown"))["error"], "bad_refresh_token");
  assert.ok("access_token" in (await refresh(pair.refresh_token)), "none of these spent it");
});

test("the eleventh token of one user, app and scope set revokes the oldest", async () => {
  const oldest = await signIn(github, OAUTH_APP, "hubot", "gist");
  const other = await signIn(github, OAUTH_APP, "hubot", "repo");
  for (let index = 0; index < 9; index += 1) await signIn(github, OAUTH_APP, "hubot", "gist");
  assert.equal(await works(oldest.access_token), true);
  await signIn(github, OAUTH_APP, "hubot", "gist");
  assert.equal(await works(oldest.access_token), false);
  assert.equal(await works(other.access_token), true);
});

test("a check tells about a live token and is 404 for any other", async () => {
  const { access_token } = await signIn(github, OAUTH_APP, "octocat", "repo");
  const checked = await application("POST", "token", access_token);
  assert.equal(checked.status, 200);
  assert.equal((checked.json["user"] as { login: string }).login, "octocat");
  assert.deepEqual(checked.json["scopes"], ["repo"]);
  const missing = await application("POST", "token", "gho_unknown");
  assert.equal(missing.status, 404);
  assert.equal(missing.json["message"], "Not Found");
  assert.equal((await application("POST", "token", access_token, GITHUB_APP)).status, 404, "another app's token");
  assert.equal((await application("POST", "token", null)).status, 422);
});

test("deleting a token kills that pair alone", async () => {
  const first = await signIn(github, GITHUB_APP);
  const second = await signIn(github, GITHUB_APP);
  assert.equal((await application("DELETE", "token", first.access_token, GITHUB_APP)).status, 204);
  assert.equal(await works(first.access_token), false);
  assert.equal((await refresh(first.refresh_token))["error"], "bad_refresh_token");
  assert.equal(await works(second.access_token), true);
  assert.equal((await application("DELETE", "token", first.access_token, GITHUB_APP)).status, 422);
});

test("deleting a grant kills all tokens of that user for that app", async () => {
  const first = await signIn(github, OAUTH_APP, "octocat", "repo");
  const second = await signIn(github, OAUTH_APP, "octocat", "gist");
  const app = await signIn(github, GITHUB_APP);
  const hubot = await signIn(github, OAUTH_APP, "hubot", "repo");
  assert.equal((await application("DELETE", "grant", first.access_token)).status, 204);
  assert.deepEqual([await works(first.access_token), await works(second.access_token)], [false, false]);
  assert.deepEqual([await works(app.access_token), await works(hubot.access_token)], [true, true]);
});

test("resetting a token answers a new one and kills the old", async () => {
  const { access_token } = await signIn(github, OAUTH_APP, "octocat", "repo");
  const reset = await application("PATCH", "token", access_token);
  assert.equal(reset.status, 200);
  assert.deepEqual([await works(access_token), await works(String(reset.json["token"]))], [false, true]);
});

test("wrong client credentials are 401 for the secret and 404 for the client", async () => {
  const { access_token } = await signIn(github, OAUTH_APP);
  assert.equal((await application("POST", "token", access_token, { ...OAUTH_APP, clientSecret: "nope" })).status, 401);
  const crossed = await call(github.api, `/applications/${OAUTH_APP.clientId}/token`, {
    method: "POST",
    body: { access_token },
    headers: { authorization: basic(GITHUB_APP) },
  });
  assert.equal(crossed.status, 404);
});

test("a host without token checks answers 404 in a shape that is not GitHub's", async () => {
  const plain = { clientId: "plain", clientSecret: "s" };
  github.client({ ...plain, kind: "oauth-app", redirectUris: ["http://127.0.0.1:1/"], tokenCheck: false });
  const answered = await application("POST", "token", "gho_x", plain);
  assert.equal(answered.status, 404);
  assert.equal(answered.text, "Not Found");
  assert.equal(answered.headers.get("x-github-request-id"), null);
});

test("a person who revokes the app kills all its tokens and no other app's", async () => {
  const app = await signIn(github, GITHUB_APP, "hubot");
  const oauth = await signIn(github, OAUTH_APP, "hubot", "user");
  github.revokeGrant("hubot", GITHUB_APP.clientId);
  assert.deepEqual([await works(app.access_token), await works(oauth.access_token)], [false, true]);
  assert.deepEqual(github.liveTokens("hubot", GITHUB_APP.clientId), []);
});

test("a renamed person keeps id, tokens and access", async () => {
  const { id } = github.user({ login: "before" });
  github.repository({ owner: "acme", name: "shared", private: true, collaborators: { before: "read" } });
  const { access_token } = await signIn(github, OAUTH_APP, "before", "repo");
  github.renameUser("before", "after");
  const self = await call(github.api, "/user", { token: access_token });
  assert.deepEqual([self.json["login"], self.json["id"]], ["after", id]);
  assert.equal((await call(github.api, "/repos/acme/shared", { token: access_token })).status, 200);
});

test("a personal access token has scopes and may expire", async () => {
  const token = github.personalToken({ login: "octocat", scopes: ["repo"], expiresInMs: 60_000 });
  const answered = await call(github.api, "/user", { token });
  assert.equal(answered.headers.get("x-oauth-scopes"), "repo");
  assert.match(
    answered.headers.get("github-authentication-token-expiration") ?? "",
    /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC$/,
  );
  github.clock.advance(60_000);
  assert.equal(await works(token), false);
});
