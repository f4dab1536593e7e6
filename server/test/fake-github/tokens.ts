// Tokens as GitHub keeps them: expiry, single-use refresh, eviction (github-facts 3.1).
import { randomBytes } from "node:crypto";
import type { Account, Client, Token } from "./model.ts";
import type { Level } from "./types.ts";

const ACCESS_LIFE_S = 28_800;
const REFRESH_LIFE_S = 15_811_200;
const MAX_PER_USER_APP_SCOPE = 10;

interface Grant {
  user: Account;
  client: Client;
  scopes: string[];
  family?: string;
  repositoryIds?: number[] | null;
  permissions?: Record<string, Level> | null;
  fromDevice?: boolean;
}

export class TokenStore {
  readonly #clock: { now(): number };
  readonly #all: Token[] = [];

  constructor(clock: { now(): number }) {
    this.#clock = clock;
  }

  issue(grant: Grant): Token {
    const now = this.#clock.now();
    const app = grant.client.kind === "github-app";
    const kind = app ? "ghu" : "gho";
    const expiring = grant.client.expiring;
    const token: Token = {
      id: this.#all.length + 1,
      kind,
      access: `${kind}_${secret(36)}`,
      refresh: expiring ? `ghr_${secret(76)}` : null,
      user: grant.user,
      client: grant.client,
      scopes: app ? [] : [...grant.scopes],
      createdAt: now,
      accessExpiresAt: expiring ? now + ACCESS_LIFE_S * 1000 : null,
      refreshExpiresAt: expiring ? now + REFRESH_LIFE_S * 1000 : null,
      dead: false,
      family: grant.family ?? secret(12),
      repositoryIds: grant.repositoryIds ?? null,
      permissions: grant.permissions ?? null,
      fromDevice: grant.fromDevice ?? false,
    };
    this.#all.push(token);
    if (!app) this.#evict(token);
    return token;
  }

  personal(user: Account, scopes: string[], expiresAt: number | null): Token {
    const token: Token = {
      id: this.#all.length + 1,
      kind: "ghp",
      access: `ghp_${secret(36)}`,
      refresh: null,
      user,
      client: null,
      scopes: [...scopes],
      createdAt: this.#clock.now(),
      accessExpiresAt: expiresAt,
      refreshExpiresAt: null,
      dead: false,
      family: secret(12),
      repositoryIds: null,
      permissions: null,
      fromDevice: false,
    };
    this.#all.push(token);
    return token;
  }

  /** oauth-token-limit: the 11th token of one user, app and scope set revokes the oldest. */
  #evict(latest: Token): void {
    const scopes = scopeKey(latest.scopes);
    const same = this.#all.filter(
      (token) =>
        !token.dead &&
        token.user === latest.user &&
        token.client === latest.client &&
        scopeKey(token.scopes) === scopes,
    );
    for (const token of same.slice(0, Math.max(0, same.length - MAX_PER_USER_APP_SCOPE))) token.dead = true;
  }

  /** token/scoped: another access token beside the parent, with its expiry and without a refresh token. */
  narrowed(parent: Token, repositoryIds: number[] | null, permissions: Record<string, Level> | null): Token {
    const token: Token = {
      ...parent,
      id: this.#all.length + 1,
      access: `${parent.kind}_${secret(36)}`,
      refresh: null,
      refreshExpiresAt: null,
      createdAt: this.#clock.now(),
      repositoryIds,
      permissions,
    };
    this.#all.push(token);
    return token;
  }

  find(access: string): Token | undefined {
    return this.#all.find((token) => token.access === access && this.accessLives(token));
  }

  accessLives(token: Token): boolean {
    return !token.dead && (token.accessExpiresAt === null || token.accessExpiresAt > this.#clock.now());
  }

  refreshLives(token: Token): boolean {
    return !token.dead && token.refresh !== null && (token.refreshExpiresAt ?? 0) > this.#clock.now();
  }

  /** Using a refresh token kills it and the access token it came with. */
  rotate(client: Client, refresh: string): Token | undefined {
    const old = this.byRefresh(client, refresh);
    if (old === undefined) return undefined;
    if (!this.refreshLives(old)) {
      if (client.reuseRevokesFamily) this.#killFamily(old.family);
      return undefined;
    }
    old.dead = true;
    return this.issue({ ...old, client, family: old.family });
  }

  byRefresh(client: Client, refresh: string): Token | undefined {
    return this.#all.find((token) => token.client === client && token.refresh === refresh);
  }

  /** Dead or alive: what the call log names a token by. */
  known(access: string): Token | undefined {
    return this.#all.find((token) => token.access === access || token.refresh === access);
  }

  #killFamily(family: string): void {
    for (const token of this.#all) if (token.family === family) token.dead = true;
  }

  ofUser(user: Account, client: Client | null): Token[] {
    return this.#all.filter((token) => token.user === user && (client === null || token.client === client));
  }

  live(user: Account, client: Client | null): Token[] {
    return this.ofUser(user, client).filter((token) => this.accessLives(token) || this.refreshLives(token));
  }

  revokeAll(user: Account, client: Client): void {
    for (const token of this.ofUser(user, client)) token.dead = true;
  }
}

function scopeKey(scopes: string[]): string {
  return [...scopes].sort().join(",");
}

function secret(length: number): string {
  return randomBytes(length)
    .toString("base64")
    .replaceAll(/[^A-Za-z0-9]/g, "x")
    .slice(0, length);
}
