// /repos/{owner}/{repo}/contents/{path}: read files and directories, create, update, delete (github-facts 3.10).
import { hasScope, repositoryFor } from "../access.ts";
import type { Answer, Call, Route } from "../call.ts";
import { failure, json, jsonBody, notFound, notSupplied, textField } from "../call.ts";
import { blobSha, commitOnto, resolveRef } from "../commits.ts";
import type { Commit, Repository } from "../model.ts";
import { noreply } from "../shapes/account.ts";
import { commitJson, dirJson, fileJson } from "../shapes/content.ts";

const MB = 1024 * 1024;
const DIR_LIMIT = 1000;

function read(call: Call): Answer {
  const repo = repositoryFor(call);
  const path = cleanPath(call);
  const ref = call.query.get("ref") ?? repo.defaultBranch;
  if (repo.commits.size === 0) throw failure(404, "This repository is empty.", call.route.docs);
  const commit = resolveRef(repo, ref);
  if (commit === undefined)
    throw failure(404, `No commit found for the ref ${ref}`, "https://docs.github.com/v3/repos/contents/");
  const data = commit.tree.get(path);
  const modified = { lastModified: repo.pushedAt };
  if (data !== undefined) return file(call, repo, { path, ref, data });
  const names = childrenOf(commit, path);
  if (names.length === 0 && path !== "") throw notFound(call);
  const entries = names.slice(0, DIR_LIMIT).map((name) => {
    const full = path === "" ? name : `${path}/${name}`;
    const inner = commit.tree.get(full);
    return inner === undefined
      ? dirJson(call.world, repo, commit, { path: full, ref })
      : fileJson(call.world, repo, { path: full, ref, data: inner });
  });
  if (call.media.param === "object")
    return json(200, { ...dirJson(call.world, repo, commit, { path, ref }), entries }, modified);
  return json(200, entries, modified);
}

function file(call: Call, repo: Repository, found: { path: string; ref: string; data: Buffer }): Answer {
  const { data } = found;
  const modified = { lastModified: repo.pushedAt };
  if (call.media.param === "raw") {
    return { status: 200, raw: { type: "application/vnd.github.v3.raw; charset=utf-8", data }, ...modified };
  }
  const large = data.length > MB;
  if (large && call.media.param !== "object") {
    throw failure(
      403,
      "This API returns blobs up to 1 MB in size. The requested blob is too large to fetch via the API, but you can use the Git Data API to request blobs up to 100 MB in size.",
      call.route.docs,
    );
  }
  const content = large ? { content: "", encoding: "none" } : { content: wrapped(data), encoding: "base64" };
  return json(200, withContent(fileJson(call.world, repo, found), content), modified);
}

function readme(call: Call): Answer {
  const repo = repositoryFor(call);
  const ref = call.query.get("ref") ?? repo.defaultBranch;
  const tree = resolveRef(repo, ref)?.tree ?? new Map<string, Buffer>();
  const path = [...tree.keys()].find((name) => /^readme(\.\w+)?$/i.test(name)) ?? "";
  const data = tree.get(path);
  if (data === undefined) throw notFound(call);
  return file(call, repo, { path, ref, data });
}

/** GitHub puts content and encoding before _links. */
function withContent(shape: Record<string, unknown>, content: Record<string, string>): Record<string, unknown> {
  const { _links, ...rest } = shape;
  return { ...rest, ...content, _links };
}

/** Base64 in lines of 60, as GitHub sends it. */
function wrapped(data: Buffer): string {
  return data.toString("base64").replaceAll(/.{1,60}/g, "$&\n");
}

function write(call: Call): Answer {
  const repo = repositoryFor(call, "write");
  const path = cleanPath(call);
  refuseWorkflow(call, path);
  const body = jsonBody(call);
  const message = textField(call, body, "message");
  const content = textField(call, body, "content");
  if (message === undefined) throw notSupplied(call, "message");
  if (content === undefined) throw notSupplied(call, "content");
  if (!isBase64(content)) throw failure(422, "content is not valid Base64", call.route.docs);
  const branch = branchOf(call, repo, body);
  const before = fileOn(repo, branch, path);
  checkSha(call, body, path, before);
  const data = Buffer.from(content, "base64");
  const commit = commitOnto(repo, branch, { message, author: author(call, body), path, data });
  const shape = {
    content: fileJson(call.world, repo, { path, ref: branch, data }),
    commit: commitJson(call.world, repo, commit),
  };
  return json(before === undefined ? 201 : 200, shape);
}

