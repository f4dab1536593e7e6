// Promise 11: delete revokes this account's token and nothing of another account; a failed revocation is retried, not forgotten.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Fault } from "../fake-github/index.ts";
import { onEachDatabase } from "../support/databases.ts";
import { type Answer, adminToken, clientId, clientSecret, openHouse, type TestHouse } from "../support/house.ts";
import { follow, makeConnection } from "../support/person.ts";

const hour = 3_600_000;

interface Place {
  readonly token: string;
  readonly connection: string;
  readonly identifier: string;
}

onEachDatabase("delete revokes only its own", (kind) => {
  let house: TestHouse;
  let otherToken = "";
  before(async () => {
    house = await openHouse({ kind });
    house.fake.user({ login: "octo" });
    await makeConnection(house);
    house.fake.installation({ clientId, account: "octo", repositories: "all" });
    const other = await house.call("POST", "/v1/projects", { token: adminToken, body: { name: "Other" } });
    otherToken = other.json.token as string;
    await addConnection(house.token, "second");
    await addConnection(otherToken, "github");
  });
  after(async () => house.close());

  const addConnection = async (token: string, name: string, more: Record<string, unknown> = {}): Promise<void> => {
    const hosts = { web: house.fake.web, api: house.fake.api };
    const client = { client_id: clientId, client_secret: clientSecret };
    const body = { name, preset: "github-app", verification: "none", hosts, ...client, ...more };
    const answer = await house.call("POST", "/v1/connections", { token, body });
    assert.equal(answer.status, 201, answer.text);
  };
  const pathOf = ({ connection, identifier }: Place) => `/v1/connections/${connection}/accounts/${identifier}`;
  const here = (identifier: string): Place => ({ token: house.token, connection: "github", identifier });
  const beside = (identifier: string): Place => ({ token: house.token, connection: "second", identifier });
  const elsewhere = (identifier: string): Place => ({ token: otherToken, connection: "github", identifier });

  const liveTokens = () => house.fake.liveTokens("octo").map(({ access }) => access);
  const connected = async (place: Place, body: Record<string, unknown> = {}): Promise<string> => {
    const had = liveTokens();
    await house.call("PUT", pathOf(place), { token: place.token });
    const { json } = await house.call("POST", `${pathOf(place)}/link`, { token: place.token, body });
    const landing = await follow(house, json.link, "octo");
    assert.equal(landing.status < 400, true, landing.text);
    return liveTokens().find((access) => !had.includes(access)) ?? assert.fail("no new token");
  };
  const raw = async ({ token, connection, identifier }: Place): Promise<Answer> =>
    house.call("GET", "/proxy/user", { token, headers: { connection_name: connection, identifier } });
  const read = async (place: Place): Promise<Answer> => house.call("GET", pathOf(place), { token: place.token });
  const remove = async (place: Place, query = ""): Promise<Answer> =>
    house.call("DELETE", pathOf(place) + query, { token: place.token });
  const revocations = (what: "token" | "grant") => house.fake.callsTo("api", "DELETE", new RegExp(`/${what}$`)).length;
  const counter = (what: "token" | "grant") => {
    const start = revocations(what);
    return () => revocations(what) - start;
  };
  const fault = (more: Partial<Fault>) =>
    house.fake.fault({
      origin: "api",
      method: "DELETE",
      path: /\/(token|grant)$/,
      kind: "status",
      status: 503,
      ...more,
    });
  const refreshFault = (more: Partial<Fault>) =>
    house.fake.fault({ origin: "web", method: "POST", path: /access_token/, kind: "status", status: 503, ...more });

  test("three accounts of one person: each deletion ends one token, and only the last one the grant", async () => {
    const [tokens, grants] = [counter("token"), counter("grant")];
    const a = await connected(here("a"));
    const b = await connected(beside("b"));
    const c = await connected(elsewhere("c"));

    const gone = await remove(here("a"));
    assert.equal(gone.status, 204);
    assert.equal(gone.text, "");
    assert.deepEqual(liveTokens(), [b, c]);
    assert.equal((await read(here("a"))).status, 404);
    assert.deepEqual([(await raw(beside("b"))).status, (await raw(elsewhere("c"))).status], [200, 200]);

    assert.equal((await remove(elsewhere("c"))).status, 204);
    assert.deepEqual(liveTokens(), [b]);
    assert.equal((await raw(beside("b"))).status, 200);
    assert.deepEqual([tokens(), grants()], [2, 0]);

    assert.equal((await remove(beside("b"))).status, 204);
    assert.deepEqual(liveTokens(), []);
    assert.deepEqual([tokens(), grants()], [2, 1]);
    assert.notEqual(a, b);
  });

  test("a person whose authorization still waits to be confirmed keeps the grant alive", async () => {
    const origins = { verification: "custom", verify_url_origins: ["https://app.example"] };
    await addConnection(house.token, "careful", origins);
    await connected(here("sure"));
    const waiting = { ...here("unsure"), connection: "careful" };
    const token = await connected(waiting, { verify_url: "https://app.example/v" });
    const grants = counter("grant");
    assert.equal((await remove(here("sure"))).status, 204);
    assert.deepEqual(liveTokens(), [token]);
    assert.equal(grants(), 0);
    // The authorization in the air is this account's own: it goes with it.
    assert.equal((await remove(waiting)).status, 204);
    assert.deepEqual(liveTokens(), []);
  });

  test("with grant=true everything the person gave this client ends, and the others find out", async () => {
    await connected(here("whole"));
    await connected(elsewhere("other"));
    const grants = counter("grant");
    assert.equal((await remove(here("whole"), "?grant=true")).status, 204);
    assert.equal(grants(), 1);
    assert.deepEqual(liveTokens(), []);
    assert.equal((await raw(elsewhere("other"))).status, 401);
    assert.equal((await read(elsewhere("other"))).json.status, "REVOKED");
    assert.equal((await remove(elsewhere("other"))).status, 204);
  });

  for (const [name, how] of [
    ["answers 503", { status: 503 }],
    ["resets the connection", { kind: "reset-before" }],
    ["is limiting us", { kind: "secondary-limit" }],
    ["does not know our client just now", { status: 401 }],
  ] as const) {
    test(`while the provider ${name} the deletion is pending, is tried again, and then done`, async () => {
      const token = await connected(here("pending"));
      fault({ ...how, times: 2 });
      const tries = counter("grant");
      assert.equal((await remove(here("pending"))).status, 202);
      const { json } = await read(here("pending"));
      assert.equal(json.status, "DISCONNECTED");
      assert.equal(json.status_reason, "deletion_pending");
      assert.equal((await raw(here("pending"))).status, 403);
      assert.equal((await house.call("POST", `${pathOf(here("pending"))}/link`, { body: {} })).status, 409);
      await house.behalf.sweep();
      assert.equal(tries(), 1);
      house.fake.clock.advance(10_000);
      await house.behalf.sweep();
      assert.equal(tries(), 2);
      assert.deepEqual(liveTokens(), [token]);
      house.fake.clock.advance(20_000);
      await house.behalf.sweep();
      assert.equal(tries(), 3);
      assert.deepEqual(liveTokens(), []);
      assert.equal((await read(here("pending"))).status, 404);
    });
  }

  test("a deletion asked for twice, or followed by a disconnect, is still one deletion", async () => {
    await connected(here("insist"));
    fault({});
    assert.equal((await remove(here("insist"))).status, 202);
    assert.equal((await remove(here("insist"))).status, 202);
    await house.call("POST", `${pathOf(here("insist"))}/disconnect`);
    assert.equal((await read(here("insist"))).json.status_reason, "deletion_pending");
    house.fake.clock.advance(10_000);
    await house.behalf.sweep();
    assert.equal((await read(here("insist"))).status, 404);
    assert.deepEqual(liveTokens(), []);
  });

  test("a deletion that waits for its provider does not end the token when it was brought again meanwhile", async () => {
    const bring = async (place: Place, access_token: string): Promise<Answer> =>
      house.call("POST", `${pathOf(place)}/import`, { body: { access_token } });
    for (const end of ["DELETE", "disconnect"]) {
      for (const name of ["again", "beside"]) {
        const place = here(`brought-${end}`);
        const token = await connected(place);
        fault({});
        if (end === "DELETE") assert.equal((await remove(place)).status, 202);
        else assert.equal((await house.call("POST", `${pathOf(place)}/disconnect`)).status, 202);
        const anew = name === "again" ? place : here("brought-beside");
        assert.ok((await bring(anew, token)).status < 300);
        house.fake.clock.advance(10_000);
        await house.behalf.sweep();
        assert.equal((await raw(anew)).status, 200);
        const events = await house.behalf.house.store.audit.after(house.project, 0, 10_000);
        const done = events.findLast((event) => event.name === "account.revocation_done");
        assert.equal(JSON.parse(done?.details ?? "{}").supported, false);
        assert.equal((await remove(anew)).status, 204);
        assert.deepEqual(liveTokens(), []);
        if (end === "disconnect" && name === "beside") assert.equal((await remove(place)).status, 204);
      }
    }
  });

  test("a disconnect that waits for its provider does not end what its person connected anew meanwhile", async () => {
    const place = here("anew");
    await connected(place);
    fault({});
    assert.equal((await house.call("POST", `${pathOf(place)}/disconnect`)).status, 202);
    const token = await connected(place);
    house.fake.clock.advance(10_000);
    await house.behalf.sweep();
    assert.deepEqual(liveTokens(), [token]);
    assert.equal((await raw(place)).status, 200);
    assert.equal((await remove(place)).status, 204);
  });

  test("two processes that retry at once ask the provider once", async () => {
    await connected(here("retry"));
    const second = await house.replica();
    fault({});
    assert.equal((await remove(here("retry"))).status, 202);
    house.fake.clock.advance(10_000);
    const tries = counter("grant");
    await Promise.all([house.behalf.sweep(), second.sweep()]);
    assert.equal(tries(), 1);
    assert.equal((await read(here("retry"))).status, 404);
  });

  test("a new account of the same name may come while the deletion is pending, and loses nothing by its end", async () => {
    const old = await connected(here("phoenix"));
    const { id } = (await read(here("phoenix"))).json;
    fault({});
    assert.equal((await remove(here("phoenix"))).status, 202);
    const fresh = await house.call("PUT", pathOf(here("phoenix")));
    assert.equal(fresh.status, 201);
    assert.equal(fresh.json.status, "PENDING");
    assert.notEqual(fresh.json.id, id);
    const token = await connected(here("phoenix"));
    assert.deepEqual(liveTokens(), [old, token]);
    house.fake.clock.advance(10_000);
    const grants = counter("grant");
    await house.behalf.sweep();
    assert.deepEqual(liveTokens(), [token]);
    assert.equal(grants(), 0);
    assert.equal((await raw(here("phoenix"))).status, 200);
    assert.equal((await remove(here("phoenix"))).status, 204);
  });

  test("disconnect ends the token and keeps the account, also when the provider is away at first", async () => {
    for (const away of [false, true]) {
      await connected(here("kept"));
      if (away) fault({});
      const answer = await house.call("POST", `${pathOf(here("kept"))}/disconnect`);
      assert.equal(answer.status, away ? 202 : 200);
      house.fake.clock.advance(10_000);
      await house.behalf.sweep();
      assert.deepEqual(liveTokens(), []);
      const { json } = await read(here("kept"));
      assert.equal(json.status, "DISCONNECTED");
      assert.equal(json.status_reason, "disconnected_by_request");
    }
    assert.equal((await remove(here("kept"))).status, 204);
    assert.equal((await read(here("kept"))).status, 404);
  });

  test("an account that never connected is gone at once, and nobody is asked", async () => {
    await house.call("PUT", pathOf(here("never")));
    const calls = house.fake.calls.length;
    assert.equal((await remove(here("never"))).status, 204);
    assert.equal(house.fake.calls.length, calls);
  });

  test("a connection with accounts stays, unless they are to be revoked first", async () => {
    await addConnection(house.token, "busy");
    await connected({ ...here("one"), connection: "busy" });
    await connected({ ...here("two"), connection: "busy" });
    const kept = await connected(here("bystander"));
    const refused = await house.call("DELETE", "/v1/connections/busy");
    assert.equal(refused.status, 409);
    assert.equal(refused.json.next.action, "revoke_accounts");
    assert.equal(liveTokens().length, 3);
    fault({});
    assert.equal((await house.call("DELETE", "/v1/connections/busy?accounts=revoke")).status, 202);
    house.fake.clock.advance(10_000);
    await house.behalf.sweep();
    assert.deepEqual(liveTokens(), [kept]);
    assert.equal((await house.call("DELETE", "/v1/connections/busy?accounts=revoke")).status, 204);
    assert.equal((await house.call("GET", "/v1/connections/busy")).status, 404);
    assert.equal((await raw(here("bystander"))).status, 200);
    assert.equal((await remove(here("bystander"))).status, 204);
  });

  test("an access token that has ended is refreshed first, so that its living refresh token ends too", async () => {
    await connected(here("stale"));
    house.fake.clock.advance(9 * hour);
    assert.equal(liveTokens().length, 1);
    assert.equal((await remove(here("stale"))).status, 204);
    assert.deepEqual(liveTokens(), []);
  });

  test("when that refresh fails the revocation is not forgotten", async () => {
    for (const how of [
      { status: 503 },
      { kind: "reset-before" },
      { status: 200, body: '{"error":"server_error"}' },
    ] as const) {
      await connected(here("stuck"));
      house.fake.clock.advance(9 * hour);
      refreshFault(how);
      assert.equal((await remove(here("stuck"))).status, 202);
      assert.equal((await read(here("stuck"))).json.status_reason, "deletion_pending");
      house.fake.clock.advance(10_000);
      await house.behalf.sweep();
      assert.deepEqual(liveTokens(), []);
      assert.equal((await read(here("stuck"))).status, 404);
    }
  });

  test("when the revocation after that refresh fails, the next try uses the new pair", async () => {
    await connected(here("halfway"));
    house.fake.clock.advance(9 * hour);
    fault({});
    assert.equal((await remove(here("halfway"))).status, 202);
    const asked = house.fake.callsTo("web", "POST", /access_token/).length;
    house.fake.clock.advance(10_000);
    await house.behalf.sweep();
    assert.equal(house.fake.callsTo("web", "POST", /access_token/).length, asked);
    assert.deepEqual(liveTokens(), []);
    assert.equal((await read(here("halfway"))).status, 404);
  });

  for (const away of [false, true]) {
    test(`gateway tokens bound to the account die with it${away ? ", while its deletion is pending too" : ""}`, async () => {
      const place = here(`bound-${away}`);
      await connected(place);
      const account = { connection: "github", identifier: place.identifier };
      const ask = { name: "bound", scopes: ["proxy", "tokens"], account };
      const parent = (await house.call("POST", "/v1/tokens", { body: ask })).json.token as string;
      const child = await house.call("POST", "/v1/tokens", {
        token: parent,
        body: { name: "child", scopes: ["proxy"] },
      });
      const works = async (token: string) => (await house.call("GET", "/api/v3/user", { token })).status;
      assert.deepEqual([await works(parent), await works(child.json.token)], [200, 200]);
      if (away) fault({});
      assert.equal((await remove(place)).status, away ? 202 : 204);
      await connected(place);
      assert.deepEqual([await works(parent), await works(child.json.token)], [401, 401]);
      house.fake.clock.advance(10_000);
      await house.behalf.sweep();
      assert.equal((await remove(place)).status, 204);
      assert.deepEqual(liveTokens(), []);
    });
  }

  test("after seven days without the provider the account is let go, and the audit says that it failed", async () => {
    await connected(here("lost"));
    const { id } = (await read(here("lost"))).json;
    fault({ times: 3 });
    assert.equal((await remove(here("lost"))).status, 202);
    house.fake.clock.advance(7 * 24 * hour - 60_000);
    await house.behalf.sweep();
    assert.equal((await read(here("lost"))).json.status_reason, "deletion_pending");
    house.fake.clock.advance(2 * hour);
    await house.behalf.sweep();
    assert.equal((await read(here("lost"))).status, 404);
    const [token = "", ...others] = liveTokens();
    assert.deepEqual(others, []);
    const events = await house.behalf.house.store.audit.after(house.project, 0, 1000);
    const told = events.filter(({ subject }) => subject === id).map(({ name }) => name);
    assert.deepEqual(told.slice(-2), ["account.revocation_failed", "account.deleted"]);
    assert.deepEqual((await house.behalf.verifyAudit()).faults, []);
    house.fake.revokeToken(token);
  });
});
