// Users and organizations as JSON.
import { createHash } from "node:crypto";
import type { Account } from "../model.ts";
import type { World } from "../world.ts";

export function nodeId(kind: string, id: number): string {
  return Buffer.from(`0${kind.length}:${kind}${id}`).toString("base64");
}

export function iso(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d+Z$/, "Z");
}

/** "Simple User": what other objects embed. */
export function simpleUser(world: World, account: Account): Record<string, unknown> {
  const url = `${world.origins.api}/users/${account.login}`;
  return {
    login: account.login,
    id: account.id,
    node_id: nodeId(account.type, account.id),
    avatar_url: `https://avatars.githubusercontent.com/u/${account.id}?v=4`,
    gravatar_id: "",
    url,
    html_url: `${world.origins.web}/${account.login}`,
    followers_url: `${url}/followers`,
    following_url: `${url}/following{/other_user}`,
    gists_url: `${url}/gists{/gist_id}`,
    starred_url: `${url}/starred{/owner}{/repo}`,
    subscriptions_url: `${url}/subscriptions`,
    organizations_url: `${url}/orgs`,
    repos_url: `${url}/repos`,
    events_url: `${url}/events{/privacy}`,
    received_events_url: `${url}/received_events`,
    type: account.type,
    site_admin: false,
  };
}

export function publicUser(world: World, account: Account): Record<string, unknown> {
  const own = world.repositories.filter((repo) => repo.owner === account && !repo.private);
  return {
    ...simpleUser(world, account),
    name: account.name,
    company: null,
    blog: "",
    location: null,
    email: account.email,
    hireable: null,
    bio: null,
    twitter_username: null,
    public_repos: own.length,
    public_gists: 0,
    followers: 0,
    following: 0,
    created_at: iso(account.createdAt),
    updated_at: iso(account.createdAt),
  };
}

/** GET /user adds these when the token may read the profile (scope user or read:user). */
export function privateUser(world: World, account: Account): Record<string, unknown> {
  const own = world.repositories.filter((repo) => repo.owner === account && repo.private);
  return {
    ...publicUser(world, account),
    private_gists: 0,
    total_private_repos: own.length,
    owned_private_repos: own.length,
    disk_usage: 0,
    collaborators: 0,
    two_factor_authentication: true,
    plan: { name: "free", space: 976562499, collaborators: 0, private_repos: 10000 },
  };
}

export function noreply(account: Account): string {
  return account.email ?? `${account.id}+${account.login}@users.noreply.github.com`;
}

export function hashedToken(token: string): string {
  return createHash("sha256").update(token).digest("hex");
}
