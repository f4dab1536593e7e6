// A call through an endpoint: which headers cross, where it goes, for whom, how long it may take, and what the token's limits leave of it.
import assert from "node:assert/strict";
import { after, before, beforeEach, describe, test } from "node:test";
import { type Acting, actAs, answered, type RawUpstream, rawUpstream, requestBytes, wire } from "./support/child.ts";
import { type Answer, type Ask, adminToken, clientSecret, openHouse, type TestHouse } from "./support/house.ts";
import { connect, makeLink } from "./support/person.ts";

let house: TestHouse;
let acting: Acting;
before(async () => {
  house = await openHouse();
  acting = await actAs(house, house.fake.api);
  house.fake.user({ login: "hubot", id: 8 });
  await connect(house, "shared", "hubot");
  house.fake.repository({ owner: "octo", name: "hello", private: true, files: { "a.md": "a" } });
  house.fake.repository({ owner: "octo", name: "other", private: true, files: { "a.md": "a" } });
});
after(async () => house.close());
beforeEach(() => void house.fake.calls.splice(0));

async function endpoint(slug: string, more: object = {}): Promise<void> {
  const members = { slug, name: "GitHub", upstream_url: house.fake.api, connection: "github" };
  const made = await house.call("POST", "/v1/endpoints", { body: { ...members, ...more } });
  assert.equal(made.status, 201, made.text);
}

async function through(slug: string, method: string, tail: string, ask: Ask = {}): Promise<Answer> {
  return house.call(method, `/api/${house.project}/proxy/${slug}${tail}`, ask);
}

async function mint(more: object): Promise<string> {
  const made = await house.call("POST", "/v1/tokens", { body: { name: "t", scopes: ["proxy"], ...more } });
  assert.equal(made.status, 201, made.text);
  return made.json.token as string;
}

function assertRefused(answer: Answer, status: number, code: string): void {
  assert.equal(answer.status, status, answer.text);
  assert.equal(answer.headers.get("behalf-refusal"), code);
}

const atGitHub = (): string[] => house.fake.calls.map((call) => `${call.method} ${call.path}`);

describe("headers:", () => {
  let upstream: RawUpstream;
  before(async () => {
    upstream = await rawUpstream();
    upstream.say = () => answered("204 No Content", []);
  });
  after(async () => upstream.close());

  let count = 0;
  /** The lines that upstream hears of a call with these headers, less the ones of our own hop. */
  async function heard(rules: object, headers: readonly string[], line = "GET"): Promise<readonly string[]> {
    count += 1;
    await endpoint(`headers-${count}`, { upstream_url: upstream.origin, ...rules });
    const target = `/api/${house.project}/proxy/headers-${count}/x`;
    await wire(house.origin, requestBytes(`${line} ${target}`, [`Authorization: Bearer ${house.token}`, ...headers]));
    const [one] = upstream.heard.splice(0);
    assert.ok(one);
    return one.head.split("\r\n").filter((text) => !/^(?:GET|host|connection)\b/.test(text));
  }
  const credential = /^authorization: Bearer gho_/;

  test("all that are the caller's own cross as they are, and the account's credential in place of our token", async () => {
    const own = ["User-Agent: me", "X-One: 1", "x-one: 2", "Accept: a/b", 'If-None-Match: W/"1"'];
    const never = ["Cookie: a=b", "Behalf-Project: x", "X-Forwarded-For: 1.1.1.1", "Proxy-Authorization: x"];
    const lines = await heard({}, [...never, ...own]);
    assert.deepEqual(lines.slice(0, -1), own);
    assert.match(lines.at(-1) ?? "", credential);
  });

  test("of those named in forward_headers, in any case, and no others", async () => {
    const lines = await heard({ forward_headers: ["X-ONE", "accept"] }, [
      "User-Agent: me",
      "x-one: 1",
      "X-One: 2",
      "Accept: a",
    ]);
    assert.deepEqual(lines.slice(0, -1), ["x-one: 1", "X-One: 2", "Accept: a"]);
    assert.match(lines.at(-1) ?? "", credential);
  });

  test("but not those in blocked_headers, in any case and however often", async () => {
    const lines = await heard({ blocked_headers: ["x-ONE"] }, ["x-one: 1", "Accept: a", "X-One: 2"]);
    assert.deepEqual(lines.slice(0, -1), ["Accept: a"]);
  });

  test("added ones take the place of the caller's, whatever their case", async () => {
    const rules = { inject_headers: { "X-Api-Key": "ours", "User-Agent": "gateway" } };
    const lines = await heard(rules, ["x-api-key: theirs", "X-API-KEY: theirs", "User-Agent: me", "Accept: a"]);
    assert.deepEqual(lines.slice(0, -1), ["Accept: a", "X-Api-Key: ours", "User-Agent: gateway"]);
  });

  test("a caller cannot take an added one away by naming it in Connection", async () => {
    const lines = await heard({ inject_headers: { "X-Api-Key": "ours" } }, [
      "Connection: x-api-key",
      "X-Api-Key: theirs",
    ]);
    assert.equal(lines[0], "X-Api-Key: ours");
    assert.equal(lines.length, 2, lines.join("\n"));
  });
});

