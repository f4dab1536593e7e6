// The nine tools at the API: found, described, refused with the place that is wrong, and run as the right person.
import assert from "node:assert/strict";
import { after, before, beforeEach, describe, test } from "node:test";
import { Ajv2020 } from "ajv/dist/2020.js";
import { tools as catalogue } from "../src/tools/catalogue.ts";
import { actAs } from "./support/child.ts";
import { onEachDatabase } from "./support/databases.ts";
import { type Answer, openHouse, type TestHouse } from "./support/house.ts";
import { connect } from "./support/person.ts";

const names = [
  "github_file_contents_get",
  "github_file_create_update",
  "github_issue_create",
  "github_issues_list",
  "github_public_repos_list",
  "github_pull_request_create",
  "github_pull_requests_list",
  "github_repo_get",
  "github_user_repos_list",
];
const repo = { owner: "octo", repo: "hello" };

let house: TestHouse;
let bound = "";

async function open(kind: "sqlite" | "postgres"): Promise<void> {
  house = await openHouse({ kind });
  ({ bound } = await actAs(house, house.fake.api));
  house.fake.user({ login: "hubot" });
  house.fake.repository({
    owner: "octo",
    name: "hello",
    private: true,
    files: { "a.md": "a", "src/x.ts": "x" },
    branches: { next: { "b.md": "b" } },
  });
  house.fake.repository({ owner: "octo", name: "open", files: { "a.md": "a" } });
}

async function run(name: string, body: object, token = house.token): Promise<Answer> {
  return house.call("POST", `/v1/tools/${name}/execute`, { body, token });
}

const byUser = (input: object): object => ({ connection: "github", identifier: "user_1", input });

describe("the catalogue", () => {
  before(async () => open("sqlite"));
  after(async () => house.close());

  test("lists all nine, each with what an agent needs, and no more than that", async () => {
    const list = await house.call("GET", "/v1/tools");
    assert.equal(list.status, 200, list.text);
    assert.deepEqual(list.json.items.map((tool: { name: string }) => tool.name).toSorted(), names);
    const members =
      "changes description input_schema name needs_account output_schema permissions provider scopes title";
    for (const tool of list.json.items) {
      assert.equal(Object.keys(tool).toSorted().join(" "), members);
      assert.equal(tool.input_schema.type, "object");
      assert.equal(tool.input_schema.additionalProperties, false);
      new Ajv2020({ strict: true }).compile(tool.input_schema);
      new Ajv2020({ strict: true, allowUnionTypes: true }).compile(tool.output_schema);
      const alone = await house.call("GET", `/v1/tools/${tool.name}`);
      assert.deepEqual(alone.json, tool);
    }
  });

  test("says of each whether it changes something and whether it needs an account", async () => {
    const { items } = (await house.call("GET", "/v1/tools")).json as {
      items: { name: string; changes: boolean; needs_account: boolean }[];
    };
    const of = (fits: (tool: { changes: boolean; needs_account: boolean }) => boolean): string[] =>
      items
        .filter((tool) => fits(tool))
        .map(({ name }) => name)
        .toSorted();
    assert.deepEqual(
      of(({ changes }) => changes),
      ["github_file_create_update", "github_issue_create", "github_pull_request_create"],
    );
    assert.deepEqual(
      of(({ needs_account }) => !needs_account),
      ["github_public_repos_list"],
    );
  });

  test("warns of the traps: Base64, sha, pull requests among issues", async () => {
    const said = async (name: string): Promise<string> =>
      (await house.call("GET", `/v1/tools/${name}`)).json.description;
    assert.match(await said("github_file_contents_get"), /base64/i);
    assert.match(await said("github_file_create_update"), /sha/);
    assert.match(await said("github_issues_list"), /pull request/i);
    assert.match(await said("github_public_repos_list"), /no connected account/i);
  });

  test("is searched by words", async () => {
    const found = async (query: string): Promise<string[]> =>
      (await house.call("GET", `/v1/tools?query=${encodeURIComponent(query)}`)).json.items.map(
        (tool: { name: string }) => tool.name,
      );
    assert.equal((await found("create issue"))[0], "github_issue_create");
    assert.equal((await found("pull request list"))[0], "github_pull_requests_list");
    assert.deepEqual(await found("xyzzy"), []);
    assert.equal((await found("")).length, 9);
  });

  test("shows a token only what it may run", async () => {
    const limits = { tools: ["github_repo_get", "github_issue_create"], access: "read" };
    const { json } = await house.call("POST", "/v1/tokens", { body: { name: "n", scopes: ["tools"], limits } });
    const list = await house.call("GET", "/v1/tools", { token: json.token });
    assert.deepEqual(
      list.json.items.map((tool: { name: string }) => tool.name),
      ["github_repo_get"],
    );
  });

  test("knows no other names, and says where the names are", async () => {
    for (const name of ["nothing", "github_repo_get%20", "GITHUB_REPO_GET", "__proto__", "constructor"]) {
      for (const answer of [await house.call("GET", `/v1/tools/${name}`), await run(name, byUser({}))]) {
        assert.equal(answer.status, 404, name);
        assert.equal(answer.json.code, "not_found");
        assert.equal(answer.json.next.action, "list_tools");
      }
    }
  });
});

