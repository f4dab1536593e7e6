// Template and input make a request, and no input leads out of the path its template gives it.
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Refusal } from "../../src/rules/refusal.ts";
import { toolNamed, tools } from "../../src/tools/catalogue.ts";
import { requestOf, type ToolRequest } from "../../src/tools/request.ts";
import type { Tool } from "../../src/tools/tool.ts";
import { makeInputCheck } from "../../src/tools/validate.ts";

const place = { owner: "acme", repo: "api" };

function named(name: string): Tool {
  const tool = toolNamed(name);
  assert.ok(tool, name);
  return tool;
}

function request(name: string, input: Record<string, unknown>): ToolRequest {
  return requestOf(named(name), input);
}

test("members go where GitHub wants them: path, query or body", () => {
  assert.deepEqual(request("github_issue_create", { ...place, title: "Bug", labels: ["a"] }), {
    method: "POST",
    path: "/repos/acme/api/issues",
    query: [],
    json: { title: "Bug", labels: ["a"] },
    repository: { owner: "acme", name: "api" },
  });
  assert.deepEqual(request("github_issues_list", { ...place, labels: "bug,ui", milestone: 3, page: 2, state: "all" }), {
    method: "GET",
    path: "/repos/acme/api/issues",
    query: [
      ["state", "all"],
      ["labels", "bug,ui"],
      ["milestone", "3"],
      ["page", "2"],
    ],
    repository: { owner: "acme", name: "api" },
  });
  assert.deepEqual(request("github_user_repos_list", {}), {
    method: "GET",
    path: "/user/repos",
    query: [],
    repository: null,
  });
  assert.equal(request("github_public_repos_list", { username: "octocat" }).repository, null);
});

test("a path keeps its slashes and nothing else unencoded", () => {
  const path = "docs/a b?#%/größe&.md";
  const { path: made } = request("github_file_contents_get", { ...place, path });
  assert.equal(made, "/repos/acme/api/contents/docs/a%20b%3F%23%25/gr%C3%B6%C3%9Fe%26.md");
});

test("the root directory has no trailing slash, which GitHub would not find", () => {
  assert.equal(request("github_file_contents_get", { ...place, path: "" }).path, "/repos/acme/api/contents");
});

test("segments that climb are refused even where no schema was asked", () => {
  for (const path of [
    "..",
    "../x",
    "a/../b",
    "a/./b",
    "%2e%2e/x",
    ".%2E",
    "a//b",
    "/a",
    "a/",
    "a\\b",
    "a%2fb",
    "a%5Cb",
    "\ud800",
  ]) {
    assert.throws(
      () => request("github_file_contents_get", { ...place, path }),
      (error) =>
        error instanceof Refusal && error.code === "invalid_input" && error.context.errors?.[0]?.path === "/path",
      path,
    );
  }
  for (const owner of ["", ".", "..", "a/b", "a\\b", undefined, null, {}]) {
    assert.throws(() => request("github_repo_get", { owner, repo: "x" }), Refusal);
  }
});

const hostile = fc.oneof(
  fc.string({ unit: "binary", maxLength: 40 }),
  fc.string({
    unit: fc.constantFrom(".", "/", "\\", "%", "2", "e", "f", "5", "c", "?", "#", "@", ":", "a", "\r", "\n", "\0"),
  }),
  fc
    .array(fc.constantFrom("..", ".", "", "a", "%2e%2e", "%2f", ".%2e", "..;", "a\\..", "\u2024\u2024"))
    .map((parts) => parts.join("/")),
);

/** Where a URL parser ends up, against where the template says it must. */
function staysInside(tool: Tool, made: ToolRequest): void {
  const base = "https://api.example/api/v3";
  const url = new URL(`${base}${made.path}`);
  assert.equal(url.origin, "https://api.example");
  assert.equal(url.pathname, `/api/v3${made.path}`);
  assert.equal(url.search + url.hash + url.username, "");
  const wanted = tool.path.split("/");
  const got = made.path.split("/");
  const tail = wanted.at(-1)?.startsWith("{+") === true;
  assert.ok(tail ? got.length >= wanted.length - 1 : got.length === wanted.length);
  for (const [index, part] of wanted.entries()) {
    if (!part.startsWith("{")) assert.equal(got[index], part);
    else if (!part.startsWith("{+")) assert.equal(got[index] === undefined || got[index] === "", false);
  }
  for (const part of got) assert.doesNotMatch(decodeURIComponent(part), /^\.{1,2}$|[/\\\p{Cc}]/u);
}

test("no input leads out of the path of its template", () => {
  fc.assert(
    fc.property(fc.constantFrom(...tools), hostile, hostile, hostile, (tool, owner, repo, path) => {
      let made: ToolRequest;
      try {
        made = requestOf(tool, { owner, repo, path, username: owner, ref: path });
      } catch (error) {
        assert.ok(error instanceof Refusal);
        return;
      }
      staysInside(tool, made);
    }),
    { numRuns: 2000 },
  );
});

test("what the schema lets by makes a request, and the decoded path is the input's", () => {
  const check = makeInputCheck();
  const tool = named("github_file_contents_get");
  const segment = fc.string({ unit: "grapheme", minLength: 1, maxLength: 12 });
  fc.assert(
    fc.property(
      fc.oneof(
        hostile,
        fc.array(segment, { minLength: 1, maxLength: 4 }).map((all) => all.join("/")),
      ),
      (path) => {
        const checked = check(tool, { ...place, path });
        fc.pre(checked.kind === "ok" && path.isWellFormed() && !/%2[ef]|%5c/i.test(path) && !/\p{Cc}/u.test(path));
        const made = requestOf(tool, checked.input).path;
        assert.equal(decodeURIComponent(made).replace(/^\/repos\/acme\/api\/contents\/?/, ""), path);
      },
    ),
  );
});

test("a query value cannot add parameters", () => {
  const { query } = request("github_issues_list", { ...place, labels: "a&state=closed#x", creator: "\ud800" });
  const url = new URL("https://api.example/x");
  for (const [name, value] of query) url.searchParams.append(name, value);
  assert.deepEqual(
    [...url.searchParams],
    [
      ["labels", "a&state=closed#x"],
      ["creator", "\ufffd"],
    ],
  );
});
