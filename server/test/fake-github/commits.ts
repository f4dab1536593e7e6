// Commits and trees in memory, with git's own blob digests. Real git comes with the git routes.
import { createHash } from "node:crypto";
import type { Commit, Repository } from "./model.ts";

type Author = Commit["author"];

/** The digest `git hash-object` prints. */
export function blobSha(data: Buffer): string {
  return createHash("sha1").update(`blob ${data.length}\0`).update(data).digest("hex");
}

export function treeSha(tree: Map<string, Buffer>, under = ""): string {
  const entries = [...tree]
    .filter(([path]) => path.startsWith(under))
    .map(([path, data]) => `${path} ${blobSha(data)}`);
  return createHash("sha1")
    .update(`tree ${under}\n${entries.sort().join("\n")}`)
    .digest("hex");
}

function record(repo: Repository, branch: string, made: Omit<Commit, "sha">): Commit {
  const digest = createHash("sha1");
  digest.update(JSON.stringify([treeSha(made.tree), made.parents, made.author, made.message, repo.commits.size]));
  const commit: Commit = { ...made, sha: digest.digest("hex") };
  repo.commits.set(commit.sha, commit);
  repo.branches.set(branch, commit.sha);
  repo.pushedAt = made.author.date;
  repo.updatedAt = made.author.date;
  return commit;
}

export function firstCommit(repo: Repository, files: Record<string, string>, author: Author): Commit {
  const tree = new Map(Object.entries(files).map(([path, text]) => [path, Buffer.from(text)]));
  return record(repo, repo.defaultBranch, { message: "Initial commit", author, parents: [], tree });
}

/** One file changed (data) or removed (null) on a branch; an empty repository starts here. */
export function commitOnto(
  repo: Repository,
  branch: string,
  change: { message: string; author: Author; path: string; data: Buffer | null },
): Commit {
  const parent = repo.commits.get(repo.branches.get(branch) ?? "");
  const tree = new Map(parent?.tree);
  if (change.data === null) tree.delete(change.path);
  else tree.set(change.path, change.data);
  const parents = parent === undefined ? [] : [parent.sha];
  return record(repo, branch, { message: change.message, author: change.author, parents, tree });
}

/** A branch, a tag, a full ref or a commit. */
export function resolveRef(repo: Repository, ref: string): Commit | undefined {
  const name = ref.replace(/^refs\/heads\//, "").replace(/^heads\//, "");
  const tagged = repo.releases.find((release) => release.tag === ref.replace(/^refs\/tags\//, ""));
  const sha = repo.branches.get(name) ?? (tagged === undefined ? name : tagged.target);
  return repo.commits.get(repo.branches.get(sha) ?? sha);
}

export function ancestors(repo: Repository, sha: string): string[] {
  const seen: string[] = [];
  const open = [sha];
  for (let next = open.shift(); next !== undefined; next = open.shift()) {
    if (seen.includes(next)) continue;
    seen.push(next);
    open.push(...(repo.commits.get(next)?.parents ?? []));
  }
  return seen;
}

export function mergeBase(repo: Repository, base: string, head: string): string | undefined {
  const reachable = new Set(ancestors(repo, base));
  return ancestors(repo, head).find((sha) => reachable.has(sha));
}
