// Promise 1: a secret never reaches a log, an error, an API answer, a URL, an audit event or SQL in plain form.
import assert from "node:assert/strict";
import { Console } from "node:console";
import { Writable } from "node:stream";
import { after, before, test } from "node:test";
import { format, inspect } from "node:util";
import { serialize } from "node:v8";
import { Credential } from "../../src/crypto/credential.ts";
import { onEachDatabase } from "../support/databases.ts";
import { adminToken, clientId, clientSecret, openHouse, type TestHouse } from "../support/house.ts";
import { Browser, makeConnection } from "../support/person.ts";
import { openRaw } from "../support/sql.ts";
import { Watch } from "../support/watch.ts";

const verifyUrl = "http://127.0.0.1:9/confirm";
const otherSecret = "another-client-secret-abcdefghijkl";
const github = "/v1/connections/github/accounts";
const oauth = "/v1/connections/oauth/accounts";

onEachDatabase("nothing that was said or kept holds a secret", (kind) => {
  let house: TestHouse;
  const watch = new Watch();
  const dumped: { where: string; text: string }[] = [];

  const ask = async (where: string, more: Parameters<Watch["call"]>[2] = {}) =>
    watch.call(house.origin, where, { token: house.token, ...more });

  const gather = (): void => watch.gather(house.fake, ["octo", "hubot"]);

  /** Opens a link and walks on to the callback; what each answer shows on purpose is one state, one auth_request_id. */
  async function walk(url: string, login: string, options: { deny?: boolean } = {}) {
    const browser = new Browser();
    watch.hide("a link ticket", url.slice(url.lastIndexOf("/") + 1));
    const opened = await browser.get(url);
    const state = new URL(opened.location ?? "").searchParams.get("state");
    watch.hide("a state", state);
    watch.hear("GET /connect/…", `${opened.location}\n${opened.text}`, [state ?? ""]);
    const back = await house.fake.approve(opened.location ?? "", login, options);
    const landed = await browser.get(back);
    const ticket = URL.parse(landed.location ?? "")?.searchParams.get("auth_request_id") ?? null;
    if (ticket !== null) watch.hide("an auth_request_id", ticket);
    watch.hear("GET /oauth/callback", `${landed.location}\n${landed.text}`, ticket === null ? [] : [ticket]);
    gather();
    return { landed, ticket, back, browser };
  }

  async function link(path: string, body: Record<string, unknown> = {}): Promise<string> {
    await ask(`PUT ${path}`);
    const made = await ask(`POST ${path}/link`, { body, shows: ["link"] });
    assert.equal(made.status, 201, made.text);
    return made.json.link as string;
  }

  async function mint(body: Record<string, unknown>, token = house.token): Promise<string> {
    const made = await ask("POST /v1/tokens", { token, body, shows: ["token"] });
    assert.equal(made.status, 201, made.text);
    watch.hide("a gateway token", made.json.token as string);
    return made.json.token as string;
  }

  async function connectEveryone(): Promise<void> {
    house.fake.client({
      clientId: "Ov1.other",
      clientSecret: otherSecret,
      kind: "oauth-app",
      redirectUris: [`${house.origin}/oauth/callback`],
    });
    const custom = {
      name: "oauth",
      preset: "github",
      client_id: "Ov1.other",
      client_secret: otherSecret,
      verification: "custom",
      verify_url_origins: ["http://127.0.0.1:9"],
      hosts: { web: house.fake.web, api: house.fake.api },
    };
    assert.equal((await ask("POST /v1/connections", { body: custom })).status, 201);
    assert.equal((await ask("POST /v1/connections", { body: custom })).status, 409);
    await walk(await link(`${github}/user_1`), "octo");
    // Another person at the same account is a mismatch: their tokens are revoked.
    await walk(await link(`${github}/user_1`), "hubot");
    await walk(await link(`${github}/user_2`), "hubot", { deny: true });
    await walk(await link(`${github}/user_2`), "hubot");
    const waiting = await walk(await link(`${oauth}/user_1`, { verify_url: verifyUrl, state: "theirs" }), "octo");
    const wrong = { auth_request_id: waiting.ticket, identifier: "user_9" };
    assert.equal((await ask("POST /v1/accounts/verify", { body: wrong })).status, 403);
    assert.equal(
      (await ask("POST /v1/accounts/verify", { body: { ...wrong, identifier: "user_1" } })).json.status,
      "ACTIVE",
    );
    // The same callback again, and a callback of nobody.
    const again = await waiting.browser.get(waiting.back);
    watch.hear("GET /oauth/callback again", again.text);
    await walk(await link(`${oauth}/user_2`, { verify_url: verifyUrl }), "octo");
  }

  async function callEverything(): Promise<void> {
    const bound = await mint({
      name: "run",
      scopes: ["proxy", "tools"],
      account: { connection: "github", identifier: "user_1" },
    });
    const parent = await mint({ name: "parent", scopes: ["tokens", "tools"] });
    await mint({ name: "child", scopes: ["tools"] }, parent);
    const keyed = { body: { name: "keyed", scopes: ["tools"] }, headers: { "idempotency-key": "k-1" } };
    const first = await ask("POST /v1/tokens", { ...keyed, shows: ["token"] });
    watch.hide("a gateway token", first.json.token as string);
    const replayed = await ask("POST /v1/tokens", keyed);
    assert.equal(replayed.headers.get("idempotency-replayed"), "true");
    const headers = { connection_name: "github", identifier: "user_1" };
    assert.equal((await ask("GET /api/v3/user", { token: bound })).json.login, "octo");
    assert.equal((await ask("POST /api/graphql", { token: bound, body: { query: "{viewer{login}}" } })).status, 200);
    assert.equal((await ask("GET /proxy/repos/octo/hello", { headers })).status, 200);
    assert.equal((await ask("POST /proxy/repos/octo/hello/issues", { headers, body: { title: "t" } })).status, 201);
    house.fake.fault({ origin: "api", path: /^\/repos/, kind: "reset-before", times: 2 });
    await ask("GET /proxy/repos/octo/hello", { headers });
    const input = { owner: "octo", repo: "hello" };
    const tool = async () =>
      ask("POST /v1/tools/github_repo_get/execute", {
        body: { connection: "github", identifier: "user_1", input, run_id: "r" },
      });
    assert.equal((await tool()).status, 200);
    const [pair] = house.fake.liveTokens("octo", clientId);
    const echo = `Authorization: Bearer ${pair?.access} token=${pair?.refresh} secret ${pair?.access}`;
    const body = JSON.stringify({ message: echo, errors: [{ message: echo, code: echo, field: echo }], echo });
    for (const status of [400, 403, 404, 409, 422, 429, 500, 502]) {
      house.fake.fault({ origin: "api", path: /^\/repos/, kind: "status", status, body, headers: { "x-echo": echo } });
      assert.notEqual((await tool()).status, 200);
    }
    house.fake.fault({ origin: "api", path: /^\/repos/, kind: "status", status: 500, body: `<p>${echo}` });
    await tool();
    house.fake.fault({ origin: "api", path: /^\/repos/, kind: "truncate" });
    await tool();
    house.fake.fault({ origin: "api", path: /^\/repos/, kind: "status", status: 401, body });
    await tool();
  }

  /** Callers who put secrets where they do not belong. */
  async function confuseEverything(): Promise<void> {
    const secret = await mint({ name: "misplaced", scopes: ["admin"] });
    for (const where of [
      `GET /v1/connections/${secret}`,
      `DELETE /v1/tokens/${secret}`,
      `GET /v1/tools/${secret}`,
      `GET /v1/accounts?connection=${secret}`,
      `GET /v1/accounts?cursor=${secret}`,
      `GET /nowhere/${secret}`,
      `GET /connect/${secret}`,
      `GET /oauth/callback?code=${secret}&state=${secret}&error=${secret}&error_description=${secret}`,
      `GET /proxy/../${secret}`,
      `GET /api/v3/%2e%2e/${secret}`,
    ])
      await ask(where);
    await ask("POST /v1/tokens", { body: { [secret]: secret, name: secret.repeat(3), scopes: [secret] } });
    await ask("POST /v1/tokens", { body: `{"name": "${secret}"` });
    await ask("POST /v1/accounts/verify", { body: { auth_request_id: secret, identifier: "user_1" } });
    await ask("POST /v1/tools/github_repo_get/execute", { body: { identifier: "user_1", input: { owner: secret } } });
    await ask("GET /v1/tokens", { token: `${secret}x` });
    await ask("GET /v1/tokens", { headers: { "behalf-project": secret } });
    await ask("GET /v1/tokens", { headers: { authorization: `Basic ${secret}` } });
  }

  async function refreshWellAndBadly(): Promise<void> {
    const refresh = async () => ask(`POST ${github}/user_1/refresh`);
    assert.equal((await refresh()).status, 200);
    gather();
    const spent = house.fake.liveTokens("octo", clientId)[0];
    const echo = `${spent?.refresh} ${clientSecret}`;
    const broken = { origin: "web", path: /access_token/, kind: "status" } as const;
    house.fake.fault({ ...broken, status: 500, body: JSON.stringify({ error: echo, message: echo }) });
    assert.equal((await refresh()).status, 502);
    house.fake.fault({ ...broken, status: 200, body: JSON.stringify({ error: echo, error_description: echo }) });
    assert.notEqual((await refresh()).status, 200);
    house.fake.fault({ ...broken, status: 200, body: `<html>${echo}</html>` });
    assert.notEqual((await refresh()).status, 200);
    house.fake.fault({
      ...broken,
      status: 200,
      body: JSON.stringify({ error: "incorrect_client_credentials", error_description: echo }),
    });
    assert.equal((await refresh()).status, 424);
    house.fake.clock.advance(9 * 3_600_000);
    await house.behalf.sweep();
    gather();
    house.fake.fault({
      ...broken,
      status: 200,
      body: JSON.stringify({ error: "bad_refresh_token", error_description: echo }),
    });
    assert.equal((await ask(`POST ${github}/user_2/refresh`)).status, 409);
    gather();
  }

  async function endEverything(): Promise<void> {
    const echo = house.fake.liveTokens("octo", clientId)[0]?.access;
    house.fake.fault({
      origin: "api",
      method: "DELETE",
      path: /\/applications/,
      kind: "status",
      status: 500,
      body: JSON.stringify({ message: echo }),
    });
    assert.equal((await ask(`DELETE ${github}/user_1`)).status, 202);
    await dump("while a revocation waits");
    house.fake.clock.advance(60_000);
    await house.behalf.sweep();
    gather();
    assert.equal((await ask(`POST ${oauth}/user_1/disconnect`)).status, 200);
    for (const where of [
      "GET /v1/tokens",
      "GET /v1/connections",
      "GET /v1/accounts",
      "GET /v1/presets",
      "GET /v1/tools",
    ])
      assert.equal((await ask(where)).status, 200);
    for (const where of ["GET /", "GET /errors", "GET /style.css", "GET /openapi.json", "GET /healthz", "GET /readyz"])
      assert.equal((await ask(where)).status, 200);
    assert.equal((await ask("GET /v1/projects", { token: adminToken })).status, 200);
  }

  async function dump(when: string): Promise<void> {
    const raw = await openRaw(house.database);
    for (const [table, rows] of Object.entries(await raw.dump()))
      dumped.push({ where: `table ${table} ${when}`, text: JSON.stringify(rows) });
    dumped.push({ where: `the database files ${when}`, text: raw.files() });
    await raw.close();
  }

  before(async () => {
    house = await openHouse({ kind });
    house.fake.user({ login: "octo" });
    house.fake.user({ login: "hubot" });
    await makeConnection(house);
    house.fake.repository({ owner: "octo", name: "hello", private: true, files: { "README.md": "hello" } });
    house.fake.installation({ clientId, account: "octo", repositories: "all" });
    for (const [what, secret] of Object.entries({ adminToken, clientSecret, otherSecret, token: house.token }))
      watch.hide(what, secret);
    await connectEveryone();
    await callEverything();
    await confuseEverything();
    await dump("while accounts are connected");
    await refreshWellAndBadly();
    await endEverything();
    await dump("at the end");
  });
  after(async () => house.close());

  test("there was much to hide, so that finding nothing means something", () => {
    assert.ok(watch.count("a GitHub token") >= 14, `${watch.count("a GitHub token")}`);
    assert.ok(watch.count("a gateway token") >= 5);
    for (const what of ["a PKCE verifier", "an authorization code", "a link ticket", "a state"])
      assert.ok(watch.count(what) >= 5, `${what}: ${watch.count(what)}`);
    assert.equal(watch.count("an auth_request_id"), 2);
    assert.ok(house.lines.length >= 10, `${house.lines.length} lines of log`);
    assert.ok(watch.said.length >= 70);
  });

  test("no answer of the API, no page and no redirect holds one, but the one place that is there to show it", () => {
    assert.deepEqual(watch.leaks(), []);
  });

  test("no line of the log holds one", () => {
    assert.deepEqual(watch.leaks(house.lines.map((text, at) => ({ where: `line ${at}: ${text}`, text }))), []);
  });

  test("no column of any table, no byte of the files on disk holds one, the audit included", () => {
    assert.ok(
      dumped.some(({ where, text }) => where === "table audit_events at the end" && text.includes("account.refreshed")),
    );
    assert.ok(
      dumped.some(
        ({ where, text }) => where === "table revocations while a revocation waits" && text.includes("bhs1.k1."),
      ),
    );
    assert.ok(
      dumped.some(
        ({ where, text }) => where === "table accounts while accounts are connected" && text.includes("bhs1.k1."),
      ),
    );
    assert.deepEqual(watch.leaks(dumped), []);
  });

  test("the search itself finds a secret, plain or disguised", () => {
    const basic = Buffer.from(`id:${clientSecret}`).toString("base64");
    const hex = Buffer.from(adminToken).toString("hex");
    const places = [
      { where: "a", text: `x${basic}` },
      { where: "b", text: `x${hex}` },
      { where: "c", text: house.token },
    ];
    assert.deepEqual(watch.leaks(places), ["adminToken in b", "clientSecret in a", "token in c"]);
  });
});

