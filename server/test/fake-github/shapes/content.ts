// Files, directories and commits as JSON.
import { blobSha, treeSha } from "../commits.ts";
import type { Commit, Repository } from "../model.ts";
import type { World } from "../world.ts";
import { fullName } from "../world.ts";
import { iso, nodeId } from "./account.ts";

interface Place {
  path: string;
  ref: string;
}

function links(world: World, repo: Repository, place: Place, git: string): Record<string, string> {
  const kind = git.includes("/git/blobs/") ? "blob" : "tree";
  const path = place.path.split("/").map(encodeURIComponent).join("/");
  return {
    self: `${world.origins.api}/repos/${fullName(repo)}/contents/${path}?ref=${encodeURIComponent(place.ref)}`,
    git,
    html: `${world.origins.web}/${fullName(repo)}/${kind}/${place.ref}/${path}`,
  };
}

export function fileJson(world: World, repo: Repository, found: Place & { data: Buffer }): Record<string, unknown> {
  const sha = blobSha(found.data);
  const git = `${world.origins.api}/repos/${fullName(repo)}/git/blobs/${sha}`;
  const all = links(world, repo, found, git);
  const raw = `/${fullName(repo)}/${found.ref}/${found.path.split("/").map(encodeURIComponent).join("/")}`;
  const token = repo.private ? `?token=${world.downloadToken(raw)}` : "";
  return {
    name: found.path.split("/").at(-1),
    path: found.path,
    sha,
    size: found.data.length,
    url: all["self"],
    html_url: all["html"],
    git_url: git,
    download_url: `${world.origins.storage}${raw}${token}`,
    type: "file",
    _links: all,
  };
}

export function dirJson(world: World, repo: Repository, commit: Commit, place: Place): Record<string, unknown> {
  const sha = treeSha(commit.tree, place.path === "" ? "" : `${place.path}/`);
  const git = `${world.origins.api}/repos/${fullName(repo)}/git/trees/${sha}`;
  const all = links(world, repo, place, git);
  return {
    name: place.path.split("/").at(-1),
    path: place.path,
    sha,
    size: 0,
    url: all["self"],
    html_url: all["html"],
    git_url: git,
    download_url: null,
    type: "dir",
    _links: all,
  };
}

export function commitJson(world: World, repo: Repository, commit: Commit): Record<string, unknown> {
  const base = `${world.origins.api}/repos/${fullName(repo)}/git`;
  const html = `${world.origins.web}/${fullName(repo)}/commit`;
  const signature = { name: commit.author.name, email: commit.author.email, date: iso(commit.author.date) };
  const tree = treeSha(commit.tree);
  return {
    sha: commit.sha,
    node_id: nodeId("Commit", commit.tree.size),
    url: `${base}/commits/${commit.sha}`,
    html_url: `${html}/${commit.sha}`,
    author: signature,
    committer: signature,
    tree: { sha: tree, url: `${base}/trees/${tree}` },
    message: commit.message,
    parents: commit.parents.map((sha) => ({ sha, url: `${base}/commits/${sha}`, html_url: `${html}/${sha}` })),
    verification: { verified: false, reason: "unsigned", signature: null, payload: null },
  };
}
