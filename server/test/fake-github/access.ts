// Decides whether this caller reaches this repository, and how GitHub says no: 404, 403, 301 or 401 (github-facts 3.9).

import type { Call } from "./call.ts";
import { Failure, failure, notFound } from "./call.ts";
import type { Actor, Installation, Repository, Token } from "./model.ts";
import { PERMISSION_SETS } from "./permissions.data.ts";
import type { Level } from "./types.ts";
import type { World } from "./world.ts";

const RANK: Record<Level, number> = { read: 1, write: 2, admin: 3 };

export function isRead(method: string): boolean {
  return method === "GET" || method === "HEAD";
}

/** What the person may do, whatever their token says. */
export function levelOf(actor: Actor, repo: Repository): Level | null {
  if (actor.kind !== "user") return repo.private ? null : "read";
  if (actor.user === repo.owner) return "admin";
  return repo.collaborators.get(actor.user.login.toLowerCase()) ?? (repo.private ? null : "read");
}

export function reaches(actor: Actor, repo: Repository, level: Level): boolean {
  const own = levelOf(actor, repo);
  return own !== null && RANK[own] >= RANK[level];
}

export function hasScope(token: Token, ...anyOf: string[]): boolean {
  return anyOf.some((scope) => token.scopes.includes(scope));
}

/** A GitHub App's user token sees installations of that app intersected with what the user sees. */
function installationOf(world: World, actor: Actor, repo: Repository): Installation | undefined {
  if (actor.kind !== "user" || actor.token.kind !== "ghu" || actor.token.client === null) return undefined;
  const narrowed = actor.token.repositoryIds;
  if (narrowed !== null && !narrowed.includes(repo.id)) return undefined;
  return world.installationFor(actor.token.client, repo);
}

export function visible(world: World, actor: Actor, repo: Repository): boolean {
  if (levelOf(actor, repo) === null) return false;
  if (actor.kind !== "user") return !repo.private;
  if (actor.token.kind !== "ghu") return !repo.private || hasScope(actor.token, "repo");
  if (installationOf(world, actor, repo) !== undefined) return true;
  return !repo.private && world.options.appTokensReadPublic === true;
}

/** The repository a route is about, or the refusal GitHub would give. */
export function repositoryFor(call: Call, level: Level = "read"): Repository {
  const { owner = "", repo: name = "" } = call.params;
  const found = call.world.repository(owner, name);
  const moved = found === undefined ? call.world.moved(owner, name) : undefined;
  if (moved !== undefined && visible(call.world, call.actor, moved)) throw movedTo(call, moved);
  if (found === undefined || !visible(call.world, call.actor, found)) throw notFound(call);
  refuseRestricted(call, found);
  requirePermission(call, found);
  if (!isRead(call.method)) requireWriter(call, found);
  if (!reaches(call.actor, found, level)) throw tooLow(call, level);
  return found;
}

/** Recorded: 301 for reads, 307 for writes, both to /repositories/{id} with what followed. */
function movedTo(call: Call, repo: Repository): Failure {
  const rest = call.ask.url.replace(/^\/repos\/[^/?]+\/[^/?]+/, "");
  const url = `${call.world.origins.api}/repositories/${repo.id}${rest}`;
  const body = { message: "Moved Permanently", url, documentation_url: "https://docs.github.com/v3/#http-redirects" };
  return new Failure(isRead(call.method) ? 301 : 307, body, { Location: url });
}

function refuseRestricted(call: Call, repo: Repository): void {
  if (call.actor.kind !== "user") return;
  const { token } = call.actor;
  if (repo.sso) {
    const url = `${call.world.origins.web}/orgs/${repo.owner.login}/sso?authorization_request=${call.now.toString(36).toUpperCase()}`;
    const kind = token.kind === "ghp" ? "Personal Access token" : "OAuth token";
    throw failure(
      403,
      `Resource protected by organization SAML enforcement. You must grant your ${kind} access to this organization.`,
      "https://docs.github.com/articles/authenticating-to-a-github-organization-with-saml-single-sign-on/",
      { "X-GitHub-SSO": `required; url=${url}` },
    );
  }
  if (repo.oauthAppRestricted && token.kind === "gho") {
    throw failure(
      403,
      `Although you appear to have the correct authorization credentials, the \`${repo.owner.login}\` organization has enabled OAuth App access restrictions, meaning that data access to third-parties is limited. For more information on these restrictions, including how to enable this app, visit https://docs.github.com/articles/restricting-access-to-your-organization-s-data/`,
      call.route.docs,
    );
  }
}

/** The gate of a GitHub App's user token: the installation's permissions against the published sets. */
function requirePermission(call: Call, repo: Repository): void {
  if (call.actor.kind !== "user" || call.actor.token.kind !== "ghu") return;
  const installation = installationOf(call.world, call.actor, repo);
  const sets = permissionSets(call);
  if (installation === undefined) {
    // Seen only because it is public: reads pass, writes do not.
    if (isRead(call.method)) return;
    throw notByIntegration(call, sets);
  }
  const granted = call.actor.token.permissions ?? installation.permissions;
  if (sets.length === 0 || sets.some((set) => set.every((wanted) => covers(granted, wanted)))) return;
  throw notByIntegration(call, sets);
}

function permissionSets(call: Call): readonly (readonly string[])[] {
  const method = call.route.method;
  const path = call.route.path;
  if (path === "/repos/{owner}/{repo}/pulls/{pull_number}") {
    // probot/probot#1203: diff and patch media need contents as well; JSON with contents alone was reported to get 403.
    const diff = call.media.param === "diff" || call.media.param === "patch";
    return diff ? [["pull_requests:read", "contents:read"]] : [["pull_requests:read"]];
  }
  if (
    path.endsWith("/contents/{path}") &&
    method !== "GET" &&
    (call.params["path"] ?? "").startsWith(".github/workflows/")
  ) {
    return [["contents:write", "workflows:write"]];
  }
  return PERMISSION_SETS[`${method} ${path}`] ?? [];
}

function covers(granted: Record<string, Level>, wanted: string): boolean {
  const [name = "", level = "read"] = wanted.split(":");
  const held = granted[name] ?? (name === "metadata" ? "read" : undefined);
  return held !== undefined && RANK[held] >= (level === "read" ? 1 : RANK[level as Level]);
}

/** Comma is AND, semicolon is OR (github-facts 1.1). */
function notByIntegration(call: Call, sets: readonly (readonly string[])[]): Failure {
  const accepted = sets.map((set) => set.map((one) => one.replace(":", "=")).join(",")).join("; ");
  const headers = accepted === "" ? {} : { "X-Accepted-GitHub-Permissions": accepted };
  return failure(403, "Resource not accessible by integration", call.route.docs, headers);
}

function requireWriter(call: Call, repo: Repository): void {
  if (call.actor.kind !== "user") throw failure(401, "Requires authentication", call.route.docs);
  const { token } = call.actor;
  if (token.kind !== "ghu" && !hasScope(token, "repo", ...(repo.private ? [] : ["public_repo"]))) throw notFound(call);
  if (repo.archived) throw failure(403, "Repository was archived so is read-only.", call.route.docs);
}

function tooLow(call: Call, level: Level): Failure {
  if (level === "admin") return failure(403, "Must have admin rights to Repository.", call.route.docs);
  const app = call.actor.kind === "user" && call.actor.token.kind === "ghu";
  return app ? notByIntegration(call, permissionSets(call)) : notFound(call);
}
