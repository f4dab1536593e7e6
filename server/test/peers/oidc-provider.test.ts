// The generic preset at an OAuth server that others wrote: PKCE demanded, refresh tokens rotated and watched, RFC 7009, RFC 9207.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { type Answer, openHouse, type TestHouse } from "../support/house.ts";
import { Browser, type Landing } from "../support/person.ts";
import { type Identity, startIdentity } from "./identity.ts";

let house: TestHouse;
let honest: Identity;
let other: Identity;
const callbackOf = new Map<string, string>();

before(async () => {
  house = await openHouse();
  honest = await startIdentity();
  other = await startIdentity();
  await connection("honest", honest);
  await connection("other", other);
});
after(async () => {
  await house.close();
  await honest.close();
  await other.close();
});

async function connection(name: string, identity: Identity): Promise<void> {
  const { issuer, api, client } = identity;
  const made = await house.call("POST", "/v1/connections", {
    body: {
      name,
      preset: "generic",
      ...client,
      scopes: ["openid", "profile"],
      verification: "none",
      hosts: { web: issuer, api },
      settings: {
        authorize_url: `${issuer}/auth`,
        token_url: `${issuer}/token`,
        revoke_url: `${issuer}/token/revocation`,
        user_url: `${issuer}/me`,
        issuer,
        token_auth: "basic",
      },
    },
  });
  assert.equal(made.status, 201, made.text);
  const redirectUri = made.json.redirect_uri as string;
  assert.equal(redirectUri, `${house.origin}/oauth/callback/${made.json.id as string}`);
  callbackOf.set(name, redirectUri);
  identity.register(redirectUri);
}

function account(identifier: string, name = "honest"): string {
  return `/v1/connections/${name}/accounts/${identifier}`;
}

interface Opened {
  readonly browser: Browser;
  readonly location: string;
}

async function open(identifier: string, name = "honest"): Promise<Opened> {
  await house.call("PUT", account(identifier, name));
  const link = await house.call("POST", `${account(identifier, name)}/link`, { body: {} });
  const browser = new Browser();
  return { browser, location: (await browser.get(link.json.link as string)).location ?? "" };
}

async function connect(identifier: string): Promise<Landing> {
  const { browser, location } = await open(identifier);
  return browser.get(await honest.approve(location, identifier));
}

async function read(identifier: string, name = "honest"): Promise<Answer["json"]> {
  return (await house.call("GET", account(identifier, name))).json;
}

async function proxied(identifier: string): Promise<Answer> {
  return house.call("GET", "/proxy/things?of=mine", { headers: { connection_name: "honest", identifier } });
}

function newest(identity: Identity): Identity["granted"][number] {
  const last = identity.granted.at(-1);
  assert.ok(last);
  return last;
}

test("a person signs in there, comes back with code and issuer, and is connected", async () => {
  const { browser, location } = await open("ada");
  assert.equal(new URL(location).searchParams.get("code_challenge_method"), "S256");
  const back = await honest.approve(location, "ada");
  assert.equal(new URL(back).searchParams.get("iss"), honest.issuer);
  assert.equal((await browser.get(back)).status, 200);
  const { status, provider_user, scopes } = await read("ada");
  assert.deepEqual([status, provider_user], ["ACTIVE", { id: "ada", login: "ada", name: "ADA" }]);
  assert.deepEqual(scopes, ["openid", "profile"]);
});

test("a call goes out with a token that the API's own introspection finds alive", async () => {
  const answer = await proxied("ada");
  assert.deepEqual([answer.status, answer.json], [200, { path: "/things?of=mine", live: true }]);
});

test("each refresh swaps the refresh token, and calls go on with the new pair", async () => {
  const spent = newest(honest);
  for (let times = 0; times < 2; times += 1) {
    const answer = await house.call("POST", `${account("ada")}/refresh`);
    assert.equal(answer.status, 200, answer.text);
  }
  const pairs = honest.granted.slice(-3);
  assert.equal(new Set(pairs.map(({ refresh }) => refresh)).size, 3);
  assert.equal(pairs[0]?.refresh, spent.refresh);
  assert.equal((await proxied("ada")).status, 200);
});

