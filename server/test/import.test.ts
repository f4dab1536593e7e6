// Bringing a credential that exists already: asked about at the provider, sealed, ACTIVE; and what of it is never kept or told.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { exchange } from "./fake-github/testing.ts";
import { onEachDatabase } from "./support/databases.ts";
import { type Answer, adminToken, clientId, clientSecret, openHouse, type TestHouse } from "./support/house.ts";
import { connect, makeConnection, makeLink } from "./support/person.ts";
import { openRaw } from "./support/sql.ts";
import { Watch } from "./support/watch.ts";

const hour = 3_600_000;
const client = { clientId, clientSecret };

interface Pair {
  readonly access_token: string;
  readonly refresh_token: string;
}

onEachDatabase("import", (kind) => {
  let house: TestHouse;
  before(async () => {
    house = await openHouse({ kind });
    for (const login of ["octo", "hubot"]) house.fake.user({ login });
    await makeConnection(house);
    house.fake.repository({ owner: "octo", name: "hello", private: true });
    house.fake.installation({ clientId, account: "octo", repositories: "all" });
  });
  after(async () => house.close());

  const path = (identifier: string, connection = "github") => `/v1/connections/${connection}/accounts/${identifier}`;
  const bring = async (identifier: string, body: unknown, more: object = {}): Promise<Answer> =>
    house.call("POST", `${path(identifier)}/import`, { body, ...more });
  const read = async (identifier: string): Promise<Answer> => house.call("GET", path(identifier));
  const raw = async (identifier: string): Promise<Answer> =>
    house.call("GET", "/proxy/user", { headers: { connection_name: "github", identifier } });

  /** A pair as another system got it with the same client: outside of Behalf. */
  async function pairOf(login: string, by = client): Promise<Pair> {
    const redirect_uri = `${house.origin}/oauth/callback`;
    const url = new URL("/login/oauth/authorize", house.fake.web);
    for (const [name, value] of Object.entries({ client_id: by.clientId, redirect_uri, state: "s" }))
      url.searchParams.set(name, value);
    const back = new URL(await house.fake.approve(url.href, login));
    const code = back.searchParams.get("code") ?? "";
    return (await exchange(house.fake, by, { code, redirect_uri })) as unknown as Pair;
  }

  async function events(subject: string): Promise<{ name: string; details: Record<string, unknown> }[]> {
    const rows = await house.behalf.house.store.audit.after(house.project, 0, 10_000);
    return rows
      .filter((row) => row.subject === subject)
      .map(({ name, details }) => ({ name, details: JSON.parse(details) as Record<string, unknown> }));
  }

  async function held(): Promise<unknown> {
    const db = await openRaw(house.database);
    const { accounts, audit_events, revocations } = await db.dump();
    await db.close();
    return { accounts, audit_events, revocations };
  }

  test("a pair that another system got becomes an ACTIVE account, refreshed from then on by the connection's client", async () => {
    const pair = await pairOf("octo");
    const expires_at = new Date(house.fake.clock.now() + 8 * hour).toISOString();
    const made = await bring("moved", { ...pick(pair), expires_at });
    assert.equal(made.status, 201, made.text);
    assert.equal(made.json.status, "ACTIVE");
    assert.equal(made.json.provider_user.login, "octo");
    assert.equal(made.json.expires_at, expires_at);
    assert.deepEqual(
      made.json.installations.map(({ account }: { account: string }) => account),
      ["octo"],
    );
    assert.equal((await raw("moved")).json.login, "octo");
    assert.equal(house.fake.callsTo("api", "GET", /^\/user$/).at(-1)?.token, pair.access_token);
    const refreshed = await house.call("POST", `${path("moved")}/refresh`);
    assert.equal(refreshed.status, 200, refreshed.text);
    assert.equal((await raw("moved")).status, 200);
    assert.notEqual(house.fake.callsTo("api", "GET", /^\/user$/).at(-1)?.token, pair.access_token);
    const told = await events(made.json.id as string);
    assert.deepEqual(
      told.map(({ name }) => name),
      ["account.created", "account.imported", "account.refreshed"],
    );
    const { provider_user, login, scopes, status, status_reason } = told[1]?.details ?? {};
    assert.deepEqual([login, scopes, status, status_reason], ["octo", [], "ACTIVE", null]);
    assert.equal(provider_user, made.json.provider_user.id);
    assert.deepEqual((await house.behalf.verifyAudit()).faults, []);
  });

  test("a pair whose end nobody knows is refreshed before anybody can meet that end", async () => {
    const pair = await pairOf("octo");
    const made = await bring("unknown-end", pick(pair));
    assert.equal(made.status, 201, made.text);
    house.fake.clock.advance(6 * 60_000);
    await house.behalf.sweep();
    const after8 = Date.parse((await read("unknown-end")).json.expires_at as string) - house.fake.clock.now();
    assert.ok(after8 > 7 * hour, `${after8}`);
    house.fake.clock.advance(9 * hour);
    assert.equal((await raw("unknown-end")).json.login, "octo");
  });

  test("a token that the provider does not accept is refused with what to do, and leaves nothing", async () => {
    const was = await held();
    const dead = await pairOf("octo");
    house.fake.revokeToken(dead.access_token);
    for (const access_token of ["ghu_nobody-knows-this-token-0123456789", dead.access_token]) {
      const answer = await bring("nobody", { access_token });
      assert.equal(answer.status, 422, answer.text);
      assert.equal(answer.json.code, "invalid_input");
      assert.equal(answer.json.errors[0].path, "access_token");
      assert.equal(answer.json.next.action, "fix_input");
      assert.equal(answer.text.includes(access_token), false);
    }
    assert.equal((await read("nobody")).status, 404);
    assert.deepEqual(await held(), was);
  });

  test("a living token of another client is refused: this connection could neither refresh nor revoke it", async () => {
    const other = { clientId: "Iv1.elsewhere", clientSecret: "elsewhere-secret-0123456789" };
    house.fake.client({ ...other, kind: "github-app", redirectUris: [`${house.origin}/oauth/callback`] });
    for (const access_token of [
      (await pairOf("octo", other)).access_token,
      house.fake.personalToken({ login: "octo", scopes: ["repo"] }),
    ]) {
      const answer = await bring("nobody", { access_token });
      assert.equal(answer.status, 422, answer.text);
      assert.equal(answer.json.next.action, "choose_connection");
    }
    assert.equal((await read("nobody")).status, 404);
  });

  test("while the provider does not answer nothing is changed, and the same import works later", async () => {
    const pair = await pairOf("octo");
    const was = await held();
    const faults = [
      { origin: "api", path: /^\/user$/, kind: "status", status: 503 },
      { origin: "api", path: /^\/user$/, kind: "reset-before" },
      { origin: "api", path: /^\/applications/, kind: "status", status: 500 },
      { origin: "api", path: /^\/applications/, kind: "reset-after" },
    ] as const;
    for (const fault of faults) {
      house.fake.fault(fault);
      const answer = await bring("later", pick(pair), { headers: { "idempotency-key": "later-1" } });
      assert.equal(answer.status, 502, answer.text);
      assert.equal(answer.json.code, "upstream_unavailable");
      assert.equal(answer.json.next.action, "retry");
    }
    assert.deepEqual(await held(), was);
    const key = { headers: { "idempotency-key": "later-1" } };
    const done = await bring("later", pick(pair), key);
    assert.equal(done.status, 201, done.text);
    const again = await bring("later", pick(pair), key);
    assert.equal(again.headers.get("idempotency-replayed"), "true");
    assert.deepEqual(again.json, done.json);
    assert.equal((await bring("later", { access_token: "another" }, key)).json.code, "idempotency_conflict");
  });

  test("over an account of the same person the old pair is ended at the provider, and only that one", async () => {
    await connect(house, "same");
    assert.equal((await raw("same")).status, 200);
    const old = house.fake.callsTo("api", "GET", /^\/user$/).at(-1)?.token ?? "";
    const others = living("octo").filter((token) => token !== old);
    const pair = await pairOf("octo");
    const answer = await bring("same", pick(pair));
    assert.equal(answer.status, 200, answer.text);
    await house.behalf.sweep();
    const now = living("octo");
    assert.equal(now.includes(old), false);
    assert.equal(now.includes(pair.access_token), true);
    // The sweep may have swapped others for new ones: none has gone.
    assert.equal(now.length, others.length + 1);
    assert.equal((await raw("same")).json.login, "octo");
  });

  test("the same pair brought again ends nothing", async () => {
    const pair = await pairOf("octo");
    assert.equal((await bring("twice", pick(pair))).status, 201);
    const since = (await read("twice")).json.status_changed_at;
    assert.equal((await bring("twice", pick(pair))).status, 200);
    await house.behalf.sweep();
    assert.equal(living("octo").includes(pair.access_token), true);
    assert.equal((await read("twice")).json.status_changed_at, since);
  });

  test("a credential that another account holds is refused without saying where, and leaves nothing", async () => {
    const pair = await pairOf("octo");
    assert.equal((await bring("holder", pick(pair))).status, 201);
    const other = await house.call("POST", "/v1/projects", { token: adminToken, body: { name: "Other" } });
    const elsewhere = { token: other.json.token as string };
    const hosts = { web: house.fake.web, api: house.fake.api };
    const members = { client_id: clientId, client_secret: clientSecret, hosts, verification: "none" };
    const body = { name: "github", preset: "github-app", ...members };
    assert.equal((await house.call("POST", "/v1/connections", { ...elsewhere, body })).status, 201);
    const fresh = await pairOf("octo");
    const was = await held();
    for (const more of [{}, elsewhere]) {
      for (const pairs of [pick(pair), { ...pick(fresh), refresh_token: pair.refresh_token }]) {
        const answer = await bring("second-holder", pairs, more);
        assert.equal(answer.status, 409, answer.text);
        assert.equal(answer.json.code, "conflict");
        assert.equal(answer.text.includes('holder"'), false);
      }
    }
    assert.deepEqual(await held(), was);
    assert.equal((await house.call("DELETE", path("holder"))).status, 204);
    assert.equal((await bring("second-holder", pick(fresh))).status, 201);
  });

  test("the same access token brought again alone keeps the refresh token beside it", async () => {
    const pair = await pairOf("octo");
    const expires_at = new Date(house.fake.clock.now() + 8 * hour).toISOString();
    assert.equal((await bring("alone", { ...pick(pair), expires_at })).status, 201);
    const again = await bring("alone", { access_token: pair.access_token });
    assert.equal(again.json.expires_at, expires_at, again.text);
    assert.equal((await house.call("POST", `${path("alone")}/refresh`)).status, 200);
    assert.equal((await raw("alone")).status, 200);
  });

  test("over an account of another person it is a mismatch that ends neither token; after a delete it is not", async () => {
    const mine = await pairOf("octo");
    const theirs = await pairOf("hubot");
    const made = await bring("person", pick(mine));
    const answer = await bring("person", pick(theirs));
    assert.equal(answer.status, 409, answer.text);
    assert.equal(answer.json.code, "account_mismatch");
    assert.equal(answer.json.next.action, "delete_account");
    await house.behalf.sweep();
    assert.equal(living("octo").includes(mine.access_token), true);
    assert.equal(living("hubot").includes(theirs.access_token), true);
    assert.equal((await raw("person")).json.login, "octo");
    assert.equal((await house.call("DELETE", path("person"))).status, 204);
    const anew = await bring("person", pick(theirs));
    assert.equal(anew.status, 201, anew.text);
    assert.notEqual(anew.json.id, made.json.id);
    assert.equal((await raw("person")).json.login, "hubot");
  });

  test("while a delete still waits for the provider the name is free for an import", async () => {
    const pair = await pairOf("octo");
    const made = await bring("waiting", pick(pair));
    house.fake.fault({ origin: "api", method: "DELETE", path: /^\/applications/, kind: "status", status: 500 });
    assert.equal((await house.call("DELETE", path("waiting"))).status, 202);
    const next = await pairOf("hubot");
    const anew = await bring("waiting", pick(next));
    assert.equal(anew.status, 201, anew.text);
    assert.notEqual(anew.json.id, made.json.id);
    house.fake.clock.advance(60_000);
    await house.behalf.sweep();
    assert.equal(living("octo").includes(pair.access_token), false);
    assert.equal(living("hubot").includes(next.access_token), true);
  });

  test("a link that was made before an import leads nowhere, and an import revives an account that has ended", async () => {
    const link = await makeLink(house, "ended");
    const pair = await pairOf("octo");
    assert.equal((await bring("ended", pick(pair))).status, 200);
    assert.equal((await fetch(link, { redirect: "manual" })).status, 410);
    house.fake.revokeGrant("octo", clientId);
    assert.equal((await house.call("GET", `${path("ended")}?check=true`)).json.status, "REVOKED");
    assert.equal((await bring("ended", pick(await pairOf("octo")))).json.status, "ACTIVE");
  });

  test("ten imports of one account at once leave one account with one living pair", async () => {
    const pairs = await Promise.all(Array.from({ length: 10 }, async () => pairOf("hubot")));
    const answers = await Promise.all(pairs.map(async (pair) => bring("crowd", pick(pair))));
    assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([200, 201]));
    assert.equal(new Set(answers.map(({ json }) => json.id)).size, 1);
    await house.behalf.sweep();
    await house.behalf.sweep();
    const alive = living("hubot");
    assert.equal(pairs.filter(({ access_token }) => alive.includes(access_token)).length, 1);
    assert.equal((await raw("crowd")).status, 200);
    assert.deepEqual((await house.behalf.verifyAudit()).faults, []);
  });

  test("only admin may import, and only what fits", async () => {
    const pair = await pairOf("octo");
    const minted = await house.call("POST", "/v1/tokens", { body: { name: "few", scopes: ["accounts", "tools"] } });
    const few = await bring("few", pick(pair), { token: minted.json.token as string });
    assert.equal(few.json.code, "scope_missing");
    const bad = [
      {},
      { access_token: "" },
      { access_token: "two words" },
      { access_token: pair.access_token, expires_at: "soon" },
      { access_token: pair.access_token, expires_at: "2001-01-01T00:00:00Z" },
      { access_token: pair.access_token, more: 1 },
    ];
    for (const body of bad) assert.equal((await bring("few", body)).json.code, "invalid_input", JSON.stringify(body));
    assert.equal((await read("few")).status, 404);
    const elsewhere = await house.call("POST", "/v1/connections/none/accounts/few/import", { body: pick(pair) });
    assert.equal(elsewhere.status, 404);
  });

  test("no answer, no line of the log, no column and no byte on disk holds what was brought", async () => {
    const watch = new Watch();
    const ask = async (identifier: string, body: unknown, headers: Record<string, string> = {}): Promise<Answer> =>
      watch.call(house.origin, `POST ${path(identifier)}/import`, { token: house.token, body, headers });
    const pair = await pairOf("octo");
    const strange = "ghu_strange-token-that-nobody-issued-0123";
    watch.hide("access", pair.access_token);
    watch.hide("refresh", pair.refresh_token);
    watch.hide("strange", strange);
    const echo = `token=${pair.access_token} ${pair.refresh_token} ${strange}`;
    const body = JSON.stringify({ message: echo, error: echo, echo });
    for (const status of [200, 401, 403, 404, 500]) {
      house.fake.fault({ origin: "api", path: /^\/user$/, kind: "status", status, body, headers: { "x-echo": echo } });
      assert.ok((await ask("quiet", pick(pair))).status >= 400);
      house.fake.fault({ origin: "api", path: /^\/applications/, kind: "status", status, body });
      await ask("quiet", pick(pair));
    }
    await ask("quiet", { access_token: strange });
    await ask("quiet", { access_token: pair.access_token, [pair.refresh_token]: strange, expires_at: strange });
    await ask("quiet", { access_token: `${pair.access_token} ${strange}`, scopes: [strange, `${strange} x`] });
    await ask("quiet", `{"access_token": "${pair.access_token}", `);
    const own = await pairOf("hubot");
    watch.hide("access", own.access_token);
    watch.hide("refresh", own.refresh_token);
    await ask(strange, pick(own), { "idempotency-key": "quiet-1" });
    await ask("quiet", pick(pair), { "idempotency-key": "quiet-2" });
    await ask("quiet", pick(pair), { "idempotency-key": "quiet-2" });
    await ask("quiet", { access_token: strange }, { "idempotency-key": "quiet-2" });
    await watch.call(house.origin, `GET ${path("quiet")}`, { token: house.token });
    const found = (await read("quiet")).json.status;
    assert.equal(found, "ACTIVE");
    // The identifier of one account is that text itself, by the caller's own wish.
    assert.equal((await house.call("DELETE", path(strange))).status < 300, true);
    const db = await openRaw(house.database);
    const kept = Object.entries(await db.dump()).map(([where, rows]) => ({ where, text: JSON.stringify(rows) }));
    const files = { where: "files", text: db.files() };
    await db.close();
    const tokens = ["access", "refresh"];
    const leaks = [
      ...watch.leaks(),
      ...watch.leaks(house.lines.map((text) => ({ where: `log: ${text}`, text }))),
      ...watch.leaks([...kept, files]),
    ];
    assert.deepEqual(
      leaks.filter((leak) => tokens.some((what) => leak.startsWith(`${what} in`))),
      [],
    );
    const answered = watch.said.filter(({ where }) => !where.includes(strange));
    assert.deepEqual(watch.leaks(answered), []);
  });

  function living(login: string): string[] {
    return house.fake.liveTokens(login).map(({ access }) => access);
  }
});

function pick({ access_token, refresh_token }: Pair): Pair {
  return { access_token, refresh_token };
}
