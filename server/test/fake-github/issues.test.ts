// Issues, comments and pull requests keep GitHub's rules about who may set what and what is refused.
import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import type { FakeGitHub } from "./index.ts";
import type { Answered } from "./testing.ts";
import { call, OAUTH_APP, seeded, signIn } from "./testing.ts";

let github: FakeGitHub;
let token: string;
let hubot: string;
let repo: string;
let made = 0;

before(async () => {
  github = await seeded();
  token = (await signIn(github, OAUTH_APP, "octocat", "repo")).access_token;
  hubot = (await signIn(github, OAUTH_APP, "hubot", "public_repo")).access_token;
});

after(async () => github.close());

beforeEach(() => {
  made += 1;
  const name = `fresh-${made}`;
  repo = `/repos/acme/${name}`;
  github.repository({
    owner: "acme",
    name,
    collaborators: { octocat: "write", hubot: "read" },
    files: { "a.md": "one\ntwo\nthree\n" },
    branches: { feature: { "a.md": "one\n2\nthree\n", "b.md": "new\n" }, same: {} },
  });
});

async function post(path: string, body: Record<string, unknown>, as = token): Promise<Answered> {
  return call(github.api, `${repo}${path}`, { token: as, method: "POST", body });
}

async function titles(query: string): Promise<string[]> {
  const answered = await call(github.api, `${repo}/issues${query}`, { token });
  return (answered.json as unknown as { title: string }[]).map(({ title }) => title);
}

test("labels and assignees are silently dropped without push access", async () => {
  const wish = { title: "x", labels: ["bug"], assignees: ["octocat"] };
  const byReader = await post("/issues", wish, hubot);
  assert.deepEqual([byReader.status, byReader.json["labels"], byReader.json["assignees"]], [201, [], []]);
  const byWriter = await post("/issues", wish);
  assert.equal((byWriter.json["labels"] as { name: string }[])[0]?.name, "bug");
  assert.equal((byWriter.json["assignees"] as { login: string }[])[0]?.login, "octocat");
});

test("an issue needs a title, an assignee with access, and issues switched on", async () => {
  assert.equal((await post("/issues", {})).status, 422);
  const blank = await post("/issues", { title: " " });
  assert.deepEqual(blank.json["errors"], [{ resource: "Issue", code: "missing_field", field: "title" }]);
  assert.equal((await post("/issues", { title: "x", assignees: ["nobody"] })).status, 422);
  github.repository({ owner: "acme", name: `off-${made}`, issuesEnabled: false });
  repo = `/repos/acme/off-${made}`;
  assert.equal((await post("/issues", { title: "x" })).status, 410);
});

test("without public_repo or repo a write to a public repository is 404", async () => {
  const weak = (await signIn(github, OAUTH_APP, "octocat", "gist")).access_token;
  const refused = await post("/issues", { title: "x" }, weak);
  assert.equal(refused.status, 404);
  assert.equal(refused.headers.get("x-oauth-scopes"), "gist");
  assert.equal((await call(github.api, "/repos/octocat/secret", { token: weak })).status, 404);
});

test("the list filters, orders and includes pull requests", async () => {
  await post("/issues", { title: "first", labels: ["bug", "ui"] });
  github.clock.advance(1000);
  await post("/issues", { title: "second", labels: ["bug"], assignees: ["octocat"] });
  await post("/issues", { title: "by hubot" }, hubot);
  await post("/pulls", { title: "pull", head: "feature", base: "main" });
  await call(github.api, `${repo}/issues/1`, { token, method: "PATCH", body: { state: "closed" } });
  assert.deepEqual(await titles(""), ["pull", "by hubot", "second"]);
  assert.deepEqual(await titles("?state=all&direction=asc"), ["first", "second", "by hubot", "pull"]);
  assert.deepEqual(await titles("?state=closed"), ["first"]);
  assert.deepEqual(await titles("?labels=bug&state=all"), ["second", "first"]);
  assert.deepEqual(await titles("?assignee=octocat"), ["second"]);
  assert.deepEqual(await titles("?creator=hubot"), ["by hubot"]);
  assert.deepEqual(await titles("?milestone=none&per_page=1&page=3"), ["second"]);
  const list = (await call(github.api, `${repo}/issues`, { token })).json as unknown as Record<string, unknown>[];
  assert.deepEqual(
    list.map((one) => "pull_request" in one),
    [true, false, false],
  );
});

test("closing says why and by whom", async () => {
  await post("/issues", { title: "x" });
  const closed = await call(github.api, `${repo}/issues/1`, {
    token,
    method: "PATCH",
    body: { state: "closed", state_reason: "not_planned" },
  });
  assert.deepEqual([closed.json["state"], closed.json["state_reason"]], ["closed", "not_planned"]);
  assert.equal((closed.json["closed_by"] as { login: string }).login, "octocat");
});

