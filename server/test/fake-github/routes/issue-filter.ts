// The filters and orders of "list repository issues", pull requests included.

import type { Call } from "../call.ts";
import { invalid } from "../call.ts";
import type { Issue, Repository } from "../model.ts";

export function filterIssues(call: Call, repo: Repository): Issue[] {
  const query = call.query;
  const state = query.get("state") ?? "open";
  const labels = (query.get("labels") ?? "").split(",").filter((name) => name !== "");
  const since = Date.parse(query.get("since") ?? "");
  if (query.has("since") && Number.isNaN(since))
    throw invalid(call, { resource: "Issue", code: "invalid", field: "since" });
  const assigned = query.get("assignee");
  const creator = query.get("creator");
  const kept = [...repo.issues.values()].filter((issue) => {
    if (state !== "all" && issue.state !== state) return false;
    if (!labels.every((name) => issue.labels.some((label) => label.name.toLowerCase() === name.toLowerCase())))
      return false;
    if (!Number.isNaN(since) && issue.updatedAt < since) return false;
    if (creator !== null && issue.user.login.toLowerCase() !== creator.toLowerCase()) return false;
    return matchesAssignee(issue, assigned) && matchesMilestone(call, issue);
  });
  return ordered(kept, query);
}

function matchesAssignee(issue: Issue, wanted: string | null): boolean {
  if (wanted === null) return true;
  if (wanted === "*") return issue.assignees.length > 0;
  if (wanted === "none") return issue.assignees.length === 0;
  return issue.assignees.some((user) => user.login.toLowerCase() === wanted.toLowerCase());
}

function matchesMilestone(call: Call, issue: Issue): boolean {
  const wanted = call.query.get("milestone");
  if (wanted === null) return true;
  if (wanted === "*") return issue.milestone !== null;
  if (wanted === "none") return issue.milestone === null;
  if (!/^\d+$/.test(wanted))
    throw invalid(call, { value: wanted, resource: "Issue", field: "milestone", code: "invalid" });
  return issue.milestone?.number === Number(wanted);
}

/** Newest first unless asked otherwise; equal keys fall back to the number. */
export function ordered(issues: Issue[], query: URLSearchParams): Issue[] {
  const sort = query.get("sort") ?? "created";
  const sign = query.get("direction") === "asc" ? 1 : -1;
  const key = (issue: Issue): number => {
    if (sort === "updated") return issue.updatedAt;
    if (sort === "comments") return issue.comments.length;
    return issue.createdAt;
  };
  return issues.toSorted((a, b) => sign * (key(a) - key(b) || a.number - b.number));
}
