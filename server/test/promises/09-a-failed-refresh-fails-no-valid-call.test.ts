// Promise 9: a failed refresh does not fail a call whose token is still valid, and HTTP 200 with `error` is an error.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Fault } from "../fake-github/index.ts";
import { onEachDatabase } from "../support/databases.ts";
import { type Answer, openHouse, type TestHouse } from "../support/house.ts";
import { connect, makeConnection } from "../support/person.ts";

const minute = 60_000;
const hour = 60 * minute;
const tokenPath = /^\/login\/oauth\/access_token/;

/** How a token endpoint can fail without having said anything about the grant. */
const failures: readonly (readonly [name: string, fault: Partial<Fault>])[] = [
  ["a 500 page", { kind: "status", status: 500 }],
  ["a 502", { kind: "status", status: 502 }],
  ["a 503 with an error in it", { kind: "status", status: 503, body: '{"error":"bad_refresh_token"}' }],
  ["a 429", { kind: "secondary-limit", status: 429 }],
  ["a reset before anything was read", { kind: "reset-before" }],
  ["HTML with status 200", { kind: "status", status: 200, body: "<html>Maintenance</html>" }],
  ["nothing with status 200", { kind: "status", status: 200, body: "" }],
  ["an error nobody knows, with status 200", { kind: "status", status: 200, body: '{"error":"try_again_later"}' }],
  ["an empty token", { kind: "status", status: 200, body: '{"access_token":"","token_type":"bearer"}' }],
  ["a token that is no text", { kind: "status", status: 200, body: '{"access_token":7,"token_type":"bearer"}' }],
  ["a token for a header injection", { kind: "status", status: 200, body: '{"access_token":"a\\r\\nX-Evil: 1"}' }],
  ["a token of another kind", { kind: "status", status: 200, body: '{"access_token":"abc","token_type":"dpop"}' }],
];

