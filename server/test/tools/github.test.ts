// Each tool does its work at a strict GitHub, and each way GitHub says no is told as what it is.
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import type { Credential } from "../../src/crypto/credential.ts";
import { classify, type GitHubRefusal } from "../../src/rules/github-answer.ts";
import { toolNamed } from "../../src/tools/catalogue.ts";
import { requestOf } from "../../src/tools/request.ts";
import { makeInputCheck } from "../../src/tools/validate.ts";
import { makeGitHub } from "../../src/upstream/github.ts";
import { GITHUB_APP } from "../fake-github/testing.ts";
import { githubProvider, signedIn, speaking, type World } from "../upstream/talking.ts";

type Input = Readonly<Record<string, unknown>>;
type Outcome = { readonly kind: "data"; readonly data: unknown } | GitHubRefusal;

interface Desk {
  readonly world: World;
  run(name: string, input: Input, credential?: Credential | null): Promise<Outcome>;
  data<Shape>(name: string, input: Input, credential?: Credential | null): Promise<Shape>;
  no(name: string, input: Input): Promise<GitHubRefusal>;
}

/** An account of octocat, and the path from a tool's input to its outcome. */
async function desk(t: TestContext, preset: "github" | "github-app" = "github", scopes = ["repo"]): Promise<Desk> {
  const world = await speaking(t);
  const provider = githubProvider(world.github, preset, { scopes });
  const tokens = await signedIn(world, provider);
  const github = makeGitHub(world);
  const check = makeInputCheck();
  const run: Desk["run"] = async (name, input, credential = tokens.access) => {
    const tool = toolNamed(name);
    assert.ok(tool);
    const checked = check(tool, input);
    assert.ok(checked.kind === "ok", JSON.stringify(checked));
    const { repository: _, ...request } = requestOf(tool, checked.input);
    const answer = await github.call({ hosts: provider.hosts, ...request, credential, timeoutMs: 5000 });
    assert.ok(answer.kind === "answer");
    const { changes } = tool;
    const verdict = classify({
      ...answer,
      body: answer.json,
      changes,
      now: world.github.clock.now(),
      web: provider.hosts.web,
    });
    return verdict.kind === "ok" ? { kind: "data", data: answer.json } : verdict;
  };
  return {
    world,
    run,
    async data<Shape>(name: string, input: Input, credential?: Credential | null) {
      const outcome = await run(name, input, credential);
      assert.ok(outcome.kind === "data", JSON.stringify(outcome));
      return outcome.data as Shape;
    },
    async no(name, input) {
      const outcome = await run(name, input);
      assert.ok(outcome.kind === "refused", JSON.stringify(outcome));
      return outcome;
    },
  };
}

const api = { owner: "acme", repo: "api" };
const secret = { owner: "octocat", repo: "secret" };
const base64 = (text: string): string => Buffer.from(text).toString("base64");

test("repositories are read one by one and as lists, public ones without an account", async (t) => {
  const { data } = await desk(t);
  assert.equal((await data<{ full_name: string }>("github_repo_get", secret)).full_name, "octocat/secret");
  const mine = await data<{ full_name: string }[]>("github_user_repos_list", { sort: "full_name", per_page: 100 });
  assert.deepEqual(
    mine.map((one) => one.full_name),
    ["acme/api", "octocat/secret"],
  );
  const open = await data<{ full_name: string }[]>("github_public_repos_list", { username: "acme" }, null);
  assert.deepEqual(
    open.map((one) => one.full_name),
    ["acme/api"],
  );
});

test("a file is created, read back, and updated with the sha it had", async (t) => {
  const { data, no } = await desk(t);
  const file = { ...secret, path: "notes/größe & co.md" };
  await data("github_file_create_update", { ...file, message: "Add", content: base64("one\n") });
  const read = await data<{ content: string; sha: string }>("github_file_contents_get", file);
  assert.equal(Buffer.from(read.content, "base64").toString(), "one\n");
  const blind = await no("github_file_create_update", { ...file, message: "Change", content: base64("two\n") });
  assert.deepEqual([blind.code, blind.next.action], ["upstream_invalid", "fetch_file_first"]);
  // What GitHub gave, line breaks and all, may be sent back.
  await data("github_file_create_update", { ...file, message: "Same", content: read.content, sha: read.sha });
  await data("github_file_create_update", { ...file, message: "Change", content: base64("two\n"), sha: read.sha });
  const stale = await no("github_file_create_update", {
    ...file,
    message: "Late",
    content: base64("3"),
    sha: read.sha,
  });
  assert.deepEqual([stale.code, stale.next.action], ["upstream_conflict", "fetch_file_first"]);
});