describe("where a call goes:", () => {
  test("the base path stands before the caller's, and nothing of the query is lost", async () => {
    await endpoint("repos", { upstream_url: `${house.fake.api}/repos/octo/` });
    const answer = await through("repos", "GET", "/hello/contents/a.md?ref=main&x=%20", { token: acting.bound });
    assert.equal(answer.status, 200, answer.text);
    assert.deepEqual(atGitHub(), ["GET /repos/octo/hello/contents/a.md?ref=main&x=%20"]);
  });

  test("the bare endpoint is the base itself, with and without a slash or a query", async () => {
    await endpoint("root");
    for (const tail of ["", "/", "?x=1"]) await through("root", "GET", tail);
    assert.deepEqual(atGitHub(), ["GET /", "GET /", "GET /?x=1"]);
  });

  test("an endpoint that is one exact address is called without a tail, and gets no slash of ours behind it", async () => {
    await endpoint("graph", { upstream_url: `${house.fake.api}/graphql` });
    const answer = await through("graph", "POST", "", { body: { query: "{viewer{login}}" } });
    assert.deepEqual(atGitHub(), ["POST /graphql"]);
    assert.equal(answer.json.data.viewer.login, "hubot", answer.text);
    await through("graph", "POST", "?x=1", { body: { query: "{viewer{login}}" } });
    await through("graph", "POST", "/", { body: { query: "{viewer{login}}" } });
    assert.deepEqual(atGitHub().slice(1), ["POST /graphql?x=1", "POST /graphql/"]);
  });

  test("with strip_prefix off the slug stays in the path", async () => {
    await endpoint("user", { strip_prefix: false });
    assert.equal((await through("user", "GET", "/repos?per_page=1")).status, 200);
    assert.deepEqual(atGitHub(), ["GET /user/repos?per_page=1"]);
  });

  test("with preserve_query off no query goes along", async () => {
    await endpoint("queryless", { preserve_query: false });
    await through("queryless", "GET", "/user/repos?per_page=1");
    assert.deepEqual(atGitHub(), ["GET /user/repos"]);
  });

  test("its id names an endpoint as well as its slug", async () => {
    const { json } = await house.call("GET", "/v1/endpoints/root");
    assert.equal((await through(json.id as string, "GET", "/user")).json.login, "hubot");
  });
});

describe("addresses in answers", () => {
  test("lead below the endpoint: a client that follows Link gets every page", async () => {
    const { json } = await house.call("GET", "/v1/endpoints/root");
    const token = await mint({ account: { connection: "github", identifier: "user_1" } });
    let url: string | undefined = `${json.url as string}/user/repos?per_page=1`;
    const names: string[] = [];
    while (url !== undefined) {
      assert.ok(url.startsWith(`${json.url as string}/user/repos?`), url);
      const page = await fetch(url, { headers: { authorization: `Bearer ${token}` } });
      assert.equal(page.status, 200);
      names.push(...((await page.json()) as { full_name: string }[]).map((one) => one.full_name));
      url = /<([^>]+)>; rel="next"/.exec(page.headers.get("link") ?? "")?.[1];
    }
    assert.deepEqual(names.toSorted(), ["octo/hello", "octo/other"]);
    // Spelled as the caller spelled it, so that a cache of theirs finds it again.
    const byId = await through("root", "GET", "/user/repos?per_page=1", { token });
    assert.match(
      byId.headers.get("link") ?? "",
      new RegExp(`<${house.origin}/api/${house.project}/proxy/root/user/repos\\?`),
    );
  });

  test("that are out of the endpoint's reach pass as they are", async () => {
    const { id } = house.fake.repository({ owner: "hubot", name: "old", files: { "a.md": "a" } });
    house.fake.rename("hubot", "old", "new");
    await endpoint("narrow", { upstream_url: `${house.fake.api}/repos/hubot` });
    const narrow = await through("narrow", "GET", "/old");
    assert.equal(narrow.status, 301, narrow.text);
    assert.equal(narrow.headers.get("location"), `${house.fake.api}/repositories/${id}`);
    const wide = await through("root", "GET", "/repos/hubot/old");
    assert.equal(wide.headers.get("location"), `${house.origin}/api/${house.project}/proxy/root/repositories/${id}`);
  });
});

