// Within GitHub's own limits: a call that GitHub is known to refuse is refused here, honestly about until when, and nothing else is.
import assert from "node:assert/strict";
import { after, before, beforeEach, describe, test } from "node:test";
import { type Acting, actAs, answered, rawUpstream } from "./support/child.ts";
import { type Answer, clientId, clientSecret, openHouse, type TestHouse } from "./support/house.ts";
import { connect, follow } from "./support/person.ts";

const hour = 3_600_000;

let house: TestHouse;
let acting: Acting;
before(async () => {
  house = await openHouse();
  acting = await actAs(house, house.fake.api);
  house.fake.user({ login: "hubot", id: 8 });
  await connect(house, "other", "hubot");
  house.fake.repository({ owner: "octo", name: "hello", private: true, files: { "a.md": "a" } });
  await endpoint("github", { identifier: "user_1" });
});
after(async () => house.close());
beforeEach(() => {
  // Every limit of the test before has run out.
  house.fake.clock.advance(2 * hour);
  house.fake.calls.splice(0);
});

async function endpoint(slug: string, more: object): Promise<void> {
  const members = { slug, name: "GitHub", upstream_url: house.fake.api, connection: "github" };
  const made = await house.call("POST", "/v1/endpoints", { body: { ...members, ...more } });
  assert.equal(made.status, 201, made.text);
}

const raw = async (path: string, identifier = "user_1", method = "GET"): Promise<Answer> =>
  house.call(method, `/proxy${path}`, { headers: { connection_name: "github", identifier } });
const through = async (path: string, slug = "github"): Promise<Answer> =>
  house.call("GET", `/api/${house.project}/proxy/${slug}${path}`);
const tool = async (identifier = "user_1"): Promise<Answer> =>
  house.call("POST", "/v1/tools/github_user_repos_list/execute", { body: { identifier, input: {} } });
const atGitHub = (): number => house.fake.callsTo("api").length;

/** A 200 with these limits in its head. */
function counted(path: RegExp, remaining: number, more: { resource?: string; inSeconds?: number } = {}): void {
  const headers = {
    "X-RateLimit-Limit": "5000",
    "X-RateLimit-Remaining": String(remaining),
    "X-RateLimit-Reset": String(Math.floor(house.fake.clock.now() / 1000) + (more.inSeconds ?? 600)),
    "X-RateLimit-Resource": more.resource ?? "core",
  };
  house.fake.fault({ kind: "status", status: 200, body: "[]", path, headers });
}

function assertEarly(answer: Answer, code: string, seconds: number): void {
  assert.equal(answer.status, 429, answer.text);
  assert.equal(answer.json.code, code);
  const wait = Number(answer.headers.get("retry-after"));
  assert.ok(wait > seconds - 10 && wait <= seconds + 1, `${wait}, not about ${seconds}`);
  assert.equal(answer.json.next.action, "retry_later");
  assert.match(answer.json.detail, /was not sent/);
}