describe("input that does not fit is told place by place, and nothing is sent:", () => {
  before(async () => open("sqlite"));
  after(async () => house.close());
  beforeEach(() => void house.fake.calls.splice(0));

  const cases: readonly { readonly tool: string; readonly input: unknown; readonly paths: readonly string[] }[] = [
    { tool: "github_repo_get", input: {}, paths: ["/owner", "/repo"] },
    { tool: "github_repo_get", input: [], paths: [""] },
    // No input and null are the same.
    { tool: "github_repo_get", input: null, paths: ["/owner", "/repo"] },
    { tool: "github_repo_get", input: "x", paths: [""] },
    { tool: "github_repo_get", input: { owner: 1, repo: true }, paths: ["/owner", "/repo"] },
    { tool: "github_repo_get", input: { ...repo, extra: 1 }, paths: ["/extra"] },
    { tool: "github_repo_get", input: { owner: "../x", repo: "y" }, paths: ["/owner"] },
    { tool: "github_repo_get", input: { owner: "octo", repo: ".." }, paths: ["/repo"] },
    { tool: "github_repo_get", input: { owner: "octo", repo: "a/b" }, paths: ["/repo"] },
    { tool: "github_repo_get", input: { owner: "", repo: "x".repeat(101) }, paths: ["/owner", "/repo"] },
    { tool: "github_issue_create", input: repo, paths: ["/title"] },
    { tool: "github_issue_create", input: { ...repo, title: "x", labels: "bug" }, paths: ["/labels"] },
    { tool: "github_issue_create", input: { ...repo, title: "x", labels: ["a", 1] }, paths: ["/labels/1"] },
    { tool: "github_issue_create", input: { ...repo, title: "x", milestone: "1" }, paths: ["/milestone"] },
    { tool: "github_issues_list", input: { ...repo, state: "opened" }, paths: ["/state"] },
    { tool: "github_issues_list", input: { ...repo, per_page: 101 }, paths: ["/per_page"] },
    { tool: "github_issues_list", input: { ...repo, page: 0 }, paths: ["/page"] },
    { tool: "github_issues_list", input: { ...repo, since: "yesterday" }, paths: ["/since"] },
    { tool: "github_file_contents_get", input: { ...repo, path: "/a.md" }, paths: ["/path"] },
    { tool: "github_file_contents_get", input: { ...repo, path: "../../user" }, paths: ["/path"] },
    { tool: "github_file_contents_get", input: { ...repo, path: "a/./b" }, paths: ["/path"] },
    { tool: "github_file_contents_get", input: { ...repo, path: "a\\b" }, paths: ["/path"] },
    { tool: "github_file_contents_get", input: { ...repo, path: "a/%2e%2e/b" }, paths: ["/path"] },
    { tool: "github_file_contents_get", input: { ...repo, path: "a%2fb" }, paths: ["/path"] },
    {
      tool: "github_file_create_update",
      input: { ...repo, path: "a", message: "m", content: "not base64!" },
      paths: ["/content"],
    },
    {
      tool: "github_file_create_update",
      input: { ...repo, path: "", message: "", content: "" },
      paths: ["/path", "/message"],
    },
    { tool: "github_public_repos_list", input: { username: "a/../b" }, paths: ["/username"] },
  ];
  for (const { tool, input, paths } of cases) {
    test(`${tool} ${JSON.stringify(input).slice(0, 80)}`, async () => {
      const answer = await run(tool, { ...byUser({}), input });
      assert.equal(answer.status, 422, answer.text);
      assert.equal(answer.json.code, "invalid_input");
      assert.deepEqual(
        [...new Set<string>(answer.json.errors.map((error: { path: string }) => error.path))].toSorted(),
        [...paths].toSorted(),
      );
      for (const error of answer.json.errors) assert.ok(error.message.length > 3);
      assert.ok(answer.json.next?.action, answer.text);
      assert.deepEqual(house.fake.calls, []);
    });
  }

  test("an envelope that does not fit is refused before the tool is looked at", async () => {
    const bodies = [
      { ...byUser(repo), tool: "x" },
      { identifier: 1 },
      { identifier: "a\u0000b" },
      { connection: "../x" },
      [],
    ];
    for (const body of [...bodies, { ...byUser(repo), run_id: "" }, { ...byUser(repo), run_id: "x".repeat(129) }]) {
      const answer = await run("github_repo_get", body);
      assert.equal(answer.status, 422, `${JSON.stringify(body)} ${answer.text}`);
    }
    assert.deepEqual(house.fake.calls, []);
  });
});

