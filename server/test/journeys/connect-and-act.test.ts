// The main job, end to end: connect once, act as the user, never see a token.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { onEachDatabase } from "../support/databases.ts";
import { openHouse, type TestHouse } from "../support/house.ts";
import { connect, makeConnection } from "../support/person.ts";

onEachDatabase("a person connects once and an agent acts as that person", (kind) => {
  let house: TestHouse;
  before(async () => {
    house = await openHouse({ kind });
    house.fake.user({ login: "octo" });
    await makeConnection(house);
    house.fake.repository({ owner: "octo", name: "hello", private: true, files: { "README.md": "hello" } });
    house.fake.installation({ clientId: "Iv1.test", account: "octo", repositories: "all" });
  });
  after(async () => house.close());

  test("connecting ends on a page and an ACTIVE account", async () => {
    const landing = await connect(house);
    assert.equal(landing.status, 200, landing.text);
    assert.match(landing.text, /GitHub connected/);
    const { json } = await house.call("GET", "/v1/connections/github/accounts/user_1");
    assert.equal(json.status, "ACTIVE");
    assert.equal(json.provider_user.login, "octo");
    assert.deepEqual(
      json.installations.map((place: { account: string }) => place.account),
      ["octo"],
    );
  });

  test("tools act as the person", async () => {
    const made = await house.call("POST", "/v1/tools/github_issue_create/execute", {
      body: { connection: "github", identifier: "user_1", input: { owner: "octo", repo: "hello", title: "Bug" } },
    });
    assert.equal(made.status, 200, made.text);
    assert.equal(made.json.data.title, "Bug");
    const list = await house.call("POST", "/v1/tools/github_user_repos_list/execute", {
      body: { identifier: "user_1", input: {} },
    });
    assert.equal(list.status, 200, list.text);
    assert.ok(Array.isArray(list.json.data));
  });

  test("raw calls act as the person, and links lead back to us", async () => {
    const headers = { connection_name: "github", identifier: "user_1" };
    const answer = await house.call("GET", "/proxy/repos/octo/hello", { headers });
    assert.equal(answer.status, 200, answer.text);
    assert.equal(answer.json.full_name, "octo/hello");
    for (let n = 0; n < 3; n += 1)
      await house.call("POST", "/proxy/repos/octo/hello/issues", { headers, body: { title: `n ${n}` } });
    const page = await house.call("GET", "/proxy/repos/octo/hello/issues?per_page=1", { headers });
    assert.match(page.headers.get("link") ?? "", new RegExp(`<${house.origin}/proxy/`));
  });

  test("a bound token works at the GitHub Enterprise paths", async () => {
    const minted = await house.call("POST", "/v1/tokens", {
      body: {
        name: "run",
        scopes: ["proxy"],
        account: { connection: "github", identifier: "user_1" },
        expires_in: 3600,
      },
    });
    assert.equal(minted.status, 201, minted.text);
    const user = await house.call("GET", "/api/v3/user", { token: minted.json.token });
    assert.equal(user.json.login, "octo");
    const graph = await house.call("POST", "/api/graphql", {
      token: minted.json.token,
      body: { query: "{viewer{login}}" },
    });
    assert.equal(graph.json.data.viewer.login, "octo", graph.text);
  });

  test("deleting revokes at GitHub and erases", async () => {
    const gone = await house.call("DELETE", "/v1/connections/github/accounts/user_1");
    assert.equal(gone.status, 204, gone.text);
    assert.equal((await house.call("GET", "/v1/connections/github/accounts/user_1")).status, 404);
    assert.deepEqual(house.fake.liveTokens("octo"), []);
    assert.deepEqual((await house.behalf.verifyAudit()).faults, []);
  });
});