describe("after GitHub's primary limit", () => {
  for (const kind of ["primary-limit-403", "primary-limit-429"] as const) {
    test(`(${kind}) no door asks GitHub again before the reset, and each says how long that is`, async () => {
      house.fake.fault({ kind, path: /^\/user$/ });
      const first = await raw("/user");
      assert.equal(first.status, kind.endsWith("403") ? 403 : 429);
      assert.equal(first.headers.get("behalf-refusal"), null);
      const sent = atGitHub();
      const proxied = await raw("/repos/octo/hello");
      assertEarly(proxied, "upstream_rate_limited", 1800);
      assert.equal(proxied.headers.get("behalf-refusal"), "upstream_rate_limited");
      assertEarly(await raw("/repos/octo/hello/issues", "user_1", "POST"), "upstream_rate_limited", 1800);
      assertEarly(await through("/user"), "upstream_rate_limited", 1800);
      const bound = await house.call("GET", "/api/v3/user", { token: acting.bound });
      assertEarly({ ...bound, json: { ...bound.json, detail: bound.json.message } }, "upstream_rate_limited", 1800);
      assertEarly(await tool(), "upstream_rate_limited", 1800);
      house.fake.clock.advance(900_000);
      assertEarly(await raw("/user"), "upstream_rate_limited", 900);
      assert.equal(atGitHub(), sent);
      house.fake.clock.advance(901_000);
      assert.equal((await raw("/user")).json.login, "octo");
    });
  }

  test("met by a tool, the raw doors know as well", async () => {
    house.fake.fault({ kind: "primary-limit-403", path: /^\/user\/repos/ });
    assert.equal((await tool()).json.code, "upstream_rate_limited");
    const sent = atGitHub();
    assertEarly(await raw("/user"), "upstream_rate_limited", 1800);
    assertEarly(await through("/user"), "upstream_rate_limited", 1800);
    assert.equal(atGitHub(), sent);
  });

  test("already with the answer that used up the last free call", async () => {
    counted(/^\/user$/, 1);
    await raw("/user");
    counted(/^\/user$/, 0);
    assert.equal((await raw("/user")).status, 200);
    const sent = atGitHub();
    assertEarly(await raw("/user"), "upstream_rate_limited", 600);
    assert.equal(atGitHub(), sent);
  });

  test("other accounts go on, and so do other parts of the same account's limit", async () => {
    counted(/^\/user$/, 0);
    await raw("/user");
    assert.equal((await raw("/user", "other")).json.login, "hubot");
    assert.equal((await raw("/search/repositories?q=x")).headers.get("behalf-refusal"), null);
    const graphql = await raw("/graphql", "user_1", "POST");
    assert.equal(graphql.headers.get("behalf-refusal"), null, graphql.text);
    assertEarly(await raw("/user"), "upstream_rate_limited", 600);
    // The other way round: search is used up, the rest is not.
    house.fake.clock.advance(hour);
    counted(/^\/search\/issues/, 0, { resource: "search", inSeconds: 50 });
    await raw("/search/issues?q=x");
    assertEarly(await raw("/search/users?q=x"), "upstream_rate_limited", 50);
    assert.equal((await raw("/search/code?q=x")).headers.get("behalf-refusal"), null);
    assert.equal((await raw("/user")).json.login, "octo");
  });

  test("/rate_limit always passes: it is free, and it is how a client looks", async () => {
    counted(/^\/user$/, 0);
    await raw("/user");
    for (const answer of [await raw("/rate_limit"), await through("/rate_limit")]) {
      assert.equal(answer.headers.get("behalf-refusal"), null, answer.text);
      assert.equal(answer.status, 200);
    }
  });

  test("a reset that is nonsense, past or more than an hour away stops nobody", async () => {
    for (const inSeconds of [-5, 0, 7200, 10 ** 8]) {
      counted(/^\/user$/, 0, { inSeconds });
      await raw("/user");
      assert.equal((await raw("/user")).json.login, "octo", String(inSeconds));
    }
  });
});

describe("after a secondary limit", () => {
  test("nothing of the account is sent until Retry-After is over, and other accounts go on", async () => {
    house.fake.fault({ kind: "secondary-limit", path: /^\/user$/ });
    assert.equal((await raw("/user")).headers.get("behalf-refusal"), null);
    const sent = atGitHub();
    for (const path of ["/user", "/search/issues?q=x"]) assertEarly(await raw(path), "upstream_secondary_limited", 60);
    assertEarly(await raw("/graphql", "user_1", "POST"), "upstream_secondary_limited", 60);
    assertEarly(await through("/user"), "upstream_secondary_limited", 60);
    assertEarly(await tool(), "upstream_secondary_limited", 60);
    assert.equal(atGitHub(), sent);
    assert.equal((await raw("/rate_limit")).status, 200);
    assert.equal((await raw("/user", "other")).json.login, "hubot");
    house.fake.clock.advance(61_000);
    assert.equal((await raw("/user")).json.login, "octo");
  });

  test("without Retry-After it is a minute, as GitHub's documentation has it", async () => {
    house.fake.fault({ kind: "secondary-limit", status: 429, path: /^\/user$/, headers: { "Retry-After": "" } });
    await raw("/user");
    assertEarly(await raw("/user"), "upstream_secondary_limited", 60);
  });
});

