// GET /search/issues: the qualifiers agents use, over what the caller can see.
import { visible } from "../access.ts";
import type { Answer, Call, Route } from "../call.ts";
import { cut, invalid, json } from "../call.ts";
import type { Issue, Repository } from "../model.ts";
import { issueJson } from "../shapes/issue.ts";
import { fullName } from "../world.ts";
import { ordered } from "./issue-filter.ts";

interface Query {
  words: string[];
  qualifiers: [string, string][];
}

function parse(text: string): Query {
  const words: string[] = [];
  const qualifiers: [string, string][] = [];
  for (const [, name, quoted, bare, word] of text.matchAll(/(\w+):(?:"([^"]*)"|(\S+))|"?([^\s"]+)"?/g)) {
    if (name === undefined) words.push((word ?? "").toLowerCase());
    else qualifiers.push([name.toLowerCase(), (quoted ?? bare ?? "").toLowerCase()]);
  }
  return { words, qualifiers };
}

function searchIssues(call: Call): Answer {
  const text = call.query.get("q");
  if (text === null || text.trim() === "") throw invalid(call, { resource: "Search", field: "q", code: "missing" });
  const query = parse(text);
  const found = scope(call, query).flatMap((repo) =>
    [...repo.issues.values()].filter((issue) => matches(issue, query)).map((issue) => ({ repo, issue })),
  );
  const inOrder = ordered(
    found.map(({ issue }) => issue),
    new URLSearchParams({ sort: call.query.get("sort") ?? "created", direction: call.query.get("order") ?? "desc" }),
  );
  const { slice, headers } = cut(call, inOrder);
  const items = slice.map((issue) => {
    const repo = found.find((one) => one.issue === issue)?.repo;
    return repo === undefined ? null : { ...issueJson(call.world, repo, issue), score: 1 };
  });
  return json(200, { total_count: found.length, incomplete_results: false, items }, { headers, uncached: true });
}

/** A named repository that cannot be seen is 422, not an empty result. */
function scope(call: Call, query: Query): Repository[] {
  const seen = call.world.repositories.filter((repo) => visible(call.world, call.actor, repo));
  const named = query.qualifiers.filter(([name]) => name === "repo").map(([, value]) => value);
  const owners = query.qualifiers.filter(([name]) => name === "user" || name === "org").map(([, value]) => value);
  const kept = seen.filter((repo) => {
    if (named.length + owners.length === 0) return true;
    return named.includes(fullName(repo).toLowerCase()) || owners.includes(repo.owner.login.toLowerCase());
  });
  if (kept.length > 0 || named.length === 0) return kept;
  throw invalid(call, {
    message:
      "The listed users and repositories cannot be searched either because the resources do not exist or you do not have permission to view them.",
    resource: "Search",
    field: "q",
    code: "invalid",
  });
}

function matches(issue: Issue, query: Query): boolean {
  const text =
    `${issue.title} ${issue.body ?? ""} ${issue.comments.map((comment) => comment.body).join(" ")}`.toLowerCase();
  if (!query.words.every((word) => text.includes(word))) return false;
  return query.qualifiers.every(([name, value]) => holds(issue, name, value));
}

function holds(issue: Issue, name: string, value: string): boolean {
  if (name === "is" || name === "state" || name === "type") {
    if (value === "issue") return issue.pull === null;
    if (value === "pr" || value === "pull-request") return issue.pull !== null;
    return value === "open" || value === "closed" ? issue.state === value : true;
  }
  if (name === "author") return issue.user.login.toLowerCase() === value;
  if (name === "assignee") return issue.assignees.some((user) => user.login.toLowerCase() === value);
  if (name === "label") return issue.labels.some((label) => label.name.toLowerCase() === value);
  return true;
}

export const search: Route[] = [
  {
    method: "GET",
    path: "/search/issues",
    docs: "search/search#search-issues-and-pull-requests",
    handle: searchIssues,
  },
];
