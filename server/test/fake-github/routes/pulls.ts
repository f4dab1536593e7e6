// Pull requests inside one repository: list, create, read (JSON, diff, patch), files. Forks and merging come later.
import { reaches, repositoryFor } from "../access.ts";
import type { Answer, Call, FieldError, Route } from "../call.ts";
import { invalid, json, jsonBody, notFound, page, signedIn, textField } from "../call.ts";
import { ancestors } from "../commits.ts";
import { unifiedDiff } from "../diff.ts";
import type { Issue, Repository } from "../model.ts";
import type { PullOf } from "../shapes/pull.ts";
import { changeJson, changesOf, fullPullJson, headOf, pullJson } from "../shapes/pull.ts";
import { ordered } from "./issue-filter.ts";

function isPull(issue: Issue | undefined): issue is PullOf {
  return issue !== undefined && issue.pull !== null;
}

function pullOf(call: Call, repo: Repository): PullOf {
  const issue = repo.issues.get(Number(call.params["pull_number"]));
  if (!isPull(issue)) throw notFound(call);
  return issue;
}

function list(call: Call): Answer {
  const repo = repositoryFor(call);
  const state = call.query.get("state") ?? "open";
  const head = call.query.get("head");
  const base = call.query.get("base");
  const kept = [...repo.issues.values()].filter((issue) => {
    if (!isPull(issue) || (state !== "all" && issue.state !== state)) return false;
    // The filter wants user:branch; a bare branch matches nothing to speak of and is ignored.
    if (head?.includes(":") === true && head !== `${repo.owner.login}:${issue.pull.head}`) return false;
    return base === null || base === issue.pull.base;
  });
  return page(call, ordered(kept, call.query), (issue) =>
    isPull(issue) ? pullJson(call.world, call.actor, repo, issue) : null,
  );
}

function get(call: Call): Answer {
  const repo = repositoryFor(call);
  const pull = pullOf(call, repo);
  const modified = { lastModified: pull.updatedAt };
  if (call.media.param === "diff" || call.media.param === "patch") {
    const diff = unifiedDiff(changesOf(repo, pull));
    const text = call.media.param === "diff" ? diff : patchOf(repo, pull, diff);
    return {
      status: 200,
      raw: { type: `application/vnd.github.v3.${call.media.param}; charset=utf-8`, data: Buffer.from(text) },
      ...modified,
    };
  }
  return json(200, fullPullJson(call.world, call.actor, repo, pull), modified);
}

/** git format-patch, all commits folded into one mail. */
function patchOf(repo: Repository, pull: PullOf, diff: string): string {
  const commit = repo.commits.get(headOf(repo, pull));
  const { name, email, date } = commit?.author ?? { name: "", email: "", date: 0 };
  return `From ${commit?.sha} Mon Sep 17 00:00:00 2001\nFrom: ${name} <${email}>\nDate: ${new Date(date).toUTCString()}\nSubject: [PATCH] ${commit?.message}\n\n---\n${diff}`;
}

function files(call: Call): Answer {
  const repo = repositoryFor(call);
  const pull = pullOf(call, repo);
  return page(call, changesOf(repo, pull), (change) => changeJson(call.world, repo, headOf(repo, pull), change));
}

function create(call: Call): Answer {
  const repo = repositoryFor(call);
  const { user } = signedIn(call);
  const body = jsonBody(call);
  const base = textField(call, body, "base") ?? "";
  const head = ownBranch(repo, textField(call, body, "head") ?? "");
  const title = textField(call, body, "title");
  if (title === undefined || title.trim() === "") throw refuse(call, { code: "missing_field", field: "title" });
  refuseUnmergeable(call, repo, head, base);
  const made = call.world.addIssue(repo, {
    title,
    body: textField(call, body, "body") ?? null,
    user,
    labels: [],
    assignees: [],
    milestone: null,
    pull: { id: call.world.nextId(), head, base, draft: body["draft"] === true },
  });
  if (!isPull(made)) throw new Error("fake-github: a pull request lost its pull");
  const shape = fullPullJson(call.world, call.actor, repo, made);
  return json(201, shape, { headers: { Location: String(shape["url"]) } });
}

function refuseUnmergeable(call: Call, repo: Repository, head: string, base: string): void {
  if (!repo.branches.has(head)) throw refuse(call, { code: "invalid", field: "head" });
  if (!repo.branches.has(base)) throw refuse(call, { code: "invalid", field: "base" });
  // Opening from a branch of the same repository takes write access to it.
  if (!reaches(call.actor, repo, "write")) throw refuse(call, { code: "custom", message: "must be a collaborator" });
  const taken = [...repo.issues.values()].some(
    (one) => isPull(one) && one.state === "open" && one.pull.head === head && one.pull.base === base,
  );
  if (taken)
    throw refuse(call, { code: "custom", message: `A pull request already exists for ${repo.owner.login}:${head}.` });
  const ahead = !ancestors(repo, repo.branches.get(base) ?? "").includes(repo.branches.get(head) ?? "");
  if (!ahead) throw refuse(call, { code: "custom", message: `No commits between ${base} and ${head}` });
}

function refuse(call: Call, error: Omit<FieldError, "resource">): Error {
  return invalid(call, { resource: "PullRequest", ...error });
}

/** "user:branch" is the branch itself when the user owns the repository; forks are not played. */
function ownBranch(repo: Repository, head: string): string {
  const [owner, branch] = head.split(":");
  return branch !== undefined && owner?.toLowerCase() === repo.owner.login.toLowerCase() ? branch : head;
}

const BASE = "/repos/{owner}/{repo}/pulls";

export const pulls: Route[] = [
  { method: "GET", path: BASE, docs: "pulls/pulls#list-pull-requests", handle: list },
  { method: "POST", path: BASE, docs: "pulls/pulls#create-a-pull-request", handle: create },
  { method: "GET", path: `${BASE}/{pull_number}`, docs: "pulls/pulls#get-a-pull-request", handle: get },
  { method: "GET", path: `${BASE}/{pull_number}/files`, docs: "pulls/pulls#list-pull-requests-files", handle: files },
];
