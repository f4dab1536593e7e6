// A GitHub App's user token sees its installations intersected with what the person sees, and no permission beyond theirs.
import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import type { FakeGitHub } from "./index.ts";
import type { Answered } from "./testing.ts";
import { basic, call, GITHUB_APP, OAUTH_APP, seeded, signIn } from "./testing.ts";

let github: FakeGitHub;
let token: string;
let oauth: string;

beforeEach(async () => {
  github = await seeded();
  token = (await signIn(github, GITHUB_APP)).access_token;
  oauth = (await signIn(github, OAUTH_APP, "octocat", "repo")).access_token;
});

afterEach(async () => github.close());

async function status(path: string, as = token): Promise<number> {
  return (await call(github.api, path, { token: as })).status;
}

test("nothing is visible until the app is installed", async () => {
  assert.deepEqual(
    [await status("/repos/octocat/secret"), await status("/repos/acme/api"), await status("/user")],
    [404, 404, 200],
  );
  assert.deepEqual((await call(github.api, "/user/repos", { token })).json, []);
  const { id } = github.installation({ clientId: GITHUB_APP.clientId, account: "octocat", repositories: "all" });
  assert.deepEqual([await status("/repos/octocat/secret"), await status("/repos/acme/api")], [200, 404]);
  github.uninstall(id);
  assert.equal(await status("/repos/octocat/secret"), 404);
});

test("an installation shows nobody what they may not see themselves", async () => {
  github.repository({ owner: "acme", name: "private", private: true });
  github.installation({ clientId: GITHUB_APP.clientId, account: "acme", repositories: "all" });
  assert.deepEqual([await status("/repos/acme/api"), await status("/repos/acme/private")], [200, 404]);
});

test("only selected repositories are visible", async () => {
  github.repository({ owner: "octocat", name: "other", private: true });
  github.installation({ clientId: GITHUB_APP.clientId, account: "octocat", repositories: ["other"] });
  assert.deepEqual([await status("/repos/octocat/other"), await status("/repos/octocat/secret")], [200, 404]);
});

test("public repositories are readable outside installations when the fake plays that documented rule", async () => {
  const open = await seeded({ appTokensReadPublic: true });
  const { access_token } = await signIn(open, GITHUB_APP);
  assert.equal((await call(open.api, "/repos/acme/api", { token: access_token })).status, 200);
  const write = await call(open.api, "/repos/acme/api/issues", {
    token: access_token,
    method: "POST",
    body: { title: "x" },
  });
  assert.deepEqual([write.status, write.json["message"]], [403, "Resource not accessible by integration"]);
  await open.close();
});

test("installations are listed to the app's own user tokens only", async () => {
  const { id } = github.installation({ clientId: GITHUB_APP.clientId, account: "octocat", repositories: "all" });
  const list = await call(github.api, "/user/installations", { token });
  assert.deepEqual([list.json["total_count"], (list.json["installations"] as { id: number }[])[0]?.id], [1, id]);
  assert.equal((await call(github.api, "/user/installations", { token: oauth })).status, 403);
  const repositories = await call(github.api, `/user/installations/${id}/repositories`, { token });
  assert.deepEqual(
    (repositories.json["repositories"] as { name: string }[]).map(({ name }) => name),
    ["secret"],
  );
  const hubot = (await signIn(github, GITHUB_APP, "hubot")).access_token;
  assert.equal(await status(`/user/installations/${id}/repositories`, hubot), 404);
});

test("a missing permission is 403 and the header says which would do", async () => {
  github.installation({
    clientId: GITHUB_APP.clientId,
    account: "octocat",
    repositories: "all",
    permissions: { metadata: "read", issues: "read", pull_requests: "read" },
  });
  const send = async (method: string, path: string, headers = {}): Promise<Answered> =>
    call(github.api, `/repos/octocat/secret${path}`, {
      token,
      method,
      headers,
      ...(method === "GET" ? {} : { body: { title: "x" } }),
    });
  const refused = await send("POST", "/issues");
  assert.deepEqual([refused.status, refused.json["message"]], [403, "Resource not accessible by integration"]);
  assert.equal(refused.headers.get("x-accepted-github-permissions"), "issues=write");
  assert.equal(
    (await send("POST", "/issues/1/comments")).headers.get("x-accepted-github-permissions"),
    "issues=write; pull_requests=write",
  );
  assert.equal((await send("GET", "/issues")).status, 200);
  assert.equal((await send("GET", "/contents/README.md")).status, 403);
  const diff = await send("GET", "/pulls/1", { accept: "application/vnd.github.diff" });
  assert.equal(diff.headers.get("x-accepted-github-permissions"), "pull_requests=read,contents=read");
});

