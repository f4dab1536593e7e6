// Labels of a repository and of an issue.
import { repositoryFor } from "../access.ts";
import type { Answer, Call, Route } from "../call.ts";
import { invalid, json, jsonBody, page, textField } from "../call.ts";
import type { Label } from "../model.ts";
import { labelJson } from "../shapes/issue.ts";
import { issueOf, labelsIn } from "./issue-parts.ts";

function list(call: Call): Answer {
  const repo = repositoryFor(call);
  return page(call, repo.labels, (label) => labelJson(call.world, repo, label));
}

function create(call: Call): Answer {
  const repo = repositoryFor(call, "write");
  const body = jsonBody(call);
  const name = textField(call, body, "name");
  const color = textField(call, body, "color") ?? "ededed";
  if (name === undefined) throw invalid(call, { resource: "Label", code: "missing_field", field: "name" });
  if (!/^[0-9a-fA-F]{6}$/.test(color)) throw invalid(call, { resource: "Label", code: "invalid", field: "color" });
  const taken = repo.labels.some((label) => label.name.toLowerCase() === name.toLowerCase());
  if (taken) throw invalid(call, { resource: "Label", code: "already_exists", field: "name" });
  const made: Label = {
    id: call.world.nextId(),
    name,
    color,
    description: textField(call, body, "description") ?? null,
  };
  repo.labels.push(made);
  const shape = labelJson(call.world, repo, made);
  return json(201, shape, { headers: { Location: String(shape["url"]) } });
}

function ofIssue(call: Call): Answer {
  const repo = repositoryFor(call);
  return page(call, issueOf(call, repo).labels, (label) => labelJson(call.world, repo, label));
}

function addToIssue(call: Call): Answer {
  const repo = repositoryFor(call, "write");
  const issue = issueOf(call, repo);
  issue.labels = [...new Set([...issue.labels, ...labelsIn(call, repo, jsonBody(call))])];
  issue.updatedAt = call.now;
  return json(
    200,
    issue.labels.map((label) => labelJson(call.world, repo, label)),
  );
}

const ISSUE_LABELS = "/repos/{owner}/{repo}/issues/{issue_number}/labels";

export const labels: Route[] = [
  {
    method: "GET",
    path: "/repos/{owner}/{repo}/labels",
    docs: "issues/labels#list-labels-for-a-repository",
    scopes: "repo",
    handle: list,
  },
  { method: "POST", path: "/repos/{owner}/{repo}/labels", docs: "issues/labels#create-a-label", handle: create },
  {
    method: "GET",
    path: ISSUE_LABELS,
    docs: "issues/labels#list-labels-for-an-issue",
    scopes: "repo",
    handle: ofIssue,
  },
  { method: "POST", path: ISSUE_LABELS, docs: "issues/labels#add-labels-to-an-issue", handle: addToIssue },
];