test("comments are listed in order and may not be blank", async () => {
  await post("/issues", { title: "x" });
  assert.equal((await post("/issues/1/comments", { body: "one" }, hubot)).status, 201);
  await post("/issues/1/comments", { body: "two" });
  const list = (await call(github.api, `${repo}/issues/1/comments`, { token })).json as unknown as {
    body: string;
    user: { login: string };
  }[];
  assert.deepEqual(
    list.map(({ body, user }) => `${user.login}: ${body}`),
    ["hubot: one", "octocat: two"],
  );
  assert.equal((await post("/issues/1/comments", { body: "" })).status, 422);
  assert.equal((await post("/issues/9/comments", { body: "x" })).status, 404);
});

test("a pull request shows its commits, files and diff", async () => {
  const opened = await post("/pulls", { title: "pull", head: "acme:feature", base: "main" });
  assert.equal(opened.status, 201);
  assert.deepEqual(
    [opened.json["commits"], opened.json["changed_files"], opened.json["additions"], opened.json["deletions"]],
    [2, 2, 2, 1],
  );
  const number = String(opened.json["number"]);
  const files = (await call(github.api, `${repo}/pulls/${number}/files`, { token })).json as unknown as {
    filename: string;
    status: string;
  }[];
  assert.deepEqual(
    files.map(({ filename, status }) => `${filename} ${status}`),
    ["a.md modified", "b.md added"],
  );
  const diff = await call(github.api, `${repo}/pulls/${number}`, {
    token,
    headers: { accept: "application/vnd.github.diff" },
  });
  assert.match(diff.headers.get("content-type") ?? "", /^application\/vnd\.github\.v3\.diff/);
  assert.ok(
    diff.text.startsWith("diff --git a/a.md b/a.md\n--- a/a.md\n+++ b/a.md\n@@ -1,3 +1,3 @@\n one\n-two\n+2\n three\n"),
  );
  const patch = await call(github.api, `${repo}/pulls/${number}`, {
    token,
    headers: { accept: "application/vnd.github.patch" },
  });
  assert.match(patch.text, /^From [0-9a-f]{40} /);
});

test("a pull request that cannot be is refused by name", async () => {
  const reasons = async (body: Record<string, unknown>, as = token): Promise<unknown> => {
    const { status, json } = await post("/pulls", { title: "x", base: "main", head: "feature", ...body }, as);
    assert.equal(status, 422);
    return (json["errors"] as { field?: string; message?: string }[]).map(({ field, message }) => message ?? field);
  };
  assert.deepEqual(await reasons({ head: "nope" }), ["head"]);
  assert.deepEqual(await reasons({ base: "nope" }), ["base"]);
  assert.deepEqual(await reasons({ head: "same" }), ["No commits between main and same"]);
  assert.deepEqual(await reasons({}, hubot), ["must be a collaborator"]);
  await post("/pulls", { title: "x", base: "main", head: "feature" });
  assert.deepEqual(await reasons({}), ["A pull request already exists for acme:feature."]);
});

test("a search names what it cannot see", async () => {
  const find = async (q: string, as = token): Promise<Answered> =>
    call(github.api, `/search/issues?q=${encodeURIComponent(q)}`, { token: as });
  await call(github.api, "/repos/octocat/secret/issues", { token, method: "POST", body: { title: "hidden needle" } });
  assert.equal((await find("needle is:issue")).json["total_count"], 1);
  assert.equal((await find("needle", hubot)).json["total_count"], 0);
  assert.equal((await find("needle repo:octocat/secret", hubot)).status, 422);
  const empty = await find("");
  assert.deepEqual(empty.json["errors"], [{ resource: "Search", field: "q", code: "missing" }]);
});

test("lists of repositories page, sort and hide what is private", async () => {
  const names = async (path: string, as?: string): Promise<string[]> => {
    const answered = await call(github.api, path, as === undefined ? {} : { token: as });
    return (answered.json as unknown as { full_name: string }[]).map(({ full_name }) => full_name);
  };
  assert.deepEqual(await names("/user/repos?type=owner", token), ["octocat/secret"]);
  assert.deepEqual(await names("/users/octocat/repos"), []);
  assert.deepEqual(await names("/users/octocat/repos", token), ["octocat/secret"]);
  assert.deepEqual((await names("/users/acme/repos?per_page=1")).length, 1);
  const newest = await names("/user/repos?sort=created&per_page=1", token);
  assert.deepEqual(newest, [repo.replace("/repos/", "")]);
});
