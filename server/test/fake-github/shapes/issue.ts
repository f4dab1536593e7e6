// Issues, labels and comments as JSON.
import type { Account, Comment, Issue, Label, Milestone, Repository } from "../model.ts";
import type { World } from "../world.ts";
import { fullName } from "../world.ts";
import { iso, nodeId, simpleUser } from "./account.ts";

function reactions(url: string): Record<string, unknown> {
  return {
    url: `${url}/reactions`,
    total_count: 0,
    "+1": 0,
    "-1": 0,
    laugh: 0,
    hooray: 0,
    confused: 0,
    heart: 0,
    rocket: 0,
    eyes: 0,
  };
}

export function association(repo: Repository, user: Account): string {
  if (user === repo.owner) return "OWNER";
  const stands = repo.collaborators.has(user.login.toLowerCase());
  if (!stands) return "NONE";
  return repo.owner.type === "Organization" ? "MEMBER" : "COLLABORATOR";
}

export function labelJson(world: World, repo: Repository, label: Label): Record<string, unknown> {
  return {
    id: label.id,
    node_id: nodeId("Label", label.id),
    url: `${world.origins.api}/repos/${fullName(repo)}/labels/${encodeURIComponent(label.name)}`,
    name: label.name,
    color: label.color,
    default: false,
    description: label.description,
  };
}

export function milestoneJson(
  world: World,
  repo: Repository,
  milestone: Milestone | null,
): Record<string, unknown> | null {
  if (milestone === null) return null;
  const url = `${world.origins.api}/repos/${fullName(repo)}/milestones/${milestone.number}`;
  return {
    url,
    id: milestone.id,
    node_id: nodeId("Milestone", milestone.id),
    number: milestone.number,
    title: milestone.title,
    state: "open",
  };
}

export function issueJson(world: World, repo: Repository, issue: Issue): Record<string, unknown> {
  const name = fullName(repo);
  const base = `${world.origins.api}/repos/${name}`;
  const url = `${base}/issues/${issue.number}`;
  const assignees = issue.assignees.map((user) => simpleUser(world, user));
  return {
    url,
    repository_url: base,
    labels_url: `${url}/labels{/name}`,
    comments_url: `${url}/comments`,
    events_url: `${url}/events`,
    html_url: `${world.origins.web}/${name}/${issue.pull === null ? "issues" : "pull"}/${issue.number}`,
    id: issue.id,
    node_id: nodeId("Issue", issue.id),
    number: issue.number,
    title: issue.title,
    user: simpleUser(world, issue.user),
    labels: issue.labels.map((label) => labelJson(world, repo, label)),
    state: issue.state,
    locked: false,
    assignee: assignees[0] ?? null,
    assignees,
    milestone: milestoneJson(world, repo, issue.milestone),
    comments: issue.comments.length,
    created_at: iso(issue.createdAt),
    updated_at: iso(issue.updatedAt),
    closed_at: issue.closedAt === null ? null : iso(issue.closedAt),
    author_association: association(repo, issue.user),
    active_lock_reason: null,
    ...(issue.pull === null ? {} : { draft: issue.pull.draft, pull_request: pullKey(world, name, issue) }),
    body: issue.body,
    reactions: reactions(url),
    timeline_url: `${url}/timeline`,
    performed_via_github_app: null,
    state_reason: issue.stateReason,
  };
}

/** A single issue also says who closed it. */
export function fullIssueJson(world: World, repo: Repository, issue: Issue): Record<string, unknown> {
  return {
    ...issueJson(world, repo, issue),
    closed_by: issue.closedBy === null ? null : simpleUser(world, issue.closedBy),
  };
}

function pullKey(world: World, name: string, issue: Issue): Record<string, unknown> {
  const html = `${world.origins.web}/${name}/pull/${issue.number}`;
  return {
    url: `${world.origins.api}/repos/${name}/pulls/${issue.number}`,
    html_url: html,
    diff_url: `${html}.diff`,
    patch_url: `${html}.patch`,
    merged_at: null,
  };
}

export function commentJson(world: World, repo: Repository, issue: Issue, comment: Comment): Record<string, unknown> {
  const base = `${world.origins.api}/repos/${fullName(repo)}/issues`;
  const url = `${base}/comments/${comment.id}`;
  const kind = issue.pull === null ? "issues" : "pull";
  return {
    url,
    html_url: `${world.origins.web}/${fullName(repo)}/${kind}/${issue.number}#issuecomment-${comment.id}`,
    issue_url: `${base}/${issue.number}`,
    id: comment.id,
    node_id: nodeId("IssueComment", comment.id),
    user: simpleUser(world, comment.user),
    created_at: iso(comment.createdAt),
    updated_at: iso(comment.updatedAt),
    author_association: association(repo, comment.user),
    body: comment.body,
    reactions: reactions(url),
    performed_via_github_app: null,
  };
}

/** Someone who can be assigned: has access to the repository beyond its being public. */
export function assignable(world: World, repo: Repository, login: string): Account | undefined {
  const user = world.account(login);
  if (user === undefined || user.type !== "User") return undefined;
  const known = user === repo.owner || repo.collaborators.has(user.login.toLowerCase());
  return known ? user : undefined;
}