onEachDatabase("a failed refresh fails no valid call", (kind) => {
  let house: TestHouse;
  before(async () => {
    house = await openHouse({ kind });
    house.fake.user({ login: "octo" });
    await makeConnection(house);
    house.fake.installation({ clientId: "Iv1.test", account: "octo", repositories: "all" });
  });
  after(async () => house.close());

  const account = (identifier: string) => `/v1/connections/github/accounts/${identifier}`;
  const read = async (identifier: string) => (await house.call("GET", account(identifier))).json;
  const raw = async (identifier: string): Promise<Answer> =>
    house.call("GET", "/proxy/user", { headers: { connection_name: "github", identifier } });
  const tool = async (identifier: string): Promise<Answer> =>
    house.call("POST", "/v1/tools/github_user_repos_list/execute", { body: { identifier, input: {} } });
  const fault = (more: Partial<Fault>) =>
    house.fake.fault({ origin: "web", method: "POST", path: tokenPath, kind: "status", ...more });
  const refreshes = () => house.fake.callsTo("web", "POST", tokenPath);
  const counter = () => {
    const start = refreshes().length;
    return () => refreshes().length - start;
  };

  /** The account before leaves, so that no sweep meets it. */
  let guest: string | undefined;
  const connected = async (identifier: string, lifeLeftMs: number): Promise<void> => {
    if (guest !== undefined) await house.call("DELETE", account(guest));
    guest = identifier;
    assert.equal((await connect(house, identifier)).status, 200);
    house.fake.clock.advance(8 * hour - lifeLeftMs);
  };

  for (const [at, [name, how]] of failures.entries()) {
    test(`${name}: calls go on with the token that is still good, and the next refresh heals`, async () => {
      const identifier = `due-${at}`;
      await connected(identifier, 4 * minute);
      const count = counter();
      fault(how);
      assert.equal((await raw(identifier)).status, 200);
      assert.equal((await tool(identifier)).status, 200);
      assert.equal(count(), 1);
      assert.equal((await read(identifier)).status, "ACTIVE");
      house.fake.clock.advance(2 * minute);
      assert.equal((await raw(identifier)).status, 200);
      assert.equal(count(), 2);
      assert.equal(Date.parse((await read(identifier)).expires_at) - house.fake.clock.now() > 7 * hour, true);
    });
  }

  test("under the floor of a minute the call waits for a refresh, but still goes out when that fails", async () => {
    await connected("floor", 40_000);
    fault({ status: 503 });
    const count = counter();
    assert.equal((await raw("floor")).status, 200);
    assert.equal(count(), 1);
  });

  test("after the real end the caller is told to come back, nothing is sent, and the account stays ACTIVE", async () => {
    await connected("ended", -1 * minute);
    for (const status of [500, 502, 503]) {
      fault({ status });
      const calls = house.fake.callsTo("api").length;
      const answer = status === 502 ? await raw("ended") : await tool("ended");
      assert.equal(answer.status, 502, answer.text);
      assert.equal(answer.json.code, "upstream_unavailable");
      assert.equal(answer.headers.get("retry-after"), "15");
      assert.equal(answer.json.next.action, "retry");
      assert.equal(house.fake.callsTo("api").length, calls);
      assert.equal((await read("ended")).status, "ACTIVE");
    }
    assert.equal((await tool("ended")).status, 200);
  });

  test("a refresh that is asked for and fails says so and changes nothing", async () => {
    await connected("asked", 6 * hour);
    fault({ status: 503 });
    const answer = await house.call("POST", `${account("asked")}/refresh`);
    assert.equal(answer.status, 502);
    assert.equal(answer.json.code, "upstream_unavailable");
    assert.equal((await read("asked")).status, "ACTIVE");
    assert.equal((await raw("asked")).status, 200);
  });

  for (const error of ["incorrect_client_credentials", "invalid_client", "application_suspended"]) {
    test(`200 with ${error} is our fault, not the account's`, async () => {
      const identifier = `client-${error}`;
      const body = JSON.stringify({ error, error_description: "no", error_uri: "https://docs.github.com/" });
      await connected(identifier, 4 * minute);
      fault({ status: 200, body });
      assert.equal((await raw(identifier)).status, 200);
      house.fake.clock.advance(10 * minute);
      fault({ status: 200, body, times: 2 });
      const told = await tool(identifier);
      assert.equal(told.status, 424, told.text);
      assert.equal(told.json.code, "connection_misconfigured");
      assert.equal(told.json.next.action, "contact_operator");
      assert.equal((await raw(identifier)).headers.get("behalf-refusal"), "connection_misconfigured");
      assert.equal((await read(identifier)).status, "ACTIVE");
      assert.equal((await tool(identifier)).status, 200);
    });
  }

  test("200 with bad_refresh_token is a no to the grant, in JSON and in a form alike", async () => {
    const bodies = ['{"error":"bad_refresh_token"}', "error=bad_refresh_token&error_description=incorrect+or+expired"];
    for (const [at, body] of bodies.entries()) {
      await connected(`no-${at}`, -1 * minute);
      const type = at === 0 ? "application/json" : "application/x-www-form-urlencoded";
      fault({ status: 200, body, headers: { "Content-Type": type } });
      const answer = await tool(`no-${at}`);
      assert.equal(answer.json.code, "account_expired", answer.text);
      assert.equal((await read(`no-${at}`)).status_reason, "refresh_rejected");
    }
  });

  test("an answer without a refresh token leaves the old one in force", async () => {
    await connected("kept", 4 * minute);
    const access_token = house.fake.personalToken({ login: "octo" });
    fault({ status: 200, body: JSON.stringify({ access_token, token_type: "bearer", expires_in: 28_800 }) });
    assert.equal((await raw("kept")).status, 200);
    assert.equal(house.fake.callsTo("api", "GET", /^\/user$/).at(-1)?.token, access_token);
    house.fake.clock.advance(9 * hour);
    assert.equal((await raw("kept")).status, 200);
    const [first, second] = refreshes()
      .slice(-2)
      .map(({ body }) => new URLSearchParams(body).get("refresh_token"));
    assert.match(first ?? "", /^ghr_/);
    assert.equal(second, first);
  });

  test("a provider that just failed is left alone for a while, longer each time", async () => {
    await connected("backoff", 4.9 * minute);
    const count = counter();
    fault({ status: 503, times: 3 });
    for (let n = 0; n < 10; n += 1) assert.equal((await raw("backoff")).status, 200);
    assert.equal(count(), 1);
    await house.behalf.sweep();
    assert.equal(count(), 1);
    house.fake.clock.advance(16_000);
    for (let n = 0; n < 10; n += 1) assert.equal((await raw("backoff")).status, 200);
    assert.equal(count(), 2);
    house.fake.clock.advance(16_000);
    await raw("backoff");
    assert.equal(count(), 2);
    house.fake.clock.advance(16_000);
    await raw("backoff");
    assert.equal(count(), 3);
  });

  test("in the background tokens are refreshed from fifteen minutes before their end, and not before", async () => {
    await connected("ahead", 16 * minute);
    const count = counter();
    await house.behalf.sweep();
    assert.equal(count(), 0);
    house.fake.clock.advance(2 * minute);
    assert.equal((await raw("ahead")).status, 200);
    assert.equal(count(), 0);
    await house.behalf.sweep();
    assert.equal(count(), 1);
    await house.behalf.sweep();
    assert.equal(count(), 1);
    assert.equal(Date.parse((await read("ahead")).expires_at) - house.fake.clock.now() > 7 * hour, true);
    assert.equal((await raw("ahead")).status, 200);
  });

  test("a background refresh that fails is tried again, and calls never notice", async () => {
    await connected("again", 14 * minute);
    const count = counter();
    fault({ status: 503 });
    await house.behalf.sweep();
    assert.equal((await raw("again")).status, 200);
    house.fake.clock.advance(16_000);
    await house.behalf.sweep();
    assert.equal(count(), 2);
    assert.equal(Date.parse((await read("again")).expires_at) - house.fake.clock.now() > 7 * hour, true);
  });
});