onEachDatabase("each tool acts as the person who is meant:", (kind) => {
  before(async () => open(kind));
  after(async () => house.close());
  beforeEach(() => void house.fake.calls.splice(0));

  test("all nine run, and what they answer fits their own schema; arrays stay arrays", async () => {
    const file = { ...repo, path: "new.md", message: "m", content: "eA==", branch: "next" };
    const inputs: Readonly<Record<string, object>> = {
      github_repo_get: repo,
      github_user_repos_list: { per_page: 5 },
      github_public_repos_list: { username: "octo" },
      github_file_contents_get: { ...repo, path: "src/x.ts" },
      github_file_create_update: file,
      github_issue_create: { ...repo, title: "One", labels: ["bug"] },
      github_issues_list: { ...repo, state: "all" },
      github_pull_request_create: { ...repo, head: "next", base: "main", title: "Two" },
      github_pull_requests_list: repo,
    };
    assert.deepEqual(Object.keys(inputs).toSorted(), names);
    for (const tool of catalogue) {
      const answer = await run(tool.name, byUser(inputs[tool.name] ?? {}));
      assert.equal(answer.status, 200, `${tool.name} ${answer.text}`);
      assert.deepEqual(Object.keys(answer.json).toSorted(), ["data", "execution_id"]);
      assert.match(answer.json.execution_id, /^exe_[0-9a-f]{32}$/);
      const check = new Ajv2020({ allowUnionTypes: true }).compile(tool.output);
      assert.ok(check(answer.json.data), `${tool.name} ${JSON.stringify(check.errors)}`);
      assert.equal(Array.isArray(answer.json.data), tool.name.endsWith("_list"), tool.name);
      assert.equal(house.fake.calls.at(-1)?.login, "octo");
    }
    const paths = house.fake.calls.map(({ path }) => path);
    assert.ok(paths.includes("/repos/octo/hello/contents/src/x.ts"), "slashes of a path stay slashes");
    const folder = await run("github_file_contents_get", byUser({ ...repo, path: "src" }));
    assert.deepEqual(
      folder.json.data.map((entry: { path: string }) => entry.path),
      ["src/x.ts"],
    );
    const none = await run("github_pull_requests_list", byUser({ ...repo, state: "closed" }));
    assert.deepEqual(none.json.data, []);
  });

  test("the public list needs nobody, and is asked without a credential", async () => {
    const answer = await run("github_public_repos_list", { input: { username: "octo" } });
    assert.equal(answer.status, 200, answer.text);
    assert.deepEqual(
      answer.json.data.map((one: { name: string }) => one.name),
      ["open"],
    );
    assert.deepEqual(
      house.fake.calls.map(({ tokenKind }) => tokenKind),
      ["none"],
    );
  });

  test("every other tool says who is missing", async () => {
    const answer = await run("github_user_repos_list", { input: {} });
    assert.equal(answer.status, 422, answer.text);
    assert.deepEqual(
      answer.json.errors.map((error: { path: string }) => error.path),
      ["identifier"],
    );
    assert.equal(answer.json.next.action, "name_account");
  });

  test("an identifier alone is enough while it means one account, whatever its normal form", async () => {
    await house.call("PUT", "/v1/connections/github/accounts/caf%C3%A9");
    assert.equal((await run("github_user_repos_list", { identifier: "user_1", input: {} })).status, 200);
    assert.equal((await run("github_user_repos_list", { identifier: "User_1", input: {} })).json.code, "not_found");
    const pending = await run("github_user_repos_list", { identifier: "cafe\u0301", input: {} });
    assert.equal(pending.json.code, "account_pending", pending.text);
    assert.match(pending.json.next.url, /\/link$/);
  });

  test("a token bound to an account needs no name, and takes no other", async () => {
    const own = await run("github_user_repos_list", { input: {} }, bound);
    assert.equal(own.status, 200, own.text);
    assert.equal(house.fake.calls.at(-1)?.login, "octo");
    await connect(house, "user_2", "hubot");
    house.fake.calls.splice(0);
    const others = [{ identifier: "user_2" }, { connection: "github", identifier: "user_2" }, { connection: "other" }];
    for (const other of others) {
      const answer = await run("github_user_repos_list", { ...other, input: {} }, bound);
      assert.ok(["forbidden", "not_found"].includes(answer.json.code), answer.text);
    }
    assert.deepEqual(house.fake.calls, []);
  });

  test("limits of the token hold before anything is sent", async () => {
    const attempts = [
      { limits: { tools: ["github_repo_get"] }, tool: "github_user_repos_list", input: {} },
      { limits: { access: "read" }, tool: "github_issue_create", input: { ...repo, title: "x" } },
      { limits: { methods: ["GET"] }, tool: "github_issue_create", input: { ...repo, title: "x" } },
      { limits: { repositories: ["octo/open"] }, tool: "github_repo_get", input: repo },
      { limits: { repositories: ["octo/hello"] }, tool: "github_user_repos_list", input: {} },
    ];
    for (const { limits, tool, input } of attempts) {
      const { json } = await house.call("POST", "/v1/tokens", { body: { name: "n", scopes: ["tools"], limits } });
      const answer = await run(tool, byUser(input), json.token);
      assert.equal(answer.status, 403, answer.text);
      assert.equal(answer.json.code, "limit_not_allowed");
    }
    const proxy = await house.call("POST", "/v1/tokens", { body: { name: "p", scopes: ["proxy"] } });
    assert.equal((await run("github_repo_get", byUser(repo), proxy.json.token)).json.code, "scope_missing");
    assert.deepEqual(house.fake.calls, []);
  });

  test("a run_id and the execution_id are in the log, the input is not", async () => {
    const answer = await run("github_issue_create", {
      ...byUser({ ...repo, title: "very private title" }),
      run_id: "run-17",
    });
    const line = house.lines.find((one) => one.includes(answer.json.execution_id)) ?? "";
    assert.match(line, /"run_id":"run-17"/);
    assert.ok(house.lines.every((one) => !one.includes("very private title")));
  });

  // Last: from here on every identifier alone is in doubt.
  test("an identifier under two connections is ambiguous until the connection is named", async () => {
    const { fake } = house;
    const client = { clientId: "Ov1.two", clientSecret: "second-secret-for-tests-012345" };
    fake.client({ ...client, kind: "oauth-app", redirectUris: [`${house.origin}/oauth/callback`] });
    const made = await house.call("POST", "/v1/connections", {
      body: {
        name: "second",
        preset: "github",
        client_id: client.clientId,
        client_secret: client.clientSecret,
        verification: "none",
        hosts: { web: fake.web, api: fake.api },
      },
    });
    assert.equal(made.status, 201, made.text);
    await house.call("PUT", "/v1/connections/second/accounts/user_1");
    assert.equal((await run("github_repo_get", { identifier: "user_1", input: repo })).status, 200, "one ACTIVE match");
    const { json } = await house.call("POST", "/v1/connections/second/accounts/user_1/link", { body: {} });
    const opened = await fetch(json.link, { redirect: "manual" });
    const cookie = opened.headers
      .getSetCookie()
      .map((line) => line.split(";")[0])
      .join("; ");
    const back = await fake.approve(opened.headers.get("location") ?? "", "octo");
    assert.equal((await fetch(back, { headers: { cookie }, redirect: "manual" })).status, 200);
    const answer = await run("github_repo_get", { identifier: "user_1", input: repo });
    assert.equal(answer.status, 409, answer.text);
    assert.equal(answer.json.code, "account_ambiguous");
    assert.match(answer.json.detail, /github, second|second, github/);
    assert.equal((await run("github_repo_get", { ...byUser(repo), connection: "second" })).status, 200);
  });
});
