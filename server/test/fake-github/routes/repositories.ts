// GET and PATCH /repos/{owner}/{repo}, archives, and who may do what in it.
import { repositoryFor } from "../access.ts";
import type { Answer, Call, Route } from "../call.ts";
import { invalid, json, jsonBody, notFound, textField } from "../call.ts";
import { resolveRef } from "../commits.ts";
import { simpleUser } from "../shapes/account.ts";
import { fullRepositoryJson } from "../shapes/repository.ts";
import { fullName } from "../world.ts";

function get(call: Call): Answer {
  const repo = repositoryFor(call);
  return json(200, fullRepositoryJson(call.world, call.actor, repo), { lastModified: repo.updatedAt });
}

function update(call: Call): Answer {
  const repo = repositoryFor(call, "admin");
  const body = jsonBody(call);
  const name = textField(call, body, "name");
  if (name !== undefined && name !== repo.name) {
    const taken = call.world.repository(repo.owner.login, name);
    const message = "name already exists on this account";
    if (taken !== undefined) throw invalid(call, { resource: "Repository", code: "custom", field: "name", message });
    call.world.rename(repo, name);
  }
  if ("description" in body) repo.description = textField(call, body, "description") ?? null;
  if (typeof body["private"] === "boolean") repo.private = body["private"];
  if (typeof body["archived"] === "boolean") repo.archived = body["archived"];
  if (typeof body["has_issues"] === "boolean") repo.issuesEnabled = body["has_issues"];
  repo.updatedAt = call.now;
  const { temp_clone_token: _, ...shape } = fullRepositoryJson(call.world, call.actor, repo);
  return json(200, shape);
}

/** 302 to another host, which must never see our token (github-facts 3.10). */
function archive(call: Call): Answer {
  const repo = repositoryFor(call);
  const ref = call.params["ref"] === "" ? repo.defaultBranch : (call.params["ref"] ?? repo.defaultBranch);
  const commit = resolveRef(repo, ref);
  if (commit === undefined) throw notFound(call);
  const kind = call.route.path.includes("/zipball/") ? "legacy.zip" : "legacy.tar.gz";
  const full = repo.branches.has(ref) ? `refs/heads/${ref}` : ref;
  const path = `/${fullName(repo)}/${kind}/${full}`;
  const token = repo.private ? `?token=${call.world.downloadToken(path)}` : "";
  return {
    status: 302,
    foreign: true,
    raw: { type: "text/html;charset=utf-8", data: Buffer.alloc(0) },
    headers: {
      Location: `${call.world.origins.storage}${path}${token}`,
      "Cache-Control": "public, must-revalidate, max-age=0",
      Expires: new Date(call.now).toUTCString(),
    },
  };
}

function permissionOf(call: Call): Answer {
  const repo = repositoryFor(call, "write");
  const user = call.world.account(call.params["username"] ?? "");
  if (user === undefined) throw notFound(call);
  const own =
    user === repo.owner
      ? "admin"
      : (repo.collaborators.get(user.login.toLowerCase()) ?? (repo.private ? "none" : "read"));
  return json(200, { permission: own, user: simpleUser(call.world, user), role_name: own });
}

export const repositories: Route[] = [
  { method: "GET", path: "/repos/{owner}/{repo}", docs: "repos/repos#get-a-repository", scopes: "repo", handle: get },
  { method: "PATCH", path: "/repos/{owner}/{repo}", docs: "repos/repos#update-a-repository", handle: update },
  {
    method: "GET",
    path: "/repos/{owner}/{repo}/tarball/{ref}",
    docs: "repos/contents#download-a-repository-archive-tar",
    handle: archive,
  },
  {
    method: "GET",
    path: "/repos/{owner}/{repo}/zipball/{ref}",
    docs: "repos/contents#download-a-repository-archive-zip",
    handle: archive,
  },
  {
    method: "GET",
    path: "/repos/{owner}/{repo}/collaborators/{username}/permission",
    docs: "collaborators/collaborators#get-repository-permissions-for-a-user",
    scopes: "repo",
    handle: permissionOf,
  },
];
