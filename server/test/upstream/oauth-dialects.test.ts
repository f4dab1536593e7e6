// Token endpoints speak many dialects of RFC 6749: each is understood, and nothing is a grant that was not plainly one.
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { Credential } from "../../src/crypto/credential.ts";
import type { GrantAnswer, ProviderSettings } from "../../src/upstream/provider.ts";
import { generic, granted, type Heard, type Said, serving, talking } from "./talking.ts";

const json = { "content-type": "application/json" };
const form = { "content-type": "application/x-www-form-urlencoded; charset=utf-8" };
const now = 1_700_000_000_000;
const old = new Credential("refresh-1");

/** What a refresh comes to when the token endpoint answers this. */
async function refreshed(t: TestContext, answer: Said, settings: ProviderSettings = {}): Promise<GrantAnswer> {
  const { origin } = await serving(t, () => answer);
  const { oauth, close } = talking();
  t.after(close);
  return oauth.refresh(generic({ token_url: `${origin}/token`, ...settings }), old);
}

function said(body: unknown, status = 200): Said {
  return { status, headers: json, body: JSON.stringify(body) };
}

test("an error with status 200 is an error, even beside a token", async (t) => {
  const answer = await refreshed(t, said({ access_token: "a", token_type: "bearer", error: "invalid_grant" }));
  assert.deepEqual(answer, { kind: "rejected", error: "invalid_grant" });
});

test("a form-encoded answer is read like JSON", async (t) => {
  const body = "access_token=a-1&token_type=bearer&scope=repo%2Cuser&expires_in=3600&refresh_token=r-1";
  const tokens = granted(await refreshed(t, { headers: form, body }));
  assert.deepEqual(
    [tokens.access.reveal(), tokens.refresh?.reveal(), tokens.expiresAt, tokens.scopes],
    ["a-1", "r-1", now + 3_600_000, ["repo", "user"]],
  );
  const refused = await refreshed(t, { headers: form, body: "error=invalid_grant&error_description=used" });
  assert.deepEqual(refused, { kind: "rejected", error: "invalid_grant" });
});

test("lives may be numbers or text, and a life that makes no sense is unknown rather than a lost token", async (t) => {
  const ends = async (life: unknown): Promise<unknown> =>
    granted(await refreshed(t, said({ access_token: "a", expires_in: life, refresh_token_expires_in: life })))
      .expiresAt;
  assert.equal(await ends(60), now + 60_000);
  assert.equal(await ends("60"), now + 60_000);
  for (const life of ["", "soon", 0, -5, 1e18, null, {}]) assert.equal(await ends(life), null);
});

test("a token type may be missing or oddly cased, but a kind we cannot send is no grant", async (t) => {
  for (const token_type of [undefined, "", "Bearer", "BEARER"]) {
    assert.equal((await refreshed(t, said({ access_token: "a", token_type }))).kind, "granted");
  }
  for (const token_type of ["mac", "DPoP"]) {
    const answer = await refreshed(t, said({ access_token: "a", token_type }));
    assert.equal(answer.kind, "failed");
  }
});

test("an answer without a usable access token is never a grant", async (t) => {
  for (const access_token of [undefined, null, "", " ", "a\nb", "a b", 7, "é"]) {
    const answer = await refreshed(t, said({ access_token, token_type: "bearer", refresh_token: "r" }));
    assert.deepEqual(answer, { kind: "failed", reason: "answer_not_understood", sent: true });
  }
  for (const body of ["", "null", "[]", '"a"', "{", '{"access_token":"a"', "<p>hi</p>"]) {
    assert.equal((await refreshed(t, { headers: json, body })).kind, "failed", body);
  }
});

test("a refresh that brings no new refresh token says that the old one stays", async (t) => {
  for (const refresh_token of [undefined, null, ""]) {
    assert.equal(granted(await refreshed(t, said({ access_token: "a", refresh_token }))).refresh, null);
  }
});

test("only the provider's own no is a rejection; trouble with our client or with the server is not", async (t) => {
  const kinds: readonly (readonly [number, string, string])[] = [
    [400, "invalid_grant", "rejected"],
    [401, "invalid_client", "misconfigured"],
    [400, "unauthorized_client", "misconfigured"],
    [400, "unsupported_grant_type", "misconfigured"],
    [400, "temporarily_unavailable", "failed"],
    [400, "never_heard_of", "failed"],
    // A word of the authorization endpoint: of a token endpoint nobody knows whom it means.
    [401, "access_denied", "failed"],
    [500, "invalid_grant", "failed"],
    [429, "invalid_grant", "failed"],
  ];
  for (const [status, error, kind] of kinds) {
    const answer = await refreshed(t, {
      ...said({ error }, status),
      headers: { ...json, "www-authenticate": "Basic" },
    });
    assert.equal(answer.kind, kind, `${status} ${error}`);
  }
});

test("GitHub's own codes mean nothing at another provider", async (t) => {
  assert.equal((await refreshed(t, said({ error: "bad_refresh_token" }))).kind, "failed");
});

test("only a short code of an error is passed on, never what else the provider wrote", async (t) => {
  for (const error of ["Bad <script>", "x".repeat(65), { message: "no" }, 7, true]) {
    const answer = await refreshed(t, said({ error, error_description: "refresh-1 is spent" }, 400));
    assert.deepEqual(answer, { kind: "failed", reason: "error_not_understood", sent: true });
  }
});

