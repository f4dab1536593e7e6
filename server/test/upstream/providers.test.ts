// Every preset against a strict fake of its provider: connected, refreshed, refused, in trouble, revoked, known.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Credential } from "../../src/crypto/credential.ts";
import { presets } from "../../src/upstream/presets.ts";
import type { Tokens } from "../../src/upstream/provider.ts";
import type { Facts } from "../provider-fakes/facts.ts";
import { google, notion, slack } from "../provider-fakes/google-slack-notion.ts";
import { type Play, playing } from "../provider-fakes/playing.ts";
import { atlassian, discord, gitlab, linear, microsoft } from "../provider-fakes/the-others.ts";
import { granted } from "./talking.ts";

const providers: readonly Facts[] = [google, slack, notion, microsoft, discord, gitlab, linear, atlassian];

function refreshOf({ refresh }: Tokens): Credential {
  assert.ok(refresh);
  return refresh;
}

async function whose({ oauth, provider }: Play, tokens: Tokens): Promise<unknown> {
  const answer = await oauth.person(provider, tokens.access);
  return answer.kind === "person" ? answer.user : answer;
}

test("each preset has a fake of its own, or a whole server elsewhere in the tests", () => {
  const elsewhere = ["github", "github-app", "github-pat", "generic"];
  const named = [...providers.map(({ preset }) => preset), ...elsewhere].sort();
  assert.deepEqual(named, presets.map(({ name }) => name).sort());
});

for (const facts of providers) {
  const name = facts.preset;

  test(`${name}: a person says yes and is known by a stable id`, async (t) => {
    const play = await playing(t, facts);
    const tokens = await play.connect();
    assert.deepEqual(await whose(play, tokens), facts.person.is);
    assert.ok(play.fake.live().includes(tokens.access.reveal()));
    assert.ok(play.fake.live().includes(refreshOf(tokens).reveal()));
  });

  test(`${name}: a code works once, with our secret, our redirect URI and our verifier`, async (t) => {
    const play = await playing(t, facts);
    const used = await play.callback();
    assert.equal((await play.exchange(used)).kind, "granted");
    assert.equal((await play.exchange(used)).kind, "rejected");
    const wrongSecret = await play.exchange(await play.callback(), { clientSecret: new Credential("not-it") });
    assert.equal(wrongSecret.kind, "misconfigured");
    const elsewhere = await play.exchange(await play.callback(), { redirectUri: "http://127.0.0.1:4180/else" });
    assert.notEqual(elsewhere.kind, "granted");
    if (facts.authorize.pkce !== "enforced") return;
    const wrongVerifier = await play.exchange(await play.callback(), {}, "x".repeat(43));
    assert.equal(wrongVerifier.kind, "rejected");
  });

  test(`${name}: a refresh brings a working token, and says whether the refresh token stays`, async (t) => {
    const play = await playing(t, facts);
    const first = await play.connect();
    const second = granted(await play.oauth.refresh(play.provider, refreshOf(first)));
    assert.notEqual(second.access.reveal(), first.access.reveal());
    assert.deepEqual(await whose(play, second), facts.person.is);
    assert.equal(second.expiresAt === null, name === "notion", "only Notion does not say how long a token lives");
    assert.equal(play.provider.preset.refresh, second.refresh === null ? "kept" : "rotating");
    const third = granted(await play.oauth.refresh(play.provider, second.refresh ?? refreshOf(first)));
    assert.deepEqual(await whose(play, third), facts.person.is);
  });

  test(`${name}: a refresh token that was spent or withdrawn is rejected, a wrong secret is not held against the grant`, async (t) => {
    const play = await playing(t, facts);
    const tokens = await play.connect();
    const wrong = { ...play.provider, clientSecret: new Credential("not-it") };
    assert.equal((await play.oauth.refresh(wrong, refreshOf(tokens))).kind, "misconfigured");
    if (facts.token.refresh === "rotating") {
      const next = granted(await play.oauth.refresh(play.provider, refreshOf(tokens)));
      assert.equal((await play.oauth.refresh(play.provider, refreshOf(tokens))).kind, "rejected");
      assert.equal((await play.oauth.refresh(play.provider, refreshOf(next))).kind, "granted");
    }
    play.fake.withdraw();
    assert.equal((await play.oauth.refresh(play.provider, refreshOf(tokens))).kind, "rejected");
    assert.deepEqual(await play.oauth.person(play.provider, tokens.access), { kind: "refused" });
  });

  test(`${name}: trouble at the provider says nothing about the grant`, async (t) => {
    const play = await playing(t, facts);
    const tokens = await play.connect();
    for (const status of [500, 502, 503, 429]) {
      play.fake.fail({ status, body: { ok: false, error: "invalid_grant", code: "invalid_grant" } });
      assert.equal((await play.oauth.refresh(play.provider, refreshOf(tokens))).kind, "failed", `${status}`);
      play.fake.fail({ status, body: {} });
      assert.equal((await play.oauth.person(play.provider, tokens.access)).kind, "failed", `${status}`);
    }
    play.fake.fail({ status: 200, body: {} });
    assert.equal((await play.oauth.refresh(play.provider, refreshOf(tokens))).kind, "failed");
    assert.equal((await play.oauth.refresh(play.provider, refreshOf(tokens))).kind, "granted");
  });

  test(`${name}: revoking leaves nothing that works, or says that it cannot`, async (t) => {
    const play = await playing(t, facts);
    const tokens = await play.connect();
    if (facts.revoke === null) {
      assert.equal(await play.oauth.revoke(play.provider, tokens, false), "unsupported");
      return;
    }
    play.fake.fail({ status: 503, body: {} });
    assert.equal(await play.oauth.revoke(play.provider, tokens, false), "retry");
    assert.equal(await play.oauth.revoke(play.provider, tokens, false), "done");
    assert.deepEqual(play.fake.live(), []);
    assert.equal(await play.oauth.revoke(play.provider, tokens, false), "done");
    const rest = { access: tokens.access, refresh: null };
    assert.equal(await play.oauth.revoke(play.provider, rest, false), "done");
  });
}