function remove(call: Call): Answer {
  const repo = repositoryFor(call, "write");
  const path = cleanPath(call);
  refuseWorkflow(call, path);
  // Octokit sends these in the query for DELETE; GitHub reads both.
  const body = { ...Object.fromEntries(call.query), ...jsonBody(call) };
  const message = textField(call, body, "message");
  if (message === undefined) throw notSupplied(call, "message");
  if (textField(call, body, "sha") === undefined) throw notSupplied(call, "sha");
  const branch = branchOf(call, repo, body);
  const before = fileOn(repo, branch, path);
  if (before === undefined) throw notFound(call);
  checkSha(call, body, path, before);
  const commit = commitOnto(repo, branch, { message, author: author(call, body), path, data: null });
  return json(200, { content: null, commit: commitJson(call.world, repo, commit) });
}

function checkSha(call: Call, body: Record<string, unknown>, path: string, before: Buffer | undefined): void {
  const sha = textField(call, body, "sha");
  if (before === undefined) {
    if (sha !== undefined && sha !== "") throw failure(409, `${path} does not match ${sha}`, call.route.docs);
    return;
  }
  if (sha === undefined) throw notSupplied(call, "sha");
  if (sha !== blobSha(before)) throw failure(409, `${path} does not match ${sha}`, call.route.docs);
}

function branchOf(call: Call, repo: Repository, body: Record<string, unknown>): string {
  const branch = textField(call, body, "branch")?.replace(/^refs\/heads\//, "") ?? repo.defaultBranch;
  if (repo.commits.size > 0 && !repo.branches.has(branch))
    throw failure(404, `Branch ${branch} not found`, call.route.docs);
  return branch;
}

function fileOn(repo: Repository, branch: string, path: string): Buffer | undefined {
  return repo.commits.get(repo.branches.get(branch) ?? "")?.tree.get(path);
}

/** An OAuth token needs the scope workflow; a GitHub App's permission was checked at the gate. */
function refuseWorkflow(call: Call, path: string): void {
  if (!path.startsWith(".github/workflows/") || call.actor.kind !== "user") return;
  if (call.actor.token.kind !== "ghu" && !hasScope(call.actor.token, "workflow")) throw notFound(call);
}

function author(call: Call, body: Record<string, unknown>): Commit["author"] {
  const user = call.actor.kind === "user" ? call.actor.user : undefined;
  const given = (body["committer"] ?? body["author"]) as { name?: string; email?: string } | undefined;
  return {
    name: given?.name ?? user?.name ?? user?.login ?? "",
    email: given?.email ?? (user === undefined ? "" : noreply(user)),
    date: call.now,
  };
}

function cleanPath(call: Call): string {
  const path = (call.params["path"] ?? "").replaceAll(/^\/+|\/+$/g, "");
  const climbs = path.split("/").some((part) => part === "." || part === ".." || (part === "" && path !== ""));
  if (climbs) throw failure(422, "path contains a malformed path component", call.route.docs);
  return path;
}

function childrenOf(commit: Commit, path: string): string[] {
  const prefix = path === "" ? "" : `${path}/`;
  const below = [...commit.tree.keys()].filter((name) => name.startsWith(prefix));
  return [...new Set(below.map((name) => name.slice(prefix.length).split("/")[0] ?? ""))].sort();
}

function isBase64(text: string): boolean {
  const bare = text.replaceAll(/[\r\n]/g, "");
  return bare.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(bare);
}

const PATH = "/repos/{owner}/{repo}/contents/{path}";

export const contents: Route[] = [
  {
    method: "GET",
    path: "/repos/{owner}/{repo}/readme",
    docs: "repos/contents#get-a-repository-readme",
    handle: readme,
  },
  { method: "GET", path: PATH, docs: "repos/contents#get-repository-content", handle: read },
  { method: "PUT", path: PATH, docs: "repos/contents#create-or-update-file-contents", handle: write },
  { method: "DELETE", path: PATH, docs: "repos/contents#delete-a-file", handle: remove },
];