describe("methods:", () => {
  test("only those of the endpoint pass, HEAD with GET, and the refusal says which", async () => {
    await endpoint("reader", { methods: ["GET"] });
    assert.equal((await through("reader", "HEAD", "/user")).status, 200);
    for (const method of ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"]) {
      const answer = await through("reader", method, "/user");
      assertRefused(answer, 405, "method_not_allowed");
      assert.equal(answer.headers.get("allow"), "GET, HEAD");
    }
    assert.deepEqual(atGitHub(), ["HEAD /user"]);
  });

  test("TRACE, CONNECT and methods nobody knows never pass, even where all are allowed", async () => {
    const all = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "QUERY"];
    await endpoint("all", { methods: all });
    for (const method of ["TRACE", "PROPFIND", "PURGE", "MKCOL"]) {
      const line = `${method} /api/${house.project}/proxy/all/user`;
      const answer = await wire(house.origin, requestBytes(line, [`Authorization: Bearer ${house.token}`]));
      assert.match(answer, /^HTTP\/1\.1 405 [^]*allow: GET, HEAD, POST/i, method);
    }
    assert.deepEqual(atGitHub(), []);
  });
});

describe("time:", () => {
  test("an endpoint of one second gives up after one second; a write may have been done and is not repeated", async () => {
    await endpoint("hasty", { timeout_seconds: 1 });
    for (const method of ["GET", "POST"]) {
      house.fake.fault({ kind: "slow-headers", path: /^\/slow$/, delayMs: 3000 });
      const started = performance.now();
      const answer = await through("hasty", method, "/slow", method === "POST" ? { body: {} } : {});
      const took = performance.now() - started;
      assertRefused(answer, 504, "upstream_timeout");
      assert.ok(took > 900 && took < 2500, String(took));
      assert.equal(answer.json.next.action, method === "POST" ? "check_outcome" : "retry");
    }
    assert.deepEqual(atGitHub(), ["GET /slow", "POST /slow"]);
  });

  test("a slow body is not cut by it", async () => {
    house.fake.fault({ kind: "slow-body", path: /^\/user$/, delayMs: 1500 });
    const answer = await through("hasty", "GET", "/user");
    assert.equal(answer.json.login, "hubot");
  });
});

describe("for whom:", () => {
  test("the named account; else the one the token is bound to; else the shared one", async () => {
    await endpoint("named", { identifier: "user_1" });
    assert.equal((await through("named", "GET", "/user")).json.login, "octo");
    assert.equal((await through("root", "GET", "/user")).json.login, "hubot");
    assert.equal((await through("root", "GET", "/user", { token: acting.bound })).json.login, "octo");
    assert.equal((await through("named", "GET", "/user", { token: acting.bound })).json.login, "octo");
  });

  test("a token bound to another account gets 403, whichever way the endpoint finds its own", async () => {
    await endpoint("shared-only", { identifier: "shared" });
    assertRefused(await through("shared-only", "GET", "/user", { token: acting.bound }), 403, "forbidden");
    house.fake.client({
      clientId: "Ov1.second",
      clientSecret,
      kind: "oauth-app",
      redirectUris: [`${house.origin}/oauth/callback`],
    });
    const hosts = { web: house.fake.web, api: house.fake.api };
    const body = {
      name: "second",
      preset: "github",
      client_id: "Ov1.second",
      client_secret: clientSecret,
      verification: "none",
      hosts,
    };
    assert.equal((await house.call("POST", "/v1/connections", { body })).status, 201);
    await endpoint("elsewhere", { connection: "second" });
    assertRefused(await through("elsewhere", "GET", "/user", { token: acting.bound }), 403, "forbidden");
    assert.deepEqual(atGitHub(), []);
  });

  test("names in headers do not choose: they belong to /proxy", async () => {
    const headers = { connection_name: "github", identifier: "user_1" };
    assertRefused(await through("root", "GET", "/user", { headers }), 400, "invalid_request");
    const behalf = { "behalf-identifier": "user_1", identifier: "user_1" };
    assert.equal((await through("root", "GET", "/user", { headers: behalf })).json.login, "hubot");
    const sent = house.fake.calls.at(-1)?.headers ?? {};
    assert.equal("identifier" in sent || "behalf-identifier" in sent, false);
  });

  test("an instance token speaks for the project of the path", async () => {
    assert.equal((await through("root", "GET", "/user", { token: adminToken })).json.login, "hubot");
  });

  test("no cookie is a proof", async () => {
    const path = `/api/${house.project}/proxy/root/user`;
    const answer = await fetch(house.origin + path, { headers: { cookie: `token=${house.token}` } });
    assert.equal(answer.status, 401);
  });

  test("an account that waits for its person is no account yet", async () => {
    await makeLink(house, "waiting");
    await endpoint("waiting", { identifier: "waiting" });
    assertRefused(await through("waiting", "GET", "/user"), 502, "account_pending");
  });
});

