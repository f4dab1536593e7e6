// What a preset says of its provider is needed: the row with one member as the standard has it fails at the strict fake.
import assert from "node:assert/strict";
import { test } from "node:test";
import { standard, standardAnswers, standardRevocation, standardUser } from "../../src/upstream/presets/standard.ts";
import { type Preset, presets } from "../../src/upstream/presets.ts";
import type { Facts } from "../provider-fakes/facts.ts";
import { google, notion, slack } from "../provider-fakes/google-slack-notion.ts";
import { known, type Play, playing } from "../provider-fakes/playing.ts";
import { atlassian, discord, gitlab, linear, microsoft } from "../provider-fakes/the-others.ts";

/** The whole way; throws where it ends early. */
async function wholeWay({ oauth, provider, fake, connect }: Play): Promise<void> {
  const tokens = await connect();
  const person = await oauth.person(provider, tokens.access);
  assert.equal(person.kind, "person");
  assert.ok(tokens.refresh, "a refresh token");
  const next = await oauth.refresh(provider, tokens.refresh);
  assert.equal(next.kind, "granted");
  if (provider.preset.revocation === "none") return;
  const refresh = next.tokens.refresh ?? tokens.refresh;
  assert.equal(await oauth.revoke(provider, { access: next.tokens.access, refresh }, false), "done");
  assert.deepEqual(fake.live(), []);
}

type Without = readonly [facts: Facts, what: string, change: Partial<Preset>];

const own = (facts: Facts): Preset => known(facts.preset);

const withouts: readonly Without[] = [
  [google, "offline access", { authorizeParameters: {} }],
  [google, "the scope openid", { requiredScopes: [], defaultScopes: ["email"] }],
  [google, "revoking without the client", { revocationAsk: { ...standardRevocation, fields: "token" } }],
  [google, "revoking the token alone", { revocationAsk: { ...standardRevocation, auth: "none" } }],
  [slack, "the person's scopes", { scopeParameter: "scope" }],
  [slack, "commas", { scopeSeparator: " " }],
  [slack, "leaving PKCE out", { pkce: "S256" }],
  [slack, "the person's part of the answer", { answers: { ...own(slack).answers, tokenMember: null } }],
  [slack, "the type of the person's token", { answers: { ...own(slack).answers, bearerTypes: ["bearer"] } }],
  [slack, "asking by POST", { user: { ...own(slack).user, method: "GET" } }],
  [slack, "revoking both", { revocationAsk: { ...own(slack).revocationAsk, sends: "access" } }],
  [slack, "revoking by the token itself", { revocationAsk: standardRevocation }],
  [notion, "JSON", { tokenBody: "form" }],
  [notion, "Basic without form encoding", { tokenAuth: "basic" }],
  [notion, "Basic", { tokenAuth: "body" }],
  [notion, "its version at the token endpoint", { tokenHeaders: {} }],
  [notion, "its version at the API", { apiHeaders: standard.apiHeaders }],
  [notion, "the owner", { authorizeParameters: {} }],
  [notion, "the member that names the person", { user: { ...own(notion).user, id: "sub" } }],
  [notion, "a revocation without hint", { revocationAsk: { ...own(notion).revocationAsk, fields: "rfc7009" } }],
  [microsoft, "offline access", { requiredScopes: ["User.Read"], defaultScopes: [] }],
  [microsoft, "the scope that says who it is", { requiredScopes: ["offline_access"], defaultScopes: [] }],
  [microsoft, "its response mode", { authorizeParameters: {} }],
  [discord, "forms", { tokenBody: "json" }],
  [discord, "the scope that says who it is", { requiredScopes: [], defaultScopes: ["guilds"] }],
  [discord, "PKCE", { pkce: "none" }],
  [gitlab, "PKCE", { pkce: "none" }],
  [gitlab, "revoking both", { revocationAsk: { ...standardRevocation, sends: "access" } }],
  [gitlab, "the client's proof when it revokes", { revocationAsk: { ...standardRevocation, auth: "none" } }],
  [linear, "commas", { scopeSeparator: " ", defaultScopes: ["read", "write"] }],
  [linear, "its query", { user: { ...own(linear).user, body: null } }],
  [linear, "a token named by its kind", { revocationAsk: { ...own(linear).revocationAsk, fields: "token" } }],
  [atlassian, "JSON", { tokenBody: "form" }],
  [atlassian, "its audience", { authorizeParameters: { prompt: "consent" } }],
  [atlassian, "offline access", { requiredScopes: ["read:me"], defaultScopes: [] }],
  [atlassian, "the member that names the person", { user: standardUser }],
];

for (const [facts, what, change] of withouts) {
  test(`${facts.preset} without ${what} does not get through`, async (t) => {
    await assert.rejects(async () => wholeWay(await playing(t, facts, change)));
  });
}

test("each row as it is gets through", async (t) => {
  for (const facts of [google, slack, notion, microsoft, discord, gitlab, linear, atlassian]) {
    await wholeWay(await playing(t, facts));
  }
});

test("error words that only one provider uses are read at that provider", async (t) => {
  const refused = async (facts: Facts, change: Partial<Preset>): Promise<string> => {
    const play = await playing(t, facts, change);
    const { refresh } = await play.connect();
    assert.ok(refresh);
    play.fake.withdraw();
    return (await play.oauth.refresh(play.provider, refresh)).kind;
  };
  assert.equal(await refused(slack, { grantErrors: [] }), "failed");
  assert.equal(await refused(notion, { answers: standardAnswers }), "failed");
  assert.equal(await refused(atlassian, { grantErrors: [] }), "misconfigured");
});

test("only Slack goes without PKCE, and every shared callback knows its issuer", () => {
  assert.deepEqual(
    presets.filter(({ pkce }) => pkce === "none").map(({ name }) => name),
    ["slack"],
  );
  for (const { name, callback, issuer } of presets) assert.equal(callback, issuer === null ? "own" : "shared", name);
});