test("a scoped token is narrower than the one it came from", async () => {
  const other = github.repository({ owner: "octocat", name: "other", private: true });
  github.installation({ clientId: GITHUB_APP.clientId, account: "octocat", repositories: "all" });
  const scoped = async (body: Record<string, unknown>): Promise<Answered> =>
    call(github.api, `/applications/${GITHUB_APP.clientId}/token/scoped`, {
      method: "POST",
      headers: { authorization: basic(GITHUB_APP) },
      body: { access_token: token, target: "octocat", ...body },
    });
  const narrow = await scoped({ repository_ids: [other.id], permissions: { issues: "read" } });
  assert.equal(narrow.status, 200);
  const weak = String(narrow.json["token"]);
  assert.deepEqual(
    [await status("/repos/octocat/other/issues", weak), await status("/repos/octocat/secret", weak)],
    [200, 404],
  );
  assert.equal(
    (await call(github.api, "/repos/octocat/other/issues", { token: weak, method: "POST", body: { title: "x" } }))
      .status,
    403,
  );
  assert.equal((await scoped({ repositories: ["nope"] })).status, 422);
  assert.equal((await scoped({ permissions: { issues: "admin" } })).status, 422);
  assert.equal((await scoped({ target: "acme" })).status, 404);
});

test("SAML and organization restrictions are told apart", async () => {
  github.repository({ owner: "corp", name: "sso", private: true, sso: true, collaborators: { octocat: "write" } });
  github.repository({
    owner: "corp",
    name: "closed",
    private: true,
    oauthAppRestricted: true,
    collaborators: { octocat: "write" },
  });
  const sso = await call(github.api, "/repos/corp/sso", { token: oauth });
  assert.equal(sso.status, 403);
  assert.match(sso.headers.get("x-github-sso") ?? "", /^required; url=http/);
  const list = await call(github.api, "/user/repos", { token: oauth });
  assert.match(list.headers.get("x-github-sso") ?? "", /^partial-results; organizations=\d+$/);
  assert.equal(list.text.includes("corp/sso"), false);
  const closed = await call(github.api, "/repos/corp/closed", { token: oauth });
  assert.equal(closed.status, 403);
  assert.match(String(closed.json["message"]), /OAuth App access restrictions/);
  github.installation({ clientId: GITHUB_APP.clientId, account: "corp", repositories: ["closed"] });
  assert.equal(await status("/repos/corp/closed"), 200, "restrictions are about OAuth Apps");
});

test("GraphQL refuses inside HTTP 200", async () => {
  const ask = async (query: string, variables = {}, as = oauth): Promise<Answered> =>
    call(github.api, "/graphql", { token: as, method: "POST", body: { query, variables } });
  assert.deepEqual((await ask("{ viewer { login } }")).json, { data: { viewer: { login: "octocat" } } });
  const found = await ask(
    "query($o: String!, $n: String!) { repo: repository(owner: $o, name: $n) { nameWithOwner } }",
    { o: "octocat", n: "secret" },
  );
  assert.deepEqual(found.json["data"], { repo: { nameWithOwner: "octocat/secret" } });
  const hidden = await ask('{ repository(owner: "octocat", name: "secret") { name } }', {}, token);
  assert.equal(hidden.status, 200);
  assert.equal((hidden.json["errors"] as { type: string }[])[0]?.type, "NOT_FOUND");
  assert.equal((await ask("{ viewer { nope } }")).status, 200);
  assert.equal(
    (await call(github.api, "/graphql", { method: "POST", body: { query: "{viewer{login}}" } })).status,
    401,
  );
});