describe("nothing is blocked by", () => {
  test("a missing permission, a wrong call or a failure of GitHub's", async () => {
    const words = JSON.stringify({ message: "Resource not accessible by integration", status: "403" });
    const answers = [
      { status: 403, body: words },
      { status: 404, body: "{}" },
      { status: 422, body: JSON.stringify({ message: "Validation Failed" }) },
      { status: 500, body: "{}" },
      { status: 503, body: "{}", headers: { "Retry-After": "30" } },
    ];
    for (const answer of answers) {
      house.fake.fault({ kind: "status", path: /^\/user$/, ...answer });
      assert.equal((await raw("/user")).status, answer.status);
      const next = await raw("/user");
      assert.equal(next.json.login, "octo", `${answer.status} ${next.text}`);
    }
  });

  test("an upstream that is not GitHub, whatever it says of limits", async () => {
    const upstream = await rawUpstream();
    const head = ["Retry-After: 900", "X-RateLimit-Limit: 5", "X-RateLimit-Remaining: 0", "Content-Length: 2"];
    upstream.say = () => answered("429 Too Many Requests", head, "{}");
    await endpoint("foreign", { upstream_url: upstream.origin, identifier: "user_1" });
    assert.equal((await through("/x", "foreign")).status, 429);
    assert.equal((await through("/x", "foreign")).headers.get("behalf-refusal"), null);
    assert.equal(upstream.heard.length, 2);
    await upstream.close();
    const own = await raw("/user");
    assert.equal(own.json.login, "octo", own.text);
  });

  test("what another person used up whose account it was before", async () => {
    const path = "/v1/connections/checked/accounts/changing";
    const walk = async (login: string): Promise<void> => {
      await house.call("PUT", path);
      const verify = { verify_url: "http://127.0.0.1:9/", state: "s" };
      const { json } = await house.call("POST", `${path}/link`, { body: verify });
      const landing = await follow(house, json.link as string, login);
      const ticket = new URL(landing.location ?? "").searchParams.get("auth_request_id");
      const body = { auth_request_id: ticket, identifier: "changing" };
      assert.equal((await house.call("POST", "/v1/accounts/verify", { body })).json.status, "ACTIVE");
    };
    const ask = async (): Promise<Answer> =>
      house.call("GET", "/proxy/user", { headers: { connection_name: "checked", identifier: "changing" } });
    const hosts = { web: house.fake.web, api: house.fake.api };
    const client = { client_id: clientId, client_secret: clientSecret, hosts };
    const body = { name: "checked", preset: "github", ...client, verify_url_origins: ["http://127.0.0.1:9"] };
    assert.equal((await house.call("POST", "/v1/connections", { body })).status, 201);
    await walk("octo");
    counted(/^\/user$/, 0);
    await ask();
    assertEarly(await ask(), "upstream_rate_limited", 600);
    const { id } = (await house.call("GET", path)).json;
    await walk("hubot");
    assert.equal((await house.call("GET", path)).json.id, id);
    const fresh = await ask();
    assert.equal(fresh.json.login, "hubot", fresh.text);
  });

  test("but the same person, connecting again, has used up what they have used up", async () => {
    await connect(house, "again", "octo");
    counted(/^\/user$/, 0);
    await raw("/user", "again");
    await connect(house, "again", "octo");
    assertEarly(await raw("/user", "again"), "upstream_rate_limited", 600);
  });
});

test("the least that is left of each part is in the metrics", async () => {
  counted(/^\/user$/, 17);
  await raw("/user");
  counted(/^\/user$/, 4000);
  await raw("/user", "other");
  const { text } = await house.call("GET", "/metrics");
  assert.match(text, /^behalf_headroom_least\{resource="core"\} 17$/m);
  house.fake.clock.advance(hour);
  assert.doesNotMatch((await house.call("GET", "/metrics")).text, /resource="core"/);
});

test("answers that overtake each other do not make more of what is left", async () => {
  counted(/^\/user$/, 5);
  await raw("/user");
  counted(/^\/user$/, 9);
  await raw("/user");
  assert.match((await house.call("GET", "/metrics")).text, /^behalf_headroom_least\{resource="core"\} 5$/m);
});