test("a redirect of the token endpoint is not followed", async (t) => {
  const answer = await refreshed(t, { status: 307, headers: { location: "http://127.0.0.1:9/token" } });
  assert.deepEqual(answer, { kind: "failed", reason: "status_307", sent: true });
});

test("an ID token beside the access token is left alone", async (t) => {
  const tokens = granted(await refreshed(t, said({ access_token: "a", token_type: "bearer", id_token: "not.a.jwt" })));
  assert.equal(tokens.access.reveal(), "a");
});

async function heardBy(t: TestContext, settings: ProviderSettings, answer: (heard: Heard) => Said) {
  const { origin, heard } = await serving(t, answer);
  const { oauth, close } = talking();
  t.after(close);
  const at = (path: string): string => `${origin}${path}`;
  const provider = generic({ token_url: at("/token"), revoke_url: at("/revoke"), user_url: at("/me"), ...settings });
  return { oauth, provider, heard };
}

test("the client proves itself in the body or by Basic, as the connection says", async (t) => {
  const ok = (): Said => said({ access_token: "a" });
  const body = await heardBy(t, {}, ok);
  await body.oauth.refresh(body.provider, old);
  const fields = Object.fromEntries(new URLSearchParams(body.heard[0]?.body));
  assert.deepEqual(fields, {
    grant_type: "refresh_token",
    refresh_token: "refresh-1",
    client_id: "c 1",
    client_secret: "s:1",
  });
  assert.equal(body.heard[0]?.headers["user-agent"], "behalf/test");
  const basic = await heardBy(t, { token_auth: "basic" }, ok);
  await basic.oauth.refresh(basic.provider, old);
  const [asked] = basic.heard;
  assert.ok(asked);
  assert.equal(asked.headers["authorization"], `Basic ${Buffer.from("c+1:s%3A1").toString("base64")}`);
  assert.doesNotMatch(asked.body, /client_secret/);
});

test("a connection without a token address is misconfigured", async (t) => {
  const { oauth, close } = talking();
  t.after(close);
  const answer = await oauth.refresh(generic({}), old);
  assert.deepEqual(answer, { kind: "misconfigured", error: "token_url_missing" });
});

test("RFC 7009 revocation ends the refresh token first, then the access token", async (t) => {
  const { oauth, provider, heard } = await heardBy(t, {}, () => ({ status: 200 }));
  const tokens = { access: new Credential("access-1"), refresh: old };
  assert.equal(await oauth.revoke(provider, tokens, false), "done");
  assert.deepEqual(
    heard.map(({ body }) => [new URLSearchParams(body).get("token"), new URLSearchParams(body).get("token_type_hint")]),
    [
      ["refresh-1", "refresh_token"],
      ["access-1", "access_token"],
    ],
  );
});

test("a revocation endpoint that fails is asked again later, one that knows the token as dead is done", async (t) => {
  const tokens = { access: new Credential("access-1"), refresh: null };
  const answers: readonly (readonly [Said, string])[] = [
    [{ status: 503 }, "retry"],
    [said({ error: "invalid_client" }, 401), "retry"],
    [said({ error: "server_error" }, 200), "retry"],
    [said({ error: "invalid_token" }, 400), "done"],
    [said({ error: "unsupported_token_type" }, 400), "unsupported"],
    [{ status: 404, headers: {}, body: "no" }, "unsupported"],
    [{ status: 204, headers: {} }, "done"],
  ];
  for (const [answer, expected] of answers) {
    const { oauth, provider } = await heardBy(t, {}, () => answer);
    assert.equal(await oauth.revoke(provider, tokens, false), expected);
  }
  const { oauth, provider } = await heardBy(t, {}, ({ body }) =>
    body.includes("access-1") ? said({ error: "unsupported_token_type" }, 400) : {},
  );
  assert.equal(await oauth.revoke(provider, { ...tokens, refresh: old }, false), "done");
});

test("a provider that offers neither check nor revocation says so", async (t) => {
  const { oauth, close } = talking();
  t.after(close);
  const tokens = { access: new Credential("a"), refresh: null };
  assert.equal(await oauth.revoke(generic({ token_url: "http://127.0.0.1:9/" }), tokens, false), "unsupported");
  assert.equal(await oauth.check(generic({}), tokens.access), "unsupported");
  assert.deepEqual(await oauth.person(generic({}), tokens.access), { kind: "failed", reason: "user_url_missing" });
});

test("the member that identifies a person is the connection's choice, and without it nobody is known", async (t) => {
  const body = { sub: "s-1", preferred_username: "ada", name: "Ada", data: { id: 42 }, "https://x.example/id": "x" };
  const person = async (settings: ProviderSettings): Promise<unknown> => {
    const { oauth, provider } = await heardBy(t, settings, () => said(body));
    const answer = await oauth.person(provider, new Credential("a"));
    return answer.kind === "person" ? answer.user : answer;
  };
  const named = { login: "ada", name: "Ada" };
  assert.deepEqual(await person({}), { id: "s-1", ...named });
  assert.deepEqual(await person({ user_id_member: "data.id" }), { id: "42", ...named });
  assert.deepEqual(await person({ user_id_member: "https://x.example/id" }), { id: "x", ...named });
  for (const user_id_member of ["missing", "data", "data.id.more", "__proto__", "toString"]) {
    assert.deepEqual(await person({ user_id_member }), { kind: "failed", reason: "answer_not_understood" });
  }
});
