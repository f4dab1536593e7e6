// Branches and refs: enough to cut a branch for a pull request. The git data API proper comes with git.
import { repositoryFor } from "../access.ts";
import type { Answer, Call, Route } from "../call.ts";
import { failure, json, jsonBody, notFound, page, textField } from "../call.ts";
import { ancestors, resolveRef } from "../commits.ts";
import type { Commit, Repository } from "../model.ts";
import { nodeId } from "../shapes/account.ts";
import { commitJson } from "../shapes/content.ts";
import { fullName } from "../world.ts";

function refJson(call: Call, repo: Repository, branch: string): Record<string, unknown> {
  const base = `${call.world.origins.api}/repos/${fullName(repo)}/git`;
  const sha = repo.branches.get(branch) ?? "";
  return {
    ref: `refs/heads/${branch}`,
    node_id: nodeId("Ref", repo.id),
    url: `${base}/refs/heads/${branch}`,
    object: { sha, type: "commit", url: `${base}/commits/${sha}` },
  };
}

function branchName(ref: string): string {
  return ref.replace(/^refs\//, "").replace(/^heads\//, "");
}

function getRef(call: Call): Answer {
  const repo = repositoryFor(call);
  const branch = branchName(call.params["ref"] ?? "");
  if (!repo.branches.has(branch)) throw notFound(call);
  return json(200, refJson(call, repo, branch));
}

function createRef(call: Call): Answer {
  const repo = repositoryFor(call, "write");
  const body = jsonBody(call);
  const ref = textField(call, body, "ref") ?? "";
  const sha = textField(call, body, "sha") ?? "";
  if (!/^refs\/heads\/.+/.test(ref))
    throw failure(
      422,
      "Reference name must start with 'refs/' and contain at least three components.",
      call.route.docs,
    );
  if (!repo.commits.has(sha)) throw failure(422, "Object does not exist", call.route.docs);
  const branch = branchName(ref);
  if (repo.branches.has(branch)) throw failure(422, "Reference already exists", call.route.docs);
  repo.branches.set(branch, sha);
  const shape = refJson(call, repo, branch);
  return json(201, shape, { headers: { Location: String(shape["url"]) } });
}

function deleteRef(call: Call): Answer {
  const repo = repositoryFor(call, "write");
  const branch = branchName(call.params["ref"] ?? "");
  if (!repo.branches.delete(branch)) throw failure(422, "Reference does not exist", call.route.docs);
  return { status: 204 };
}

function branchJson(call: Call, repo: Repository, branch: string): Record<string, unknown> {
  const sha = repo.branches.get(branch) ?? "";
  const url = `${call.world.origins.api}/repos/${fullName(repo)}/commits/${sha}`;
  return { name: branch, commit: { sha, url }, protected: false };
}

function branches(call: Call): Answer {
  const repo = repositoryFor(call);
  return page(call, [...repo.branches.keys()].sort(), (branch) => branchJson(call, repo, branch));
}

function oneBranch(call: Call): Answer {
  const repo = repositoryFor(call);
  const name = call.params["branch"] ?? "";
  if (!repo.branches.has(name)) throw failure(404, "Branch not found", call.route.docs);
  return json(200, branchJson(call, repo, name));
}

function commitShape(call: Call, repo: Repository, commit: Commit): Record<string, unknown> {
  const { sha, node_id, html_url, parents, ...inner } = commitJson(call.world, repo, commit);
  const url = `${call.world.origins.api}/repos/${fullName(repo)}/commits/${commit.sha}`;
  return {
    sha,
    node_id,
    commit: { ...inner, comment_count: 0 },
    url,
    html_url,
    comments_url: `${url}/comments`,
    author: null,
    committer: null,
    parents,
  };
}

function commits(call: Call): Answer {
  const repo = repositoryFor(call);
  if (repo.commits.size === 0) throw failure(409, "Git Repository is empty.", call.route.docs);
  const start = resolveRef(repo, call.query.get("sha") ?? repo.defaultBranch);
  if (start === undefined) throw notFound(call);
  const history = ancestors(repo, start.sha).flatMap((sha) => repo.commits.get(sha) ?? []);
  return page(call, history, (commit) => commitShape(call, repo, commit));
}

function oneCommit(call: Call): Answer {
  const repo = repositoryFor(call);
  const found = resolveRef(repo, call.params["ref"] ?? "");
  if (found === undefined) throw failure(422, `No commit found for SHA: ${call.params["ref"]}`, call.route.docs);
  return json(200, commitShape(call, repo, found));
}

const REPO = "/repos/{owner}/{repo}";

export const refs: Route[] = [
  { method: "GET", path: `${REPO}/git/ref/{ref}`, docs: "git/refs#get-a-reference", handle: getRef },
  { method: "POST", path: `${REPO}/git/refs`, docs: "git/refs#create-a-reference", handle: createRef },
  { method: "DELETE", path: `${REPO}/git/refs/{ref}`, docs: "git/refs#delete-a-reference", handle: deleteRef },
  { method: "GET", path: `${REPO}/branches`, docs: "branches/branches#list-branches", handle: branches },
  { method: "GET", path: `${REPO}/branches/{branch}`, docs: "branches/branches#get-a-branch", handle: oneBranch },
  { method: "GET", path: `${REPO}/commits`, docs: "commits/commits#list-commits", handle: commits },
  { method: "GET", path: `${REPO}/commits/{ref}`, docs: "commits/commits#get-a-commit", handle: oneCommit },
];
