// Promise 8: one refresh for any number of callers on any number of processes; a pair we received is never lost,
// and an account is never called dead without saying honestly why.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as sleepFor } from "node:timers/promises";
import type { RecordedCall } from "../fake-github/index.ts";
import { onEachDatabase } from "../support/databases.ts";
import { type Answer, call, openHouse, type TestHouse } from "../support/house.ts";
import { connect, follow, makeConnection } from "../support/person.ts";

const minute = 60_000;
const hour = 60 * minute;
const tokenPath = /^\/login\/oauth\/access_token/;

async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  for (let n = 0; n < 400; n += 1) {
    if (await holds()) return;
    await sleepFor(10);
  }
  assert.fail(`never came true: ${what}`);
}

onEachDatabase("one refresh for all callers", (kind) => {
  let house: TestHouse;
  let origins: string[] = [];
  let sweeps: (() => Promise<void>)[] = [];
  const held: (() => void)[] = [];
  before(async () => {
    house = await openHouse({ kind });
    house.fake.user({ login: "octo" });
    await makeConnection(house);
    house.fake.installation({ clientId: "Iv1.test", account: "octo", repositories: "all" });
    house.fake.repository({ owner: "octo", name: "hello", private: true, files: { "README.md": "hello" } });
    const others = [await house.replica(), await house.replica()];
    origins = [house.origin, ...others.map(({ origin }) => origin)];
    sweeps = [house.behalf, ...others].map((one) => async () => one.sweep());
  });
  after(async () => {
    for (const release of held) release();
    await house.close();
  });

  const refreshes = (): RecordedCall[] =>
    house.fake.callsTo("web", "POST", tokenPath).filter(({ body }) => body.includes("grant_type=refresh_token"));

  /** Starts counting refreshes here. */
  const counter = () => {
    const start = refreshes().length;
    return () => refreshes().length - start;
  };

  const account = (identifier: string) => `/v1/connections/github/accounts/${identifier}`;

  const read = async (identifier: string) => (await house.call("GET", account(identifier))).json;

  const headersOf = (identifier: string) => ({ connection_name: "github", identifier });

  /** A raw call through one of the processes. */
  const raw = async (at: number, identifier: string): Promise<Answer> =>
    call(origins[at % 3] ?? "", "GET", "/proxy/user", { token: house.token, headers: headersOf(identifier) });

  const rawUntil = async (signal: AbortSignal, identifier: string): Promise<unknown> => {
    const headers = { ...headersOf(identifier), authorization: `Bearer ${house.token}` };
    return fetch(`${house.origin}/proxy/user`, { headers, signal }).catch(() => "left");
  };

  const tool = async (at: number, identifier: string): Promise<Answer> =>
    call(origins[at % 3] ?? "", "POST", "/v1/tools/github_user_repos_list/execute", {
      token: house.token,
      body: { connection: "github", identifier, input: {} },
    });

  /** The token endpoint keeps its next answer to itself until told; the rotation itself has happened, unless `before`. */
  const hold = (options: { before?: boolean } = {}) => {
    const { promise, resolve } = Promise.withResolvers<void>();
    house.fake.fault({ origin: "web", method: "POST", path: tokenPath, kind: "hold", release: promise, ...options });
    held.push(resolve);
    return resolve;
  };

  /** A connected account whose token has so long to live; the one before it leaves, so that no sweep meets it. */
  let guest: string | undefined;
  const connected = async (identifier: string, lifeLeftMs: number): Promise<void> => {
    if (guest !== undefined) await house.call("DELETE", account(guest));
    guest = identifier;
    assert.equal((await connect(house, identifier)).status, 200);
    house.fake.clock.advance(8 * hour - lifeLeftMs);
  };

  const livePairs = () => house.fake.liveTokens("octo").map(({ access }) => access);

  test("two hundred callers on three processes with an expired token cause one refresh and all succeed", async () => {
    await connected("crowd", -1 * hour);
    const count = counter();
    const calls = Array.from({ length: 200 }, async (_, n) => (n % 2 === 0 ? raw(n, "crowd") : tool(n, "crowd")));
    const statuses = (await Promise.all(calls)).map(({ status }) => status);
    assert.deepEqual(
      statuses.filter((status) => status !== 200),
      [],
    );
    assert.equal(count(), 1);
  });

  test("the same holds while the token is only about to expire", async () => {
    await connected("soon", 4 * minute);
    const count = counter();
    const calls = Array.from({ length: 60 }, async (_, n) => (n % 2 === 0 ? raw(n, "soon") : tool(n, "soon")));
    const statuses = (await Promise.all(calls)).map(({ status }) => status);
    assert.deepEqual(
      statuses.filter((status) => status !== 200),
      [],
    );
    assert.equal(count(), 1);
  });

  test("a refresh in the background, in three processes at once, cuts off no call under way", async () => {
    await connected("ahead", 14 * minute);
    const count = counter();
    const calls = Array.from({ length: 60 }, async (_, n) => (n % 2 === 0 ? raw(n, "ahead") : tool(n, "ahead")));
    const [answers] = await Promise.all([Promise.all(calls), ...sweeps.map(async (sweep) => sweep())]);
    assert.deepEqual(
      answers.map(({ status }) => status).filter((status) => status !== 200),
      [],
    );
    assert.equal(count(), 1);
    assert.equal((await read("ahead")).status, "ACTIVE");
  });

  test("one who comes while the refresh is under way waits for its pair and spends no rotated token", async () => {
    await connected("queue", -1 * hour);
    const count = counter();
    const release = hold();
    const first = raw(0, "queue");
    await until("the refresh was sent", () => count() === 1);
    const late = [raw(1, "queue"), tool(2, "queue"), raw(0, "queue")];
    await sleepFor(150);
    release();
    const answers = await Promise.all([first, ...late]);
    assert.deepEqual(
      answers.map(({ status }) => status),
      [200, 200, 200, 200],
    );
    assert.equal(count(), 1);
  });

  test("callers who leave do not take the new pair with them", async () => {
    await connected("leaver", -1 * hour);
    const count = counter();
    const release = hold();
    const leaving = new AbortController();
    const gone = [rawUntil(leaving.signal, "leaver"), rawUntil(leaving.signal, "leaver")];
    await until("the refresh was sent", () => count() === 1);
    leaving.abort();
    assert.deepEqual(await Promise.all(gone), ["left", "left"]);
    release();
    assert.equal((await raw(1, "leaver")).status, 200);
    assert.equal(count(), 1);
    assert.equal((await read("leaver")).status, "ACTIVE");
  });

  test("a holder that stalls past its lease still saves its pair and heals the account it left behind", async () => {
    await connected("stall", -1 * hour);
    const count = counter();
    const release = hold();
    const stalled = raw(0, "stall");
    await until("the refresh was sent", () => count() === 1);
    house.fake.clock.advance(61_000);
    const taker = await tool(1, "stall");
    assert.equal(taker.status, 409, taker.text);
    assert.equal(taker.json.code, "account_expired");
    assert.equal(taker.json.next.action, "reconnect");
    const left = await read("stall");
    assert.equal(left.status, "EXPIRED");
    assert.equal(left.status_reason, "refresh_interrupted");
    assert.equal(count(), 2);
    release();
    assert.equal((await stalled).status, 200);
    const healed = await read("stall");
    assert.equal(healed.status, "ACTIVE");
    assert.equal(healed.status_reason, null);
    assert.equal((await raw(1, "stall")).status, 200);
    assert.equal((await tool(2, "stall")).status, 200);
    assert.equal(count(), 2);
  });

  test("a refresh left behind is found by the sweep of another process and named as interrupted", async () => {
    await connected("behind", 7 * hour);
    const count = counter();
    const release = hold();
    const stalled = call(house.origin, "POST", `${account("behind")}/refresh`, { token: house.token });
    await until("the refresh was sent", () => count() === 1);
    await sweeps[1]?.();
    assert.equal((await read("behind")).status, "ACTIVE");
    house.fake.clock.advance(61_000);
    await sweeps[1]?.();
    assert.equal((await read("behind")).status, "EXPIRED");
    assert.equal((await read("behind")).status_reason, "refresh_interrupted");
    release();
    assert.equal((await stalled).status, 200);
    assert.equal((await read("behind")).status, "ACTIVE");
    assert.equal((await raw(2, "behind")).status, 200);
  });

  test("GitHub's no is not believed while somebody else may be holding the pair it gave out", async () => {
    await connected("disputed", -1 * hour);
    const { accounts, refreshes: traces } = house.behalf.house.store;
    const row = (await accounts.byId((await read("disputed")).id)) ?? assert.fail("no such account");
    await traces.begin({
      id: "elsewhere",
      account_id: row.id,
      refresh_digest: row.refresh_digest ?? "",
      holder: "another-process",
      started_at: house.fake.clock.now(),
      ended_at: null,
      outcome: null,
    });
    house.fake.revokeToken(livePairs().at(-1) ?? "");
    const early = await tool(0, "disputed");
    assert.equal(early.status, 502, early.text);
    assert.equal((await read("disputed")).status, "ACTIVE");
    house.fake.clock.advance(61_000);
    assert.equal((await tool(0, "disputed")).status, 409);
    assert.equal((await read("disputed")).status_reason, "refresh_interrupted");
  });

  test("one who lost the lease does not take it from the next holder", async () => {
    await connected("owner", -1 * hour);
    const count = counter();
    const [releaseFirst, releaseSecond] = [hold({ before: true }), hold({ before: true })];
    const secret = async (client_secret: string) =>
      assert.equal((await house.call("PATCH", "/v1/connections/github", { body: { client_secret } })).status, 200);
    await secret("not-the-secret-of-this-client");
    const first = raw(0, "owner");
    await until("the first refresh was sent", () => count() === 1);
    await secret("client-secret-for-tests-0123456789");
    house.fake.clock.advance(61_000);
    const second = raw(1, "owner");
    await until("the second refresh was sent", () => count() === 2);
    releaseFirst();
    assert.equal((await first).status, 424);
    const third = raw(2, "owner");
    await sleepFor(250);
    assert.equal(count(), 2);
    releaseSecond();
    assert.deepEqual([(await second).status, (await third).status], [200, 200]);
    assert.equal(count(), 2);
  });

  for (const [how, method, path] of [
    ["disconnected", "POST", "/disconnect"],
    ["deleted", "DELETE", ""],
  ] as const) {
    test(`a pair that arrives for a ${how} account is revoked, never stored`, async () => {
      const identifier = `ended-${how}`;
      await connected(identifier, -1 * hour);
      const count = counter();
      const release = hold();
      const earlier = livePairs();
      const stalled = tool(0, identifier);
      await until("the refresh was sent and done", () => count() === 1 && livePairs().length === earlier.length);
      const [pair, ...more] = livePairs().filter((access) => !earlier.includes(access));
      assert.match(pair ?? "", /^ghu_/);
      assert.deepEqual(more, []);
      await call(origins[1] ?? "", method, account(identifier) + path, { token: house.token });
      release();
      const answer = await stalled;
      assert.equal(answer.status, 409, answer.text);
      assert.equal(answer.json.code, "account_disconnected");
      await sweeps[1]?.();
      assert.equal(livePairs().includes(pair ?? ""), false);
      const left = await house.call("GET", account(identifier));
      if (how === "deleted") assert.equal(left.status, 404);
      else assert.equal(left.json.status, "DISCONNECTED");
    });
  }

  test("a pair that arrives for a revoked account is revoked, never stored", async () => {
    await connected("withdrawn", -1 * hour);
    const { id } = await read("withdrawn");
    const count = counter();
    const release = hold();
    const earlier = livePairs();
    const stalled = tool(0, "withdrawn");
    await until("the refresh was sent and done", () => count() === 1 && livePairs().length === earlier.length);
    const pair = livePairs().find((access) => !earlier.includes(access)) ?? "";
    await house.behalf.house.store.accounts.change(id, {}, { status: "REVOKED", status_reason: "token_rejected" });
    release();
    assert.equal((await stalled).json.code, "account_revoked");
    assert.equal((await read("withdrawn")).status, "REVOKED");
    await sweeps[0]?.();
    assert.equal(livePairs().includes(pair), false);
  });

  test("asking the provider while the new pair is in the air declares nothing dead", async () => {
    await connected("air", 14 * minute);
    const count = counter();
    const release = hold();
    const sweeping = sweeps[0]?.();
    await until("the refresh was sent", () => count() === 1);
    // GitHub has ended the old token by now: the check, and a call with it, are told so.
    const checking = call(origins[1] ?? "", "GET", `${account("air")}?check=true`, { token: house.token });
    const calling = [tool(2, "air"), raw(1, "air")];
    await sleepFor(250);
    assert.equal((await read("air")).status, "ACTIVE");
    release();
    await sweeping;
    assert.equal((await checking).json.status, "ACTIVE");
    const answers = await Promise.all(calling);
    assert.deepEqual(
      answers.map(({ status }) => status),
      [200, 200],
    );
    assert.equal((await read("air")).status, "ACTIVE");
    assert.equal(count(), 1);
  });

  test("the same holds when the refresh begins while the provider is being asked", async () => {
    await connected("between", 6 * minute);
    const count = counter();
    const asked = Promise.withResolvers<void>();
    held.push(asked.resolve);
    const isCheck = { origin: "api", method: "POST", path: /^\/applications\/.*\/token$/ } as const;
    house.fake.fault({ ...isCheck, kind: "hold", before: true, release: asked.promise });
    const checks = house.fake.callsTo("api", "POST", isCheck.path).length;
    const checking = call(origins[1] ?? "", "GET", `${account("between")}?check=true`, { token: house.token });
    await until("the check was sent", () => house.fake.callsTo("api", "POST", isCheck.path).length > checks);
    const release = hold();
    const refreshing = call(origins[0] ?? "", "POST", `${account("between")}/refresh`, { token: house.token });
    await until("the refresh was sent", () => count() === 1);
    asked.resolve();
    assert.equal((await checking).json.status, "ACTIVE");
    release();
    assert.equal((await refreshing).json.status, "ACTIVE");
    assert.equal((await raw(2, "between")).status, 200);
    assert.equal(count(), 1);
  });

  test("a rotation whose answer is lost ends in EXPIRED, says so, and offers the way back", async () => {
    await connected("lost", -1 * hour);
    house.fake.fault({ origin: "web", method: "POST", path: tokenPath, kind: "reset-after" });
    const first = await tool(0, "lost");
    assert.equal(first.status, 502);
    assert.equal((await read("lost")).status, "ACTIVE");
    const second = await tool(0, "lost");
    assert.equal(second.status, 409, second.text);
    assert.equal(second.json.code, "account_expired");
    assert.match(second.json.detail, /cut off/);
    assert.equal(second.json.next.action, "reconnect");
    assert.equal((await read("lost")).status_reason, "refresh_interrupted");
    const { method, url } = second.json.next;
    const link = await call("", method, url, { token: house.token, body: {} });
    assert.equal((await follow(house, link.json.link, "octo")).status, 200);
    assert.equal((await read("lost")).status, "ACTIVE");
    assert.equal((await tool(2, "lost")).status, 200);
  });

  test("a lost rotation is found out at once when the old token, still in its time, is refused", async () => {
    await connected("early", 4 * minute);
    house.fake.fault({ origin: "web", method: "POST", path: tokenPath, kind: "reset-after" });
    const refused = await tool(0, "early");
    assert.equal(refused.status, 409, refused.text);
    assert.equal(refused.json.code, "account_expired");
    assert.equal((await read("early")).status_reason, "refresh_interrupted");
  });

  test("a refresh that never arrived loses nothing", async () => {
    await connected("spared", -1 * hour);
    const count = counter();
    house.fake.fault({ origin: "web", method: "POST", path: tokenPath, kind: "reset-before" });
    const first = await raw(0, "spared");
    assert.equal(first.status, 502);
    assert.equal(first.headers.get("retry-after"), "15");
    assert.equal((await raw(1, "spared")).status, 200);
    assert.equal(count(), 1);
    assert.equal((await read("spared")).status, "ACTIVE");
  });

  test("a refresh token that GitHub no longer knows is called rejected, not interrupted", async () => {
    await connected("rejected", -1 * hour);
    const [access = ""] = livePairs().slice(-1);
    house.fake.revokeToken(access);
    const refused = await tool(0, "rejected");
    assert.equal(refused.status, 409, refused.text);
    assert.equal((await read("rejected")).status_reason, "refresh_rejected");
  });
});