test("the root directory is listed by an empty path", async (t) => {
  const { data } = await desk(t);
  const entries = await data<{ name: string }[]>("github_file_contents_get", { ...secret, path: "" });
  assert.deepEqual(
    entries.map(({ name }) => name),
    ["README.md", "docs"],
  );
});

test("an issue is opened and listed, and pull requests in the list are marked", async (t) => {
  const { world, data } = await desk(t);
  world.github.repository({ owner: "octocat", name: "app", files: { a: "1" }, branches: { topic: { a: "2" } } });
  const app = { owner: "octocat", repo: "app" };
  const issue = await data<{ number: number; html_url: string }>("github_issue_create", {
    ...app,
    title: "Bug",
    body: "Text",
  });
  assert.equal(issue.number, 1);
  const pull = { ...app, head: "topic", base: "main", title: "Change", draft: true };
  assert.equal((await data<{ number: number }>("github_pull_request_create", pull)).number, 2);
  const all = await data<{ number: number; pull_request?: object }[]>("github_issues_list", { ...app, state: "all" });
  assert.deepEqual(
    all.map(({ number, pull_request }) => [number, pull_request !== undefined]),
    [
      [2, true],
      [1, false],
    ],
  );
  const pulls = await data<{ number: number }[]>("github_pull_requests_list", {
    ...app,
    head: "octocat:topic",
    base: "main",
  });
  assert.deepEqual(
    pulls.map(({ number }) => number),
    [2],
  );
});

test("a private repository out of sight is not found, for want of scopes where that is why", async (t) => {
  const { no } = await desk(t, "github", ["read:user"]);
  const issue = await no("github_issues_list", secret);
  assert.equal(issue.code, "upstream_not_found");
  assert.deepEqual(issue.acceptedScopes, ["repo"]);
});

test("a permission that the GitHub App lacks is named", async (t) => {
  const { world, no } = await desk(t, "github-app", []);
  const permissions = { metadata: "read", issues: "read" } as const;
  world.github.installation({ clientId: GITHUB_APP.clientId, account: "octocat", repositories: "all", permissions });
  const verdict = await no("github_issue_create", { ...secret, title: "Bug" });
  assert.equal(verdict.code, "upstream_forbidden");
  assert.match(verdict.detail, /It needs issues: write\.$/);
});

test("single sign-on, organisation approval and switched-off issues each have their own answer", async (t) => {
  const { world, no } = await desk(t);
  const collaborators = { octocat: "write" } as const;
  world.github.repository({ owner: "corp", name: "vault", private: true, sso: true, collaborators });
  world.github.repository({ owner: "corp", name: "fenced", oauthAppRestricted: true, collaborators });
  world.github.repository({ owner: "corp", name: "quiet", issuesEnabled: false, collaborators });
  const sso = await no("github_repo_get", { owner: "corp", repo: "vault" });
  assert.equal(sso.code, "sso_required");
  assert.equal(new URL(sso.next.url ?? "").origin, world.github.web);
  assert.equal((await no("github_repo_get", { owner: "corp", repo: "fenced" })).code, "org_approval_required");
  const gone = await no("github_issue_create", { owner: "corp", repo: "quiet", title: "Bug" });
  assert.equal(gone.code, "upstream_not_found");
  assert.match(gone.detail, /Issues has been disabled/);
});

test("limits and failures are told apart on the wire", async (t) => {
  const { world, no } = await desk(t);
  const seen = async (kind: "primary-limit-403" | "primary-limit-429" | "secondary-limit"): Promise<unknown> => {
    world.github.fault({ origin: "api", kind });
    const { code, retryAfterSeconds } = await no("github_repo_get", api);
    return [code, retryAfterSeconds];
  };
  const primary = (await seen("primary-limit-403")) as [string, number];
  assert.equal(primary[0], "upstream_rate_limited");
  assert.ok(primary[1] > 1795 && primary[1] <= 1800);
  assert.equal(((await seen("primary-limit-429")) as string[])[0], "upstream_rate_limited");
  assert.deepEqual(await seen("secondary-limit"), ["upstream_secondary_limited", 60]);
  world.github.fault({ origin: "api", kind: "status", status: 503 });
  assert.equal((await no("github_repo_get", api)).code, "upstream_unavailable");
});

test("a dead token is unauthorised", async (t) => {
  const { world, no } = await desk(t);
  world.github.revokeGrant("octocat", "Ov1.test");
  assert.equal((await no("github_repo_get", api)).code, "upstream_unauthorized");
});
