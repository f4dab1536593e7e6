// Pull requests and their files as JSON.
import { ancestors, mergeBase } from "../commits.ts";
import type { FileChange } from "../diff.ts";
import { changesBetween } from "../diff.ts";
import type { Actor, Issue, Pull, Repository } from "../model.ts";
import type { World } from "../world.ts";
import { fullName } from "../world.ts";
import { iso, nodeId, simpleUser } from "./account.ts";
import { association, labelJson, milestoneJson } from "./issue.ts";
import { repositoryJson } from "./repository.ts";

export interface PullOf extends Issue {
  pull: Pull;
}

export function headOf(repo: Repository, issue: PullOf): string {
  return repo.branches.get(issue.pull.head) ?? "";
}

export function changesOf(repo: Repository, issue: PullOf): FileChange[] {
  const head = headOf(repo, issue);
  const base = mergeBase(repo, repo.branches.get(issue.pull.base) ?? "", head) ?? "";
  const nothing = new Map<string, Buffer>();
  return changesBetween(repo.commits.get(base)?.tree ?? nothing, repo.commits.get(head)?.tree ?? nothing);
}

function commitsOf(repo: Repository, issue: PullOf): string[] {
  const reachable = new Set(ancestors(repo, repo.branches.get(issue.pull.base) ?? ""));
  return ancestors(repo, headOf(repo, issue)).filter((sha) => !reachable.has(sha) && repo.commits.has(sha));
}

export function pullJson(world: World, actor: Actor, repo: Repository, issue: PullOf): Record<string, unknown> {
  const name = fullName(repo);
  const base = `${world.origins.api}/repos/${name}`;
  const url = `${base}/pulls/${issue.number}`;
  const html = `${world.origins.web}/${name}/pull/${issue.number}`;
  const assignees = issue.assignees.map((user) => simpleUser(world, user));
  const links = linksOf(base, issue.number, headOf(repo, issue));
  return {
    url,
    id: issue.pull.id,
    node_id: nodeId("PullRequest", issue.pull.id),
    html_url: html,
    diff_url: `${html}.diff`,
    patch_url: `${html}.patch`,
    issue_url: links["issue"],
    number: issue.number,
    state: issue.state,
    locked: false,
    title: issue.title,
    user: simpleUser(world, issue.user),
    body: issue.body,
    created_at: iso(issue.createdAt),
    updated_at: iso(issue.updatedAt),
    closed_at: issue.closedAt === null ? null : iso(issue.closedAt),
    merged_at: null,
    merge_commit_sha: null,
    assignee: assignees[0] ?? null,
    assignees,
    requested_reviewers: [],
    requested_teams: [],
    labels: issue.labels.map((label) => labelJson(world, repo, label)),
    milestone: milestoneJson(world, repo, issue.milestone),
    draft: issue.pull.draft,
    commits_url: links["commits"],
    review_comments_url: links["review_comments"],
    review_comment_url: links["review_comment"],
    comments_url: links["comments"],
    statuses_url: links["statuses"],
    head: end(world, actor, repo, issue.pull.head),
    base: end(world, actor, repo, issue.pull.base),
    _links: Object.fromEntries(Object.entries({ self: url, html, ...links }).map(([rel, href]) => [rel, { href }])),
    author_association: association(repo, issue.user),
    auto_merge: null,
    active_lock_reason: null,
  };
}

function linksOf(base: string, number: number, head: string): Record<string, string> {
  const url = `${base}/pulls/${number}`;
  return {
    issue: `${base}/issues/${number}`,
    comments: `${base}/issues/${number}/comments`,
    review_comments: `${url}/comments`,
    review_comment: `${base}/pulls/comments{/number}`,
    commits: `${url}/commits`,
    statuses: `${base}/statuses/${head}`,
  };
}

function end(world: World, actor: Actor, repo: Repository, branch: string): Record<string, unknown> {
  return {
    label: `${repo.owner.login}:${branch}`,
    ref: branch,
    sha: repo.branches.get(branch) ?? "",
    user: simpleUser(world, repo.owner),
    repo: repositoryJson(world, actor, repo),
  };
}

/** A single pull request also counts itself. */
export function fullPullJson(world: World, actor: Actor, repo: Repository, issue: PullOf): Record<string, unknown> {
  const changes = changesOf(repo, issue);
  const sum = (key: "additions" | "deletions"): number => changes.reduce((total, change) => total + change[key], 0);
  return {
    ...pullJson(world, actor, repo, issue),
    merged: false,
    mergeable: issue.state === "open" ? true : null,
    rebaseable: issue.state === "open" ? true : null,
    mergeable_state: issue.pull.draft ? "draft" : "clean",
    merged_by: null,
    comments: issue.comments.length,
    review_comments: 0,
    maintainer_can_modify: false,
    commits: commitsOf(repo, issue).length,
    additions: sum("additions"),
    deletions: sum("deletions"),
    changed_files: changes.length,
  };
}

export function changeJson(world: World, repo: Repository, head: string, change: FileChange): Record<string, unknown> {
  const path = change.filename.split("/").map(encodeURIComponent).join("/");
  const html = `${world.origins.web}/${fullName(repo)}`;
  return {
    sha: change.sha,
    filename: change.filename,
    status: change.status,
    additions: change.additions,
    deletions: change.deletions,
    changes: change.additions + change.deletions,
    blob_url: `${html}/blob/${head}/${path}`,
    raw_url: `${html}/raw/${head}/${path}`,
    contents_url: `${world.origins.api}/repos/${fullName(repo)}/contents/${path}?ref=${head}`,
    patch: change.patch,
  };
}
