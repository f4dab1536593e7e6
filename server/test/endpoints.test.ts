// `/v1/endpoints`: made, shown, changed by one at a time, tried out and deleted; what they add to calls is kept sealed.
import assert from "node:assert/strict";
import { after, before, beforeEach, describe, test } from "node:test";
import { onEachDatabase } from "./support/databases.ts";
import { type Answer, openHouse, type TestHouse } from "./support/house.ts";
import { connect, makeConnection, makeLink } from "./support/person.ts";
import { openRaw, quoted, type RawDatabase, type RawRow } from "./support/sql.ts";

const sealedValue = "operator-key-0123456789abcdef";

onEachDatabase("endpoints", (kind) => {
  let house: TestHouse;
  let raw: RawDatabase;
  before(async () => {
    house = await openHouse({ kind });
    raw = await openRaw(house.database);
    house.fake.user({ login: "octo" });
    await makeConnection(house, { preset: "github", more: { scopes: ["repo"] } });
    await connect(house, "shared");
  });
  after(async () => {
    await raw.close();
    await house.close();
  });
  beforeEach(() => void house.fake.calls.splice(0));

  const make = async (slug: string, more: object = {}): Promise<Answer> => {
    const members = { slug, name: "GitHub", upstream_url: house.fake.api, connection: "github" };
    return house.call("POST", "/v1/endpoints", { body: { ...members, ...more } });
  };
  const patch = async (slug: string, body: object): Promise<Answer> =>
    house.call("PATCH", `/v1/endpoints/${slug}`, { body });
  const events = async (subject: string): Promise<RawRow[]> =>
    raw.rows(`select name, details from audit_events where subject = ${quoted(subject)} order by seq`);

  test("one is made with PromptGate's defaults, shown by slug and by id, listed, and deleted", async () => {
    const made = await make("plain");
    assert.equal(made.status, 201, made.text);
    const { id, url, created_at, updated_at, ...rest } = made.json;
    assert.match(id, /^end_[0-9a-f]{32}$/);
    assert.match(url, new RegExp(`^${house.origin}/api/[0-9a-f-]{36}/proxy/plain$`));
    assert.equal(created_at, updated_at);
    assert.deepEqual(rest, {
      slug: "plain",
      name: "GitHub",
      upstream_url: house.fake.api,
      methods: ["GET", "POST", "PATCH", "DELETE"],
      connection: "github",
      identifier: null,
      timeout_seconds: 30,
      strip_prefix: true,
      preserve_query: true,
      forward_headers: [],
      blocked_headers: [],
      inject_headers: [],
      rate_limit_per_minute: null,
      rate_limit_per_hour: null,
      active: true,
      warnings: [],
    });
    for (const name of ["plain", id as string])
      assert.deepEqual((await house.call("GET", `/v1/endpoints/${name}`)).json, made.json);
    const list = await house.call("GET", "/v1/endpoints");
    assert.deepEqual(list.json, { items: [made.json], next_cursor: null });
    assert.equal((await house.call("DELETE", "/v1/endpoints/plain")).status, 204);
    for (const [method, path] of [
      ["GET", "/v1/endpoints/plain"],
      ["DELETE", "/v1/endpoints/plain"],
      ["PATCH", `/v1/endpoints/${id}`],
    ] as const)
      assert.equal((await house.call(method, path, method === "PATCH" ? { body: {} } : {})).status, 404, path);
    assert.deepEqual(
      (await events(id as string)).map(({ name }) => name),
      ["endpoint.created", "endpoint.deleted"],
    );
  });

  test("lists go by pages", async () => {
    for (const slug of ["p1", "p2", "p3"]) await make(slug);
    const first = await house.call("GET", "/v1/endpoints?limit=2");
    const second = await house.call("GET", `/v1/endpoints?limit=2&cursor=${first.json.next_cursor}`);
    const slugs = [...first.json.items, ...second.json.items].map((one: { slug: string }) => one.slug);
    assert.deepEqual(slugs.toSorted(), ["p1", "p2", "p3"]);
    for (const slug of slugs) await house.call("DELETE", `/v1/endpoints/${slug}`);
  });

  test("values of added headers are shown by nobody: not by the API, the audit, the log or SQL", async () => {
    const made = await make("keyed", { inject_headers: { "X-Api-Key": sealedValue, "X-Other": `${sealedValue}-2` } });
    assert.equal(made.status, 201, made.text);
    assert.deepEqual(made.json.inject_headers, ["X-Api-Key", "X-Other"]);
    const shown = await house.call("GET", "/v1/endpoints/keyed");
    const changed = await patch("keyed", { name: "Renamed" });
    const tried = await house.call("POST", "/v1/endpoints/keyed/test", { body: { path: "/user", call: true } });
    assert.equal(tried.json.ok, true, tried.text);
    assert.deepEqual(tried.json.request.headers[0], ["X-Api-Key", "[sealed]"]);
    assert.equal(house.fake.callsTo("api", "GET", /^\/user$/).at(-1)?.headers["x-api-key"], sealedValue);
    const places = [made, shown, changed, tried].map(({ text }) => text);
    const all = [...places, JSON.stringify(await raw.dump()), raw.files(), house.lines.join("\n")].join("\n");
    assert.equal(all.includes(sealedValue), false);
    const [row] = await raw.rows("select inject_names, inject_headers from endpoints where slug = 'keyed'");
    assert.equal(row?.["inject_names"], '["X-Api-Key","X-Other"]');
    assert.ok(String(row["inject_headers"]).length > sealedValue.length * 2);
    await patch("keyed", { inject_headers: {} });
    const [bare] = await raw.rows("select inject_names, inject_headers from endpoints where slug = 'keyed'");
    assert.deepEqual(bare, { inject_names: "[]", inject_headers: null });
    await house.call("DELETE", "/v1/endpoints/keyed");
  });

  test("a sealed header moved to another endpoint does not open", async () => {
    await make("from", { inject_headers: { "X-Api-Key": sealedValue } });
    await make("onto", { inject_headers: { "X-Api-Key": "another" } });
    await raw.run(
      "update endpoints set inject_headers = (select inject_headers from endpoints where slug = 'from') where slug = 'onto'",
    );
    const answer = await house.call("GET", `/api/${house.project}/proxy/onto/user`);
    assert.equal(answer.status, 500, answer.text);
    assert.equal(answer.headers.get("behalf-refusal"), "internal");
    assert.equal(house.fake.calls.length, 0);
    for (const slug of ["from", "onto"]) await house.call("DELETE", `/v1/endpoints/${slug}`);
  });

  test("everything that is wrong with an endpoint is said at once, and nothing is made", async () => {
    const answer = await make("wrong", {
      upstream_url: "https://10.0.0.1",
      forward_headers: ["Accept", "Cookie"],
      inject_headers: { Authorization: "Bearer stolen", "content-length": "0", "X-Ok": "1" },
    });
    assert.equal(answer.status, 422, answer.text);
    const paths = (answer.json.errors as { path: string }[]).map(({ path }) => path);
    const expected = [
      "upstream_url",
      "forward_headers.1",
      "inject_headers.Authorization",
      "inject_headers.content-length",
    ];
    assert.deepEqual(paths, expected);
    assert.equal((await house.call("GET", "/v1/endpoints/wrong")).status, 404);
  });

  test("members of a wrong shape are refused one by one", async () => {
    const wrong: readonly object[] = [
      { slug: "tok_x" },
      { slug: "a/b" },
      { slug: "" },
      { name: "\u202eevil" },
      { methods: [] },
      { methods: ["TRACE"] },
      { methods: ["get"] },
      { timeout_seconds: 0 },
      { timeout_seconds: 301 },
      { timeout_seconds: 1.5 },
      { rate_limit_per_minute: 0 },
      { forward_headers: ["a b"] },
      { blocked_headers: ["x\r\ny"] },
      { inject_headers: { "X-A": "a\r\nX-B: b" } },
      { inject_headers: { "X-A": "" } },
      { inject_headers: { "X-A": "1", "x-a": "2" } },
      { identifier: "\0" },
      { identifier: "" },
      { connection: 7 },
      { secret: "x" },
    ];
    for (const more of wrong) {
      const answer = await make("odd", more);
      assert.equal(answer.status, 422, `${JSON.stringify(more)} ${answer.text}`);
    }
    assert.equal((await make("odd", { connection: "nothing" })).status, 404);
    assert.equal((await raw.rows("select id from endpoints where slug = 'odd'")).length, 0);
  });

  test("a slug is taken once, also by ten at the same time", async () => {
    const answers = await Promise.all(Array.from({ length: 10 }, async () => make("race")));
    const statuses = answers.map(({ status }) => status).toSorted((one, other) => one - other);
    assert.deepEqual(statuses, [201, ...Array.from({ length: 9 }, () => 409)]);
    const refused = answers.find(({ status }) => status === 409);
    assert.equal(refused?.json.next.action, "choose_slug");
    const id = answers.find(({ status }) => status === 201)?.json.id as string;
    assert.equal((await events(id)).length, 1);
    await house.call("DELETE", "/v1/endpoints/race");
  });

  test("a change touches what it names, and the audit names the members and no values", async () => {
    const { json } = await make("steady", { inject_headers: { "X-Api-Key": sealedValue }, rate_limit_per_hour: 9 });
    const changed = await patch("steady", { timeout_seconds: 5, identifier: "other", rate_limit_per_hour: null });
    assert.equal(changed.status, 200, changed.text);
    const expected = { timeout_seconds: 5, identifier: "other", rate_limit_per_hour: null };
    assert.deepEqual(changed.json, { ...json, ...expected, updated_at: changed.json.updated_at });
    assert.ok(changed.json.updated_at > json.updated_at);
    const told = await events(json.id as string);
    const details = JSON.parse(String(told.at(-1)?.["details"])) as object;
    assert.deepEqual(details, { slug: "steady", members: ["identifier", "timeout_seconds", "rate_limit_per_hour"] });
    for (const bad of [
      { upstream_url: "https://127.1.evil:99999" },
      { upstream_url: "https://10.0.0.1" },
      { slug: "x" },
    ])
      assert.equal((await patch("steady", bad)).status, 422);
    assert.equal((await patch("steady", { connection: "nothing" })).status, 404);
    assert.deepEqual((await house.call("GET", "/v1/endpoints/steady")).json, changed.json);
    await house.call("DELETE", "/v1/endpoints/steady");
  });

  test("changes at the same time are done one after the other or refused: none is lost without a word", async () => {
    const { json } = await make("busy");
    const names = Array.from({ length: 12 }, (_, n) => `Name ${n}`);
    const answers = await Promise.all(
      names.map(async (name, n) => patch("busy", n % 2 === 0 ? { name } : { timeout_seconds: n })),
    );
    for (const { status, text } of answers) assert.ok(status === 200 || status === 409, text);
    const done = answers.filter(({ status }) => status === 200);
    assert.ok(done.length >= 1);
    const changes = (await events(json.id as string)).filter(({ name }) => name === "endpoint.changed");
    assert.equal(changes.length, done.length);
    const times = done.map((answer) => answer.json.updated_at as string);
    assert.equal(new Set(times).size, times.length);
    const last = done.toSorted((one, other) => (one.json.updated_at < other.json.updated_at ? -1 : 1)).at(-1);
    assert.deepEqual((await house.call("GET", "/v1/endpoints/busy")).json, last?.json);
    await house.call("DELETE", "/v1/endpoints/busy");
  });

  test("a connection with endpoints is not deleted, and the attempt revokes nothing", async () => {
    await make("held");
    const living = house.fake.liveTokens("octo").length;
    const accounts = await raw.rows("select id, status from accounts order by id");
    for (const query of ["", "?accounts=revoke"]) {
      const answer = await house.call("DELETE", `/v1/connections/github${query}`);
      assert.equal(answer.status, 409, answer.text);
      assert.match(answer.json.detail, /held/);
      assert.equal(answer.json.next.action, "delete_endpoints");
    }
    assert.equal(house.fake.liveTokens("octo").length, living);
    assert.deepEqual(await raw.rows("select id, status from accounts order by id"), accounts);
    assert.equal(house.fake.calls.length, 0);
    await house.call("DELETE", "/v1/endpoints/held");
  });

  test("an upstream that is not the provider's is warned of, since it gets to see the person's token", async () => {
    const foreign = await make("foreign", { upstream_url: "https://api.github.com.evil.example" });
    assert.equal(foreign.json.warnings[0].code, "foreign_upstream", foreign.text);
    assert.match(foreign.json.warnings[0].detail, /api\.github\.com\.evil\.example/);
    assert.deepEqual((await patch("foreign", { upstream_url: `${house.fake.api}/repos` })).json.warnings, []);
    await house.call("DELETE", "/v1/endpoints/foreign");
  });

  test("only an admin makes endpoints, and a token that may only read makes none", async () => {
    const mint = async (body: object): Promise<string> =>
      (await house.call("POST", "/v1/tokens", { body: { name: "t", ...body } })).json.token as string;
    const proxy = await mint({ scopes: ["proxy", "accounts", "tools", "logs"] });
    const reading = await mint({ scopes: ["admin"], limits: { access: "read" } });
    for (const [token, code] of [
      [proxy, "scope_missing"],
      [reading, "limit_not_allowed"],
    ] as const) {
      const body = { slug: "mine", name: "x", upstream_url: house.fake.api, connection: "github" };
      const answer = await house.call("POST", "/v1/endpoints", { token, body });
      assert.equal(answer.status, 403, answer.text);
      assert.equal(answer.json.code, code);
    }
    assert.equal((await house.call("GET", "/v1/endpoints", { token: reading })).status, 200);
  });

  describe("the test of an endpoint says what would happen,", () => {
    const tried = async (slug: string, body: object = {}): Promise<Answer> =>
      house.call("POST", `/v1/endpoints/${slug}/test`, { body });
    /** The steps as `name` or `!name` for the one that failed. */
    const steps = ({ json }: Answer): string[] =>
      json.steps.map(({ step, ok }: { step: string; ok: boolean }) => (ok ? step : `!${step}`));
    const whole = ["endpoint", "method", "path", "limits", "account", "credential", "address"];
    before(async () => {
      await make("probe", { upstream_url: `${house.fake.api}/repos`, rate_limit_per_minute: 7, preserve_query: false });
    });
    after(async () => void (await house.call("DELETE", "/v1/endpoints/probe")));

    test("step by step, with the request that upstream would get, and calls nobody", async () => {
      const answer = await tried("probe", { path: "/octo/hello?x=1" });
      assert.equal(answer.status, 200, answer.text);
      assert.equal(answer.json.ok, true, answer.text);
      assert.deepEqual(steps(answer), whole);
      assert.match(answer.text, /7 calls a minute/);
      const headers = [["authorization", "Bearer [masked]"]];
      assert.deepEqual(answer.json.request, { method: "GET", url: `${house.fake.api}/repos/octo/hello`, headers });
      assert.equal(answer.json.answer, null);
      assert.equal(house.fake.calls.length, 0);
    });

    test("up to the step that fails, in the words of the refusal", async () => {
      assert.deepEqual(steps(await tried("probe", { method: "PUT" })), ["endpoint", "!method"]);
      assert.deepEqual(steps(await tried("probe", { path: "/../x" })), ["endpoint", "method", "!path"]);
      await patch("probe", { identifier: "absent" });
      const absent = await tried("probe");
      assert.deepEqual(steps(absent), [...whole.slice(0, 4), "!account"]);
      assert.match(absent.json.steps.at(-1).detail, /account_pending/);
      await makeLink(house, "pending");
      await patch("probe", { identifier: "pending" });
      assert.deepEqual(steps(await tried("probe")), [...whole.slice(0, 4), "!account"]);
      await patch("probe", { identifier: null });
      // The operator closed what was open when the endpoint was made.
      await raw.run("update endpoints set upstream_url = 'https://10.0.0.1' where slug = 'probe'");
      const closed = await tried("probe");
      assert.deepEqual(steps(closed), [...whole.slice(0, 6), "!address"]);
      assert.match(closed.json.steps.at(-1).detail, /BEHALF_ALLOW_UPSTREAM/);
      await raw.run(`update endpoints set upstream_url = ${quoted(house.fake.api)} where slug = 'probe'`);
      await patch("probe", { active: false });
      assert.deepEqual(steps(await tried("probe")), ["!endpoint"]);
      await patch("probe", { active: true });
      assert.equal(house.fake.calls.length, 0);
    });

    test("and calls when asked to, with reading methods only", async () => {
      const real = await tried("probe", { path: "/user", call: true });
      assert.deepEqual(steps(real), [...whole, "call"]);
      assert.equal(real.json.answer.status, 200);
      assert.match(real.json.answer.content_type, /^application\/json/);
      assert.ok(real.json.answer.bytes > 100);
      assert.equal(house.fake.calls.length, 1);
      for (const method of ["POST", "DELETE", "PATCH"]) {
        const answer = await tried("probe", { method, call: true });
        assert.equal(answer.status, 422, answer.text);
        assert.equal(answer.json.errors[0].path, "call");
      }
      assert.equal(house.fake.calls.length, 1);
    });

    test("an upstream that says no, or says nothing, is told as it is", async () => {
      const missing = await tried("probe", { path: "/nothing/here", call: true });
      assert.equal(missing.json.ok, true, missing.text);
      assert.equal(missing.json.answer.status, 404);
      house.fake.fault({ kind: "reset-before", path: /^\/user$/, times: 3 });
      const dead = await tried("probe", { path: "/user", call: true });
      assert.equal(dead.json.ok, false);
      assert.equal(dead.json.answer, null);
      assert.deepEqual(steps(dead).at(-1), "!call");
      assert.match(dead.json.steps.at(-1).detail, /upstream_unavailable/);
      for (let left = 0; left < 3; left += 1) await tried("probe", { path: "/user", call: true });
    });

    test("of one that is not there is 404, and another person's body is not in the report", async () => {
      assert.equal((await tried("nothing")).status, 404);
      const answer = await tried("probe", { path: "/user", call: true });
      assert.equal(answer.text.includes("avatar_url"), false);
      assert.equal(answer.text.includes(house.fake.liveTokens("octo")[0]?.access ?? "x"), false);
    });
  });
});