test("when a spent refresh token turns up elsewhere the provider ends the grant, and the account says so", async () => {
  assert.equal((await connect("mallory")).status, 200);
  const first = newest(honest);
  await house.call("POST", `${account("mallory")}/refresh`);
  assert.equal(await honest.replay(first.refresh), 400);
  await house.call("POST", `${account("mallory")}/refresh`);
  const { status, status_reason } = await read("mallory");
  assert.deepEqual([status, status_reason], ["EXPIRED", "refresh_rejected"]);
  assert.equal((await proxied("mallory")).json.code, "account_expired");
});

test("a delete revokes that person's tokens there, and no other's", async () => {
  assert.equal((await connect("bob")).status, 200);
  const { access, refresh } = newest(honest);
  assert.deepEqual([await honest.isLive(access), await honest.isLive(refresh)], [true, true]);
  const answer = await house.call("DELETE", account("bob"));
  assert.equal(answer.status, 204, answer.text);
  assert.deepEqual([await honest.isLive(access), await honest.isLive(refresh)], [false, false]);
  assert.equal((await proxied("ada")).status, 200);
});

/** What the token endpoint is asked while `work` runs. */
async function exchangesAt(identity: Identity, work: () => Promise<void>): Promise<number> {
  const start = identity.asked.length;
  await work();
  return identity.asked.slice(start).filter((request) => request === "POST /token").length;
}

test("an answer that comes in at another connection's address is nobody's, and costs nothing", async () => {
  const { browser, location } = await open("carol");
  const back = new URL(await honest.approve(location, "carol"));
  const wrong = new URL(callbackOf.get("other") ?? "");
  wrong.search = back.search;
  const asked = await exchangesAt(other, async () => {
    assert.equal((await browser.get(wrong.href)).status, 410);
    assert.equal((await browser.get(`${house.origin}/oauth/callback${back.search}`)).status, 410);
  });
  assert.equal(asked, 0);
  assert.equal((await read("carol")).status, "PENDING");
  assert.equal((await browser.get(back.href)).status, 200);
  assert.equal((await read("carol")).status, "ACTIVE");
});

test("a code of the honest server never reaches the other one that sent the person there", async () => {
  const { browser, location } = await open("dave", "other");
  // The other server, asked to sign the person in, sends them on to the honest one with its own state and challenge.
  const lure = new URL(`${honest.issuer}/auth`);
  lure.search = new URL(location).search;
  lure.searchParams.set("redirect_uri", callbackOf.get("honest") ?? "");
  const asked = await exchangesAt(other, async () => {
    const back = await honest.approve(lure.href, "dave");
    assert.ok(new URL(back).searchParams.has("code"));
    assert.equal((await browser.get(back)).status, 410);
  });
  assert.equal(asked, 0);
  assert.equal((await read("dave", "other")).status, "PENDING");
});

test("an answer that names another issuer is refused before its code is swapped", async () => {
  const { browser, location } = await open("erin");
  const back = new URL(await honest.approve(location, "erin"));
  back.searchParams.set("iss", other.issuer);
  const asked = await exchangesAt(honest, async () => {
    assert.equal((await browser.get(back.href)).status, 403);
  });
  assert.equal(asked, 0);
  assert.equal((await read("erin")).status, "PENDING");
});

test("the server demands PKCE: without a challenge it gives no code", async () => {
  const { location } = await open("frank");
  const without = new URL(location);
  without.searchParams.delete("code_challenge");
  without.searchParams.delete("code_challenge_method");
  const back = new URL(await honest.approve(without.href, "frank"));
  assert.equal(back.searchParams.get("error"), "invalid_request");
});