const plain = "ghu_plainplainplainplainplainplainplain";
const secret = new Credential(plain);

function printed(value: unknown): string {
  let text = "";
  const stream = new Writable({ write: (chunk: Buffer, _, done) => ((text += chunk.toString()), done()) });
  new Console(stream, stream).log(value, [value], { value });
  return text;
}

test("a credential cannot be printed, inspected or serialised", () => {
  class Holder {
    readonly credential = secret;
  }
  const holder = new Holder();
  const error = new Error("failed", { cause: { secret, cause: new Error("deeper", { cause: secret }) } });
  const all = { depth: null, showHidden: true, getters: true, customInspect: true } as const;
  const texts = {
    console: printed(secret) + printed(holder) + printed(new Map([[secret, secret]])),
    "console of an error": printed(error),
    format: format("%o %O %j", secret, holder, secret) + format(secret, holder),
    inspect: inspect(holder, all) + inspect(secret, { ...all, customInspect: false }),
    json: JSON.stringify([secret, holder, Object.assign({}, secret)]),
    string: secret.toString() + secret.toLocaleString(),
    members: JSON.stringify([Object.entries(secret), Object.getOwnPropertyNames(secret), Reflect.ownKeys(secret)]),
    clone: inspect(structuredClone({ secret }), all),
    v8: serialize(Object.assign({}, holder)).toString("latin1"),
    error: `${error.stack}${inspect(error, all)}`,
  };
  for (const [way, text] of Object.entries(texts)) assert.equal(text.includes(plain), false, way);
  assert.equal(JSON.stringify({ secret }), '{"secret":"[credential]"}');
  assert.equal(inspect(holder), "Holder { credential: [credential] }");
});

test("a credential that is interpolated, joined or ordered fails there and then", () => {
  const value = secret as unknown as string;
  const deeds: Record<string, () => unknown> = {
    template: () => `Bearer ${value}`,
    concatenation: () => "Bearer " + value,
    comparison: () => value < "ghu",
    number: () => Number(value),
    text: () => String(value),
    format: () => format("%s", value),
    key: () => ({})[value as never],
  };
  for (const [way, deed] of Object.entries(deeds))
    assert.throws(deed, { name: "TypeError", message: "A credential cannot be interpolated, added or compared" }, way);
});

test("a credential cannot be changed or opened from outside", () => {
  assert.ok(Object.isFrozen(secret));
  assert.throws(() => Object.assign(secret, { toString: () => plain }), TypeError);
  assert.equal(secret.reveal(), plain);
});
