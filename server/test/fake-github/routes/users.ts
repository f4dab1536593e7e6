// GET /user, /users/{username}, and the lists of repositories a person has.
import { hasScope, reaches, visible } from "../access.ts";
import type { Answer, Call, Route } from "../call.ts";
import { failure, json, notFound, page, signedIn } from "../call.ts";
import type { Account, Repository } from "../model.ts";
import { privateUser, publicUser } from "../shapes/account.ts";
import { repositoryJson } from "../shapes/repository.ts";
import { fullName } from "../world.ts";

function self(call: Call): Answer {
  const { user, token } = signedIn(call);
  const wide = token.kind !== "ghu" && hasScope(token, "user", "read:user");
  return json(200, wide ? privateUser(call.world, user) : publicUser(call.world, user), {
    lastModified: user.createdAt,
  });
}

function emails(call: Call): Answer {
  const { user, token } = signedIn(call);
  if (token.kind === "ghu" || !hasScope(token, "user", "user:email")) throw notFound(call);
  return json(
    200,
    user.email === null ? [] : [{ email: user.email, primary: true, verified: true, visibility: "private" }],
  );
}

function someone(call: Call): Answer {
  const account = call.world.account(call.params["username"] ?? "");
  if (account === undefined) throw notFound(call);
  return json(200, publicUser(call.world, account), { lastModified: account.createdAt });
}

function mine(call: Call): Answer {
  const { user } = signedIn(call);
  const { query } = call;
  const mixed = query.has("type") && (query.has("visibility") || query.has("affiliation"));
  if (mixed) {
    throw failure(422, "If you specify visibility or affiliation, you cannot specify type.", call.route.docs);
  }
  const found = call.world.repositories.filter(
    (repo) => belongs(repo, user, query) && visible(call.world, call.actor, repo),
  );
  // SAML-protected repositories are left out of lists; a header names their organizations (use-saml-sso, "partial-results").
  const closed = [...new Set(found.filter((repo) => repo.sso).map((repo) => repo.owner.id))];
  const answer = listed(
    call,
    found.filter((repo) => !repo.sso),
    "full_name",
  );
  if (closed.length === 0) return answer;
  return {
    ...answer,
    headers: { ...answer.headers, "X-GitHub-SSO": `partial-results; organizations=${closed.join(",")}` },
  };
}

/** owner, collaborator and organization_member are told apart by who owns the repository. */
function relationOf(repo: Repository, user: Account): string | null {
  if (repo.owner === user) return "owner";
  if (!repo.collaborators.has(user.login.toLowerCase())) return null;
  return repo.owner.type === "Organization" ? "organization_member" : "collaborator";
}

function belongs(repo: Repository, user: Account, query: URLSearchParams): boolean {
  const relation = relationOf(repo, user);
  if (relation === null) return false;
  const affiliations = query.get("affiliation")?.split(",") ?? ["owner", "collaborator", "organization_member"];
  const wanted = query.get("type") ?? query.get("visibility") ?? "all";
  if (wanted === "owner" || wanted === "member") return (relation === "owner") === (wanted === "owner");
  if (wanted === "public" || wanted === "private") return repo.private === (wanted === "private");
  return affiliations.includes(relation);
}

function theirs(call: Call): Answer {
  const account = call.world.account(call.params["username"] ?? "");
  if (account === undefined) throw notFound(call);
  const type = call.query.get("type") ?? "owner";
  const found = call.world.repositories.filter((repo) => {
    if (repo.private && !(call.actor.kind === "user" && visible(call.world, call.actor, repo))) return false;
    if (!reaches(call.actor, repo, "read")) return false;
    const own = repo.owner === account;
    const member = repo.collaborators.has(account.login.toLowerCase());
    return (own && type !== "member") || (!own && member && type !== "owner");
  });
  return listed(call, found, "full_name");
}

function listed(call: Call, repos: Repository[], defaultSort: string): Answer {
  const sort = call.query.get("sort") ?? defaultSort;
  const direction = call.query.get("direction") ?? (sort === "full_name" ? "asc" : "desc");
  const ordered = repos.toSorted((a, b) => compare(a, b, sort) * (direction === "desc" ? -1 : 1));
  return page(call, ordered, (repo) => repositoryJson(call.world, call.actor, repo));
}

function compare(a: Repository, b: Repository, sort: string): number {
  if (sort === "created") return a.createdAt - b.createdAt || a.id - b.id;
  if (sort === "updated") return a.updatedAt - b.updatedAt || a.id - b.id;
  if (sort === "pushed") return a.pushedAt - b.pushedAt || a.id - b.id;
  return fullName(a).toLowerCase() < fullName(b).toLowerCase() ? -1 : 1;
}

export const users: Route[] = [
  { method: "GET", path: "/user", docs: "users/users#get-the-authenticated-user", handle: self },
  {
    method: "GET",
    path: "/user/emails",
    docs: "users/emails#list-email-addresses-for-the-authenticated-user",
    scopes: "user, user:email",
    handle: emails,
  },
  {
    method: "GET",
    path: "/user/repos",
    docs: "repos/repos#list-repositories-for-the-authenticated-user",
    handle: mine,
  },
  { method: "GET", path: "/users/{username}", docs: "users/users#get-a-user", handle: someone },
  { method: "GET", path: "/users/{username}/repos", docs: "repos/repos#list-repositories-for-a-user", handle: theirs },
];
