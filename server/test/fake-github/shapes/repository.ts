// Repositories as JSON: the full form of GET /repos/{owner}/{repo}, and the shorter one of lists.
import { levelOf } from "../access.ts";
import type { Actor, Repository } from "../model.ts";
import type { World } from "../world.ts";
import { fullName } from "../world.ts";
import { iso, nodeId, simpleUser } from "./account.ts";

/** URL templates, in the order of the recorded answer. */
const LINKS: readonly [string, string][] = [
  ["forks_url", "/forks"],
  ["keys_url", "/keys{/key_id}"],
  ["collaborators_url", "/collaborators{/collaborator}"],
  ["teams_url", "/teams"],
  ["hooks_url", "/hooks"],
  ["issue_events_url", "/issues/events{/number}"],
  ["events_url", "/events"],
  ["assignees_url", "/assignees{/user}"],
  ["branches_url", "/branches{/branch}"],
  ["tags_url", "/tags"],
  ["blobs_url", "/git/blobs{/sha}"],
  ["git_tags_url", "/git/tags{/sha}"],
  ["git_refs_url", "/git/refs{/sha}"],
  ["trees_url", "/git/trees{/sha}"],
  ["statuses_url", "/statuses/{sha}"],
  ["languages_url", "/languages"],
  ["stargazers_url", "/stargazers"],
  ["contributors_url", "/contributors"],
  ["subscribers_url", "/subscribers"],
  ["subscription_url", "/subscription"],
  ["commits_url", "/commits{/sha}"],
  ["git_commits_url", "/git/commits{/sha}"],
  ["comments_url", "/comments{/number}"],
  ["issue_comment_url", "/issues/comments{/number}"],
  ["contents_url", "/contents/{+path}"],
  ["compare_url", "/compare/{base}...{head}"],
  ["merges_url", "/merges"],
  ["archive_url", "/{archive_format}{/ref}"],
  ["downloads_url", "/downloads"],
  ["issues_url", "/issues{/number}"],
  ["pulls_url", "/pulls{/number}"],
  ["milestones_url", "/milestones{/number}"],
  ["notifications_url", "/notifications{?since,all,participating}"],
  ["labels_url", "/labels{/name}"],
  ["releases_url", "/releases{/id}"],
  ["deployments_url", "/deployments"],
];

export function repositoryJson(world: World, actor: Actor, repo: Repository): Record<string, unknown> {
  const name = fullName(repo);
  const url = `${world.origins.api}/repos/${name}`;
  const html = `${world.origins.web}/${name}`;
  const host = new URL(world.origins.web).host;
  return {
    id: repo.id,
    node_id: nodeId("Repository", repo.id),
    name: repo.name,
    full_name: name,
    private: repo.private,
    owner: simpleUser(world, repo.owner),
    html_url: html,
    description: repo.description,
    fork: false,
    url,
    ...Object.fromEntries(LINKS.map(([key, path]) => [key, `${url}${path}`])),
    created_at: iso(repo.createdAt),
    updated_at: iso(repo.updatedAt),
    pushed_at: iso(repo.pushedAt),
    git_url: `git://${host}/${name}.git`,
    ssh_url: `git@${host}:${name}.git`,
    clone_url: `${html}.git`,
    svn_url: html,
    ...countsAndFlags(repo),
    ...(actor.kind === "user" ? { permissions: permissionsOf(actor, repo) } : {}),
  };
}

function countsAndFlags(repo: Repository): Record<string, unknown> {
  const open = [...repo.issues.values()].filter((issue) => issue.state === "open").length;
  return {
    homepage: null,
    size: 0,
    stargazers_count: 0,
    watchers_count: 0,
    language: null,
    has_issues: repo.issuesEnabled,
    has_projects: true,
    has_downloads: true,
    has_wiki: true,
    has_pages: false,
    forks_count: 0,
    mirror_url: null,
    archived: repo.archived,
    disabled: false,
    open_issues_count: open,
    license: null,
    allow_forking: true,
    is_template: false,
    web_commit_signoff_required: false,
    topics: [],
    visibility: repo.private ? "private" : "public",
    forks: 0,
    open_issues: open,
    watchers: 0,
    default_branch: repo.defaultBranch,
  };
}

function permissionsOf(actor: Actor, repo: Repository): Record<string, boolean> {
  const level = levelOf(actor, repo);
  const admin = level === "admin";
  const push = admin || level === "write";
  return { admin, maintain: admin, push, triage: push, pull: level !== null };
}

export function fullRepositoryJson(world: World, actor: Actor, repo: Repository): Record<string, unknown> {
  const pushes = levelOf(actor, repo) === "admin" || levelOf(actor, repo) === "write";
  const merging = {
    allow_squash_merge: true,
    allow_merge_commit: true,
    allow_rebase_merge: true,
    allow_auto_merge: false,
    delete_branch_on_merge: false,
    allow_update_branch: false,
    use_squash_pr_title_as_default: false,
  };
  return {
    ...repositoryJson(world, actor, repo),
    ...(actor.kind === "user" ? { temp_clone_token: "" } : {}),
    ...(pushes ? merging : {}),
    ...(repo.owner.type === "Organization" ? { organization: simpleUser(world, repo.owner) } : {}),
    network_count: 0,
    subscribers_count: 0,
  };
}
