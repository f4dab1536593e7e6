// Comments of an issue or a pull request.
import { repositoryFor } from "../access.ts";
import type { Answer, Call, Route } from "../call.ts";
import { invalid, json, jsonBody, notSupplied, page, signedIn, textField } from "../call.ts";
import type { Comment } from "../model.ts";
import { commentJson } from "../shapes/issue.ts";
import { issueOf } from "./issue-parts.ts";

function list(call: Call): Answer {
  const repo = repositoryFor(call);
  const issue = issueOf(call, repo);
  const since = Date.parse(call.query.get("since") ?? "");
  const kept = issue.comments.filter((comment) => Number.isNaN(since) || comment.updatedAt >= since);
  return page(call, kept, (comment) => commentJson(call.world, repo, issue, comment));
}

function create(call: Call): Answer {
  const repo = repositoryFor(call);
  const issue = issueOf(call, repo);
  const { user } = signedIn(call);
  const body = textField(call, jsonBody(call), "body");
  if (body === undefined) throw notSupplied(call, "body");
  if (body.trim() === "")
    throw invalid(call, {
      resource: "IssueComment",
      code: "unprocessable",
      field: "data",
      message: "Body cannot be blank",
    });
  const comment: Comment = { id: call.world.nextId(), user, body, createdAt: call.now, updatedAt: call.now };
  issue.comments.push(comment);
  issue.updatedAt = call.now;
  const shape = commentJson(call.world, repo, issue, comment);
  return json(201, shape, { headers: { Location: String(shape["url"]) } });
}

const PATH = "/repos/{owner}/{repo}/issues/{issue_number}/comments";

export const comments: Route[] = [
  { method: "GET", path: PATH, docs: "issues/comments#list-issue-comments", scopes: "repo", handle: list },
  { method: "POST", path: PATH, docs: "issues/comments#create-an-issue-comment", handle: create },
];
