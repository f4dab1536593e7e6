// An input that does not fit is refused here, with each place named, before anything leaves the house.
import assert from "node:assert/strict";
import { test } from "node:test";
import { toolNamed, tools } from "../../src/tools/catalogue.ts";
import { type InputCheck, makeInputCheck } from "../../src/tools/validate.ts";

const check = makeInputCheck();
const place = { owner: "acme", repo: "api" };

function checked(name: string, input: unknown): InputCheck {
  const tool = toolNamed(name);
  assert.ok(tool);
  return check(tool, input);
}

function fits(name: string, input: unknown): boolean {
  return checked(name, input).kind === "ok";
}

test("every schema compiles under ajv's strict rules", () => {
  for (const tool of tools) assert.equal(check(tool, []).kind, "bad", tool.name);
});

test("a complete input passes unchanged", () => {
  const input = {
    ...place,
    path: "docs/größe.md",
    message: "Write",
    content: "aGk=",
    sha: "0123456789abcdef0123456789abcdef01234567",
    branch: "feature/x",
    author: { name: "Ada", email: "ada@example.com", date: "2026-01-31T09:30:00Z" },
  };
  assert.deepEqual(checked("github_file_create_update", input), { kind: "ok", input });
});

test("each place that does not fit is named, with what is wrong and without its value", () => {
  const secret = "ghp_abcdefghijklmnopqrstuvwxyz0123456789";
  const input = { repo: "a/b", labels: ["bug", 7], surprise: secret, title: "" };
  assert.deepEqual(checked("github_issue_create", input), {
    kind: "bad",
    errors: [
      { path: "/owner", message: "is required" },
      { path: "/surprise", message: "is not a parameter" },
      {
        path: "/repo",
        message: "does not fit: Name of the repository without its owner, e.g. `hello-world`.",
      },
      { path: "/title", message: "must NOT have fewer than 1 characters" },
      { path: "/labels/1", message: "must be string" },
    ],
  });
  assert.deepEqual(checked("github_issues_list", { ...place, state: "opened" }), {
    kind: "bad",
    errors: [{ path: "/state", message: "must be one of: open, closed, all" }],
  });
});

test("only a plain object is an input, and prototypes are no parameters", () => {
  for (const input of [null, undefined, [], "x", 7, true]) assert.equal(fits("github_user_repos_list", input), false);
  assert.equal(fits("github_user_repos_list", JSON.parse('{"__proto__":{"type":"all"}}')), false);
  assert.equal(fits("github_user_repos_list", {}), true);
});

test("an owner and a repository name cannot hold a separator or consist of dots", () => {
  for (const repo of [".", "..", "...", "", "a/b", "a\\b", "a b", "a%2fb", "a?b", "a#b", "ä", "a\n"]) {
    assert.equal(fits("github_repo_get", { owner: "acme", repo }), false, repo);
    assert.equal(fits("github_repo_get", { owner: repo, repo: "api" }), false, repo);
  }
  for (const repo of [".github", "a.b", "..a", "A_b-c.d", "1"]) {
    assert.equal(fits("github_repo_get", { owner: "acme", repo }), true, repo);
  }
  assert.equal(fits("github_repo_get", { owner: "short_enterprise", repo: "api" }), true);
});

test("a path of contents has no leading slash, no dot segments and no empty ones", () => {
  const paths = ["/", "/etc", ".", "..", "../x", "a/../b", "a/./b", "a/..", "a//b", "a/", "a\\b", "a\n", "\0"];
  for (const path of paths) {
    assert.equal(fits("github_file_contents_get", { ...place, path }), false, JSON.stringify(path));
    assert.equal(fits("github_file_create_update", { ...place, path, message: "m", content: "" }), false);
  }
  for (const path of ["a", ".github/workflows/ci.yml", "...", "..a/b", "a b/ü", "100%.txt", "a..b/.c"]) {
    assert.equal(fits("github_file_contents_get", { ...place, path }), true, path);
  }
  assert.equal(fits("github_file_contents_get", { ...place, path: "" }), true);
  assert.equal(fits("github_file_create_update", { ...place, path: "", message: "m", content: "" }), false);
});

test("content must be Base64, also in the lines GitHub breaks it into", () => {
  const write = (content: string): boolean =>
    fits("github_file_create_update", { ...place, path: "a", message: "m", content });
  for (const content of ["", "aGk=", "aGVsbG8=", "aGVsbG8h", "YWFh\nYWFh\nYQ==\n"])
    assert.equal(write(content), true, content);
  for (const content of ["hello", "aGk", "aGk==", "a-_=", "aGk=aGk=", " aGk="])
    assert.equal(write(content), false, content);
  assert.equal(write("QUFB".repeat(250_000)), true);
});

test("pages and times are bounded", () => {
  const list = (more: object): boolean => fits("github_issues_list", { ...place, ...more });
  for (const per_page of [0, 101, 1.5, "5", null]) assert.equal(list({ per_page }), false);
  assert.equal(list({ per_page: 100, page: 3 }), true);
  for (const since of ["yesterday", "2026-01-31", "2026-01-31T09:30:00"]) assert.equal(list({ since }), false);
  assert.equal(list({ since: "2026-01-31T09:30:00Z" }), true);
  for (const milestone of [3, "3", "none", "*"]) assert.equal(list({ milestone }), true);
  for (const milestone of [0, "0", "all", ""]) assert.equal(list({ milestone }), false);
});

test("a hostile path is answered at once", () => {
  const path = `${"a/".repeat(2000)}..`;
  const started = performance.now();
  assert.equal(fits("github_file_contents_get", { ...place, path }), false);
  assert.equal(fits("github_repo_get", { owner: "a", repo: `${".".repeat(99)}/` }), false);
  assert.ok(performance.now() - started < 100);
});