describe("a token's limits hold at endpoints:", () => {
  test("to endpoints: these and no other way to an upstream", async () => {
    const token = await mint({ scopes: ["proxy", "tools"], limits: { endpoints: ["root"] } });
    assert.equal((await through("root", "GET", "/user", { token })).status, 200);
    assertRefused(await through("named", "GET", "/user", { token }), 403, "limit_not_allowed");
    const headers = { connection_name: "github", identifier: "shared" };
    assertRefused(await house.call("GET", "/proxy/user", { token, headers }), 403, "limit_not_allowed");
    const body = { connection: "github", identifier: "shared", input: {} };
    const tool = await house.call("POST", "/v1/tools/github_user_repos_list/execute", { token, body });
    assert.equal(tool.json.code, "limit_not_allowed", tool.text);
    assert.deepEqual(atGitHub(), ["GET /user"]);
  });

  test("a child's endpoints are among the parent's, letter by letter: slugs differ by case", async () => {
    await endpoint("Root");
    const parent = await mint({ scopes: ["proxy", "tokens"], limits: { endpoints: ["root"] } });
    const ask = async (endpoints: string[]) =>
      house.call("POST", "/v1/tokens", {
        token: parent,
        body: { name: "c", scopes: ["proxy"], limits: { endpoints } },
      });
    assert.equal((await ask(["root"])).status, 201);
    assert.equal((await ask(["root", "named"])).status, 403);
    assert.equal((await ask(["Root"])).status, 403, "a child was given an endpoint that its parent does not hold");
  });

  test("to tools: no endpoint is among them", async () => {
    const token = await mint({ scopes: ["proxy", "tools"], limits: { tools: ["github_repo_get"] } });
    assertRefused(await through("root", "GET", "/user", { token }), 403, "limit_not_allowed");
  });

  test("to methods, and to reading", async () => {
    const gets = await mint({ limits: { methods: ["GET"] } });
    assert.equal((await through("root", "GET", "/user", { token: gets })).status, 200);
    assertRefused(await through("root", "POST", "/user", { token: gets }), 403, "limit_not_allowed");
    const reader = await mint({ limits: { access: "read" } });
    for (const method of ["POST", "PATCH", "DELETE"])
      assertRefused(await through("root", method, "/user", { token: reader }), 403, "limit_not_allowed");
    assert.equal((await through("root", "HEAD", "/user", { token: reader })).status, 200);
  });

  test("to repositories, read from base and path together; where that cannot be told, nothing passes", async () => {
    const token = await mint({
      limits: { repositories: ["octo/hello"] },
      account: { connection: "github", identifier: "user_1" },
    });
    assert.equal((await through("root", "GET", "/repos/Octo/HELLO", { token })).status, 200);
    assert.equal((await through("repos", "GET", "/hello", { token })).status, 200);
    const sent = house.fake.calls.length;
    for (const tail of [
      "/repos/octo/other",
      "/user/repos",
      "/repos/octo%2Fhello/x",
      "/repositories/1",
      "//repos/octo/hello",
    ])
      assert.ok((await through("root", "GET", tail, { token })).status >= 400, tail);
    assertRefused(await through("repos", "GET", "/other", { token }), 403, "limit_not_allowed");
    // Nobody can say of another host's paths which repository they mean.
    await endpoint("foreign", { upstream_url: `${house.fake.web}/api` });
    assertRefused(await through("foreign", "GET", "/repos/octo/hello", { token }), 403, "limit_not_allowed");
    assert.equal(house.fake.calls.length, sent);
  });

  test("GraphQL is refused where reads or repositories are limited, by whatever path it is reached", async () => {
    for (const limits of [{ access: "read" }, { repositories: ["octo/hello"] }]) {
      const token = await mint({ limits });
      for (const [slug, tail] of [
        ["root", "/graphql"],
        ["root", "/GraphQL"],
        ["graph", ""],
        ["graph", "/"],
      ] as const)
        assertRefused(
          await through(slug, "POST", tail, { token, body: { query: "{viewer{login}}" } }),
          403,
          "limit_not_allowed",
        );
    }
    assert.deepEqual(atGitHub(), []);
  });
});
