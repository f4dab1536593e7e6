// Issues: list with GitHub's filters, create, read, change.
import { reaches, repositoryFor } from "../access.ts";
import type { Answer, Call, Route } from "../call.ts";
import { failure, invalid, json, jsonBody, notSupplied, page, signedIn, textField } from "../call.ts";
import type { Account, Issue, Milestone, Repository } from "../model.ts";
import { assignable, fullIssueJson, issueJson } from "../shapes/issue.ts";
import { filterIssues } from "./issue-filter.ts";
import { issueOf, labelsIn, listIn } from "./issue-parts.ts";

function list(call: Call): Answer {
  const repo = repositoryFor(call);
  return page(call, filterIssues(call, repo), (issue) => issueJson(call.world, repo, issue));
}

function get(call: Call): Answer {
  const repo = repositoryFor(call);
  const issue = issueOf(call, repo);
  return json(200, fullIssueJson(call.world, repo, issue), { lastModified: issue.updatedAt });
}

function create(call: Call): Answer {
  const repo = repositoryFor(call);
  const { user } = signedIn(call);
  if (!repo.issuesEnabled) throw failure(410, "Issues has been disabled in this repository.", call.route.docs);
  const body = jsonBody(call);
  const title = body["title"];
  if (title === undefined || title === null) throw notSupplied(call, "title");
  const text = typeof title === "number" ? String(title) : (textField(call, body, "title") ?? "");
  if (text.trim() === "") throw invalid(call, { resource: "Issue", code: "missing_field", field: "title" });
  // create-an-issue: without push access labels, assignees and milestone are silently dropped.
  const pushes = reaches(call.actor, repo, "write");
  const issue = call.world.addIssue(repo, {
    title: text,
    body: textField(call, body, "body") ?? null,
    user,
    labels: pushes ? labelsIn(call, repo, body) : [],
    assignees: pushes ? assigneesIn(call, repo, body) : [],
    milestone: pushes ? milestoneIn(call, repo, body) : null,
    pull: null,
  });
  const shape = fullIssueJson(call.world, repo, issue);
  return json(201, shape, { headers: { Location: String(shape["url"]) } });
}

function update(call: Call): Answer {
  const repo = repositoryFor(call);
  const issue = issueOf(call, repo);
  const { user } = signedIn(call);
  const pushes = reaches(call.actor, repo, "write");
  if (!pushes && issue.user !== user) throw failure(403, "Must have admin rights to Repository.", call.route.docs);
  const body = jsonBody(call);
  const state = stateIn(call, body);
  rewrite(call, issue, body);
  if (pushes) triage(call, repo, issue, body);
  if (state !== undefined) setState(call, issue, { state, reason: textField(call, body, "state_reason"), by: user });
  issue.updatedAt = call.now;
  return json(200, fullIssueJson(call.world, repo, issue));
}

function stateIn(call: Call, body: Record<string, unknown>): "open" | "closed" | undefined {
  const state = textField(call, body, "state");
  if (state === undefined || state === "open" || state === "closed") return state;
  throw invalid(call, { resource: "Issue", code: "invalid", field: "state" });
}

function rewrite(call: Call, issue: Issue, body: Record<string, unknown>): void {
  const title = textField(call, body, "title");
  if (title?.trim() === "") throw invalid(call, { resource: "Issue", code: "missing_field", field: "title" });
  if (title !== undefined) issue.title = title;
  if ("body" in body) issue.body = textField(call, body, "body") ?? null;
}

/** What takes push access; from others it is silently dropped. */
function triage(call: Call, repo: Repository, issue: Issue, body: Record<string, unknown>): void {
  if ("labels" in body) issue.labels = labelsIn(call, repo, body);
  if ("assignees" in body || "assignee" in body) issue.assignees = assigneesIn(call, repo, body);
  if ("milestone" in body) issue.milestone = milestoneIn(call, repo, body);
}

function setState(
  call: Call,
  issue: Issue,
  to: { state: "open" | "closed"; reason: string | undefined; by: Account },
): void {
  const closes = to.state === "closed";
  issue.stateReason = to.reason ?? (closes ? "completed" : issue.state === "closed" ? "reopened" : issue.stateReason);
  issue.state = to.state;
  issue.closedAt = closes ? call.now : null;
  issue.closedBy = closes ? to.by : null;
}

function assigneesIn(call: Call, repo: Repository, body: Record<string, unknown>): Account[] {
  const single = textField(call, body, "assignee");
  const logins = [...listIn(call, body, "assignees"), ...(single === undefined ? [] : [single])].map(String);
  return [...new Set(logins)].map((login) => {
    const user = assignable(call.world, repo, login);
    if (user === undefined)
      throw invalid(call, { value: login, resource: "Issue", field: "assignees", code: "invalid" });
    return user;
  });
}

function milestoneIn(call: Call, repo: Repository, body: Record<string, unknown>): Milestone | null {
  const wanted = body["milestone"];
  if (wanted === undefined || wanted === null) return null;
  const found = repo.milestones.find((one) => one.number === Number(wanted));
  if (found === undefined)
    throw invalid(call, { value: wanted, resource: "Issue", field: "milestone", code: "invalid" });
  return found;
}

const BASE = "/repos/{owner}/{repo}/issues";

export const issues: Route[] = [
  { method: "GET", path: BASE, docs: "issues/issues#list-repository-issues", scopes: "repo", handle: list },
  { method: "POST", path: BASE, docs: "issues/issues#create-an-issue", handle: create },
  { method: "GET", path: `${BASE}/{issue_number}`, docs: "issues/issues#get-an-issue", scopes: "repo", handle: get },
  { method: "PATCH", path: `${BASE}/{issue_number}`, docs: "issues/issues#update-an-issue", handle: update },
];
