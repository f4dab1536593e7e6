// The root, /rate_limit, /zen and /meta: open to everybody.

import type { Answer, Call, Route } from "../call.ts";
import { json } from "../call.ts";
import { identityKey } from "../identity.ts";

function rateLimit(call: Call): Answer {
  const of = (resource: string): object => call.world.rate.count(identityKey(call.actor), resource, 0);
  const core = of("core");
  return json(200, { resources: { core, search: of("search"), graphql: of("graphql") }, rate: core });
}

function zen(): Answer {
  return { status: 200, raw: { type: "text/plain;charset=utf-8", data: Buffer.from("Keep it logically awesome.") } };
}

function meta(call: Call): Answer {
  return json(200, {
    verifiable_password_authentication: false,
    hooks: ["127.0.0.0/8"],
    web: ["127.0.0.0/8"],
    api: ["127.0.0.0/8"],
    git: ["127.0.0.0/8"],
    domains: { website: [new URL(call.world.origins.web).host] },
  });
}

/** The recorded root, as templates under our own origins. */
const ROOT: Record<string, string> = {
  current_user_url: "/user",
  current_user_authorizations_html_url: "web:/settings/connections/applications{/client_id}",
  authorizations_url: "/authorizations",
  code_search_url: "/search/code?q={query}{&page,per_page,sort,order}",
  commit_search_url: "/search/commits?q={query}{&page,per_page,sort,order}",
  emails_url: "/user/emails",
  emojis_url: "/emojis",
  events_url: "/events",
  feeds_url: "/feeds",
  followers_url: "/user/followers",
  following_url: "/user/following{/target}",
  gists_url: "/gists{/gist_id}",
  hub_url: "/hub",
  issue_search_url: "/search/issues?q={query}{&page,per_page,sort,order}",
  issues_url: "/issues",
  keys_url: "/user/keys",
  label_search_url: "/search/labels?q={query}&repository_id={repository_id}{&page,per_page}",
  notifications_url: "/notifications",
  organization_url: "/orgs/{org}",
  organization_repositories_url: "/orgs/{org}/repos{?type,page,per_page,sort}",
  organization_teams_url: "/orgs/{org}/teams",
  public_gists_url: "/gists/public",
  rate_limit_url: "/rate_limit",
  repository_url: "/repos/{owner}/{repo}",
  repository_search_url: "/search/repositories?q={query}{&page,per_page,sort,order}",
  current_user_repositories_url: "/user/repos{?type,page,per_page,sort}",
  starred_url: "/user/starred{/owner}{/repo}",
  starred_gists_url: "/gists/starred",
  topic_search_url: "/search/topics?q={query}{&page,per_page}",
  user_url: "/users/{user}",
  user_organizations_url: "/user/orgs",
  user_repositories_url: "/users/{user}/repos{?type,page,per_page,sort}",
  user_search_url: "/search/users?q={query}{&page,per_page,sort,order}",
};

function root(call: Call): Answer {
  const { api, web } = call.world.origins;
  const entries = Object.entries(ROOT).map(([name, path]) => [
    name,
    path.startsWith("web:") ? `${web}${path.slice(4)}` : `${api}${path}`,
  ]);
  return json(200, Object.fromEntries(entries));
}

export const metaRoutes: Route[] = [
  { method: "GET", path: "/", docs: "meta/meta#github-api-root", handle: root },
  {
    method: "GET",
    path: "/rate_limit",
    docs: "rate-limit/rate-limit#get-rate-limit-status-for-the-authenticated-user",
    handle: rateLimit,
  },
  { method: "GET", path: "/zen", docs: "meta/meta#get-the-zen-of-github", handle: zen },
  { method: "GET", path: "/meta", docs: "meta/meta#get-apiname-meta-information", handle: meta },
];
