// The catalogue says what GitHub documents: operations, parameters, permissions; and finds a tool by what an agent would type.
import assert from "node:assert/strict";
import { test } from "node:test";
import { needsOf, searchTools, toolNamed, tools } from "../../src/tools/catalogue.ts";
import type { Tool } from "../../src/tools/tool.ts";

// docs.github.com/rest, and the published permissions of each operation. A star marks a required parameter.
const documented: Readonly<Record<string, readonly [operation: string, permission: string, parameters: string]>> = {
  github_repo_get: ["GET /repos/{owner}/{repo}", "metadata:read", "owner* repo*"],
  github_user_repos_list: ["GET /user/repos", "metadata:read", "type sort direction per_page page"],
  github_public_repos_list: [
    "GET /users/{username}/repos",
    "metadata:read",
    "username* type sort direction per_page page",
  ],
  github_file_contents_get: ["GET /repos/{owner}/{repo}/contents/{+path}", "contents:read", "owner* repo* path* ref"],
  github_file_create_update: [
    "PUT /repos/{owner}/{repo}/contents/{+path}",
    "contents:write",
    "owner* repo* path* message* content* sha branch author committer",
  ],
  github_issue_create: [
    "POST /repos/{owner}/{repo}/issues",
    "issues:write",
    "owner* repo* title* body labels assignees milestone type",
  ],
  github_issues_list: [
    "GET /repos/{owner}/{repo}/issues",
    "issues:read",
    "owner* repo* state labels assignee creator milestone since sort direction per_page page",
  ],
  github_pull_request_create: [
    "POST /repos/{owner}/{repo}/pulls",
    "pull_requests:write",
    "owner* repo* head* base* title body draft maintainer_can_modify",
  ],
  github_pull_requests_list: [
    "GET /repos/{owner}/{repo}/pulls",
    "pull_requests:read",
    "owner* repo* state head base sort direction per_page page",
  ],
};

function named(name: string): Tool {
  const tool = toolNamed(name);
  assert.ok(tool, name);
  return tool;
}

function parametersOf({ input }: Tool): readonly string[] {
  const required = input["required"] as readonly string[];
  return Object.keys(input["properties"] as object).map((name) => (required.includes(name) ? `${name}*` : name));
}

test("the nine tools are the operations, parameters and permissions that GitHub documents", () => {
  const ours = tools.map((tool) => [
    tool.name,
    [
      `${tool.method} ${tool.path}`,
      Object.entries(tool.permissions)
        .map((pair) => pair.join(":"))
        .join(),
      parametersOf(tool).join(" "),
    ],
  ]);
  assert.deepEqual(Object.fromEntries(ours), documented);
});

test("names are unique and short enough for every model host", () => {
  assert.equal(new Set(tools.map(({ name }) => name)).size, tools.length);
  for (const { name } of tools) assert.match(name, /^github_[a-z_]{1,57}$/);
});

test("every parameter goes into the path, the query or the body, and only writes have a body", () => {
  for (const tool of tools) {
    const all = parametersOf(tool).map((name) => name.replace("*", ""));
    const inPath = [...tool.path.matchAll(/\{\+?(\w+)\}/g)].map(([, name]) => name);
    const rest = all.filter((name) => !inPath.includes(name) && !tool.query.includes(name));
    assert.equal(rest.length > 0, tool.changes, tool.name);
    assert.equal(tool.changes, tool.method !== "GET", tool.name);
    for (const name of tool.query) assert.ok(all.includes(name), `${tool.name} ${name}`);
  }
});

test("schemas are closed, described, and free of what model hosts refuse", () => {
  for (const { name, input, description } of tools) {
    assert.equal(input["type"], "object", name);
    assert.equal(input["additionalProperties"], false, name);
    assert.ok(description.length > 20 && description.length < 1024, name);
    for (const [member, schema] of Object.entries(input["properties"] as Record<string, Record<string, unknown>>)) {
      assert.equal(typeof schema["description"], "string", `${name} ${member}`);
    }
    assert.doesNotMatch(JSON.stringify(input), /\(\?[=!<]/, `${name}: look-around in a pattern`);
  }
});

test("agents are told the traps", () => {
  assert.match(named("github_file_contents_get").description, /Base64/);
  assert.match(named("github_file_create_update").description, /Read the file .* first.*sha/);
  assert.match(named("github_issues_list").description, /`pull_request` are pull requests/);
  assert.match(named("github_issue_create").description, /push access/);
  assert.deepEqual(
    tools.filter((tool) => !tool.needsAccount).map(({ name }) => name),
    ["github_public_repos_list"],
  );
});

test("only a file that is a workflow needs the right to write workflows", () => {
  const write = named("github_file_create_update");
  assert.deepEqual(needsOf(write, { path: "src/a.ts" }).permissions, { contents: "write" });
  assert.deepEqual(needsOf(write, { path: ".github/workflows/ci.yml" }), {
    permissions: { contents: "write", workflows: "write" },
    scopes: [["repo", "public_repo"], ["workflow"]],
  });
  assert.deepEqual(needsOf(write, { path: ".github/workflows.md" }).permissions, { contents: "write" });
  const read = named("github_file_contents_get");
  assert.deepEqual(needsOf(read, { path: ".github/workflows/ci.yml" }), {
    permissions: { contents: "read" },
    scopes: [],
  });
});

test("a search finds the tool that all words describe, best first", () => {
  assert.equal(searchTools("create issue")[0]?.name, "github_issue_create");
  assert.equal(searchTools("PULL request list")[0]?.name, "github_pull_requests_list");
  assert.equal(searchTools("base64 read")[0]?.name, "github_file_contents_get");
  assert.deepEqual(searchTools("").length, tools.length);
  assert.deepEqual(searchTools("  ?! ").length, tools.length);
  assert.deepEqual(searchTools("kubernetes"), []);
  assert.equal(searchTools("issue kubernetes")[0]?.name.includes("issue"), true);
});
