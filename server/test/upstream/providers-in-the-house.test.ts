// A whole house at a strict fake of each provider: a rejected refresh ends the account, trouble ends nothing, a delete revokes.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { Facts } from "../provider-fakes/facts.ts";
import { fakeClient, ProviderFake } from "../provider-fakes/fake.ts";
import { notion, slack } from "../provider-fakes/google-slack-notion.ts";
import { known } from "../provider-fakes/playing.ts";
import { atlassian, discord, gitlab, linear, microsoft } from "../provider-fakes/the-others.ts";
import { type Answer, openHouse, type TestHouse } from "../support/house.ts";
import { Browser } from "../support/person.ts";

// Google is missing: its token endpoint is on a host of its own, which no connection can move.
const providers: readonly Facts[] = [slack, notion, microsoft, discord, gitlab, linear, atlassian];

let house: TestHouse;
before(async () => {
  house = await openHouse();
});
after(async () => house.close());

function account(facts: Facts, identifier = "ada"): string {
  return `/v1/connections/${facts.preset}/accounts/${identifier}`;
}

async function connected(facts: Facts): Promise<ProviderFake> {
  const redirectUris: string[] = [];
  const fake = await new ProviderFake(facts, redirectUris).start();
  const { hosts } = known(facts.preset);
  assert.ok(hosts);
  const made = await house.call("POST", "/v1/connections", {
    body: {
      name: facts.preset,
      preset: facts.preset,
      client_id: fakeClient.id,
      client_secret: fakeClient.secret,
      verification: "none",
      hosts: { web: fake.at(hosts.web), api: fake.at(hosts.api) },
    },
  });
  assert.equal(made.status, 201, made.text);
  redirectUris.push(made.json.redirect_uri as string);
  await connect(facts, fake);
  return fake;
}

async function connect(facts: Facts, fake: ProviderFake): Promise<void> {
  await house.call("PUT", account(facts));
  const browser = new Browser();
  const link = await house.call("POST", `${account(facts)}/link`, { body: {} });
  const opened = await browser.get(link.json.link as string);
  const landing = await browser.get(fake.approve(opened.location ?? ""));
  assert.equal(landing.status, 200, landing.text);
}

async function read(facts: Facts): Promise<Answer["json"]> {
  return (await house.call("GET", account(facts))).json;
}

for (const facts of providers) {
  describe(facts.preset, () => {
    let fake: ProviderFake;
    before(async () => {
      fake = await connected(facts);
    });
    after(async () => fake.close());

    test("a person's account is active, and known by the provider's stable id", async () => {
      const { status, provider_user } = await read(facts);
      assert.deepEqual([status, provider_user], ["ACTIVE", facts.person.is]);
    });

    test("a refresh leaves it active with a token that works", async () => {
      const answer = await house.call("POST", `${account(facts)}/refresh`);
      assert.deepEqual([answer.status, answer.json.status], [200, "ACTIVE"], answer.text);
      const old = fake.live();
      await house.call("POST", `${account(facts)}/refresh`);
      assert.notDeepEqual(fake.live(), old);
    });

    test("a provider in trouble ends nothing", async () => {
      fake.fail({ status: 503, body: { ok: false, error: "invalid_grant", code: "invalid_grant" } });
      const answer = await house.call("POST", `${account(facts)}/refresh`);
      assert.equal(answer.json.code, "upstream_unavailable", answer.text);
      assert.equal((await read(facts)).status, "ACTIVE");
      assert.equal((await house.call("POST", `${account(facts)}/refresh`)).status, 200);
    });

    test("a rejected refresh ends it, saying why, and the person connects again", async () => {
      fake.withdraw();
      await house.call("POST", `${account(facts)}/refresh`);
      const { status, status_reason } = await read(facts);
      assert.deepEqual([status, status_reason], ["EXPIRED", "refresh_rejected"]);
      await connect(facts, fake);
      assert.equal((await read(facts)).status, "ACTIVE");
    });

    test("a delete leaves nothing alive at a provider that can revoke", async () => {
      const answer = await house.call("DELETE", account(facts));
      assert.equal(answer.status, 204, answer.text);
      assert.equal(fake.live().length === 0, facts.revoke !== null);
      assert.equal((await house.call("GET", account(facts))).status, 404);
    });
  });
}