test("Google's word in the callback is compared: another issuer's answer is not taken", async (t) => {
  const play = await playing(t, google);
  const callback = await play.callback();
  assert.equal(callback.get("iss"), "https://accounts.google.com");
  callback.set("iss", "https://evil.example");
  assert.deepEqual(await play.exchange(callback), { kind: "rejected", error: "invalid_callback" });
});

test("a Slack answer with a bot's token alone makes nobody's account", async (t) => {
  const play = await playing(t, {
    ...slack,
    token: {
      ...slack.token,
      first: (pair) => ({ status: 200, body: { ok: true, access_token: pair.access, token_type: "bot" } }),
    },
  });
  assert.equal((await play.exchange(await play.callback())).kind, "failed");
});

test("a Slack answer that does not say ok is no grant and no person, whatever else it holds", async (t) => {
  const play = await playing(t, slack);
  const tokens = await play.connect();
  play.fake.fail({ status: 200, body: { ok: false, authed_user: { access_token: "a", token_type: "user" } } });
  assert.equal((await play.exchange(await play.callback())).kind, "failed");
  play.fake.fail({ status: 200, body: { ok: false, user_id: "U1", team_id: "T1" } });
  assert.equal((await play.oauth.person(play.provider, tokens.access)).kind, "failed");
  play.fake.fail({ status: 200, body: {} });
  assert.equal(await play.oauth.revoke(play.provider, { ...tokens, refresh: null }, false), "retry");
  play.fake.fail({ status: 200, body: { ok: false, error: "invalid_auth" } });
  assert.equal(await play.oauth.revoke(play.provider, { ...tokens, refresh: null }, false), "retry");
});

test("a word that Slack also says to an address it does not allow is no word about the person's token", async (t) => {
  const play = await playing(t, slack);
  const tokens = await play.connect();
  const said = async (error: string): Promise<string> => {
    play.fake.fail({ status: 200, body: { ok: false, error } });
    return (await play.oauth.person(play.provider, tokens.access)).kind;
  };
  assert.equal(await said("invalid_auth"), "failed");
  for (const error of ["token_revoked", "token_expired", "account_inactive"])
    assert.equal(await said(error), "refused");
});

test("a Notion bot that belongs to a whole workspace is nobody's account", async (t) => {
  const answer = { object: "user", id: "bot-1", bot: { owner: { type: "workspace", workspace: true } } };
  const play = await playing(t, { ...notion, person: { ...notion.person, answer } });
  const tokens = await play.connect();
  assert.deepEqual(await whose(play, tokens), { kind: "failed", reason: "answer_not_understood" });
});

test("a person who says no is no fault of the client, also where a token endpoint means the client by that word", async (t) => {
  const play = await playing(t, atlassian);
  const answer = await play.exchange(new URLSearchParams({ error: "access_denied", state: "s-1" }));
  assert.deepEqual(answer, { kind: "rejected", error: "access_denied" });
});

test("scopes without which nobody would be known are asked for beside a connection's own", async (t) => {
  const play = await playing(t, google);
  const asked = async (scopes: string[]): Promise<string | null> => {
    const url = await play.oauth.authorizeUrl({ ...play.provider, scopes }, { state: "s", verifier: "v".repeat(43) });
    return new URL(url).searchParams.get("scope");
  };
  const drive = "https://www.googleapis.com/auth/drive.readonly";
  assert.equal(await asked([drive]), `${drive} openid`);
  assert.equal(await asked(["openid", drive]), `openid ${drive}`);
});
