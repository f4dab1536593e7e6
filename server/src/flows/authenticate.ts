// Says who a bearer is, or refuses.
import type { CountedBudget } from "../rules/budget.ts";
import { parseProjectId } from "../rules/ids.ts";
import type { Limits, Principal, Scope } from "../rules/policy.ts";
import { Refusal } from "../rules/refusal.ts";
import type { TokenRow } from "../store/schema.ts";
import type { House } from "./house.ts";
import { admitStranger } from "./steps/stranger.ts";

type Needs = Pick<House, "store" | "vault" | "now" | "adminDigest" | "background" | "ephemeral" | "addressLimit">;

/** What a request carries as proof. */
export interface Presented {
  readonly authorization: string | undefined;
  /** The header `Behalf-Project`, or the project in the path. */
  readonly project: string | undefined;
  /** Whose failures are counted. */
  readonly address: string | null;
}

/** A token's last use is written at most this often. */
const touchEveryMs = 60_000;

export async function authenticate(needs: Needs, presented: Presented): Promise<Principal> {
  try {
    return await identify(needs, presented);
  } catch (error) {
    // Whoever guesses tokens, or floods the door without one, is told to slow down instead.
    if (error instanceof Refusal && error.status === 401) await admitStranger(needs, presented.address);
    throw error;
  }
}

async function identify(needs: Needs, presented: Presented): Promise<Principal> {
  // Octokit writes `token …`, gh and everybody else `Bearer …` (RFC 6750 §2.1); the scheme is case-insensitive (RFC 9110 §11.1).
  const plain = /^(?:bearer|token) +([\x21-\x7e]{1,512})$/i.exec(presented.authorization ?? "")?.[1];
  if (plain === undefined) throw unauthenticated("The request carries no bearer token.");
  const digest = needs.vault.tokenDigest(plain);
  if (needs.adminDigest !== null && needs.vault.same(digest, needs.adminDigest)) {
    return inProject(needs, instancePrincipal("environment", "BEHALF_ADMIN_TOKEN", null), presented.project);
  }
  if (!needs.vault.isToken(plain)) throw unauthenticated("This is not a gateway token, or it was cut or mistyped.");
  const row = living(await needs.store.tokens.byDigest(digest), needs.now());
  touch(needs, row);
  if (row.project_id === null)
    return inProject(needs, instancePrincipal(row.id, row.name, row.expires_at), presented.project);
  return projectPrincipal(needs, row, presented.project);
}

function living(row: TokenRow | undefined, now: number): TokenRow {
  if (row === undefined || row.revoked_at !== null) throw unauthenticated("This token is unknown or was revoked.");
  if (row.expires_at === null || row.expires_at > now) return row;
  throw new Refusal("token_expired", {
    next: { action: "replace_token", detail: "Ask whoever minted this token for a new one." },
  });
}

function touch(needs: Needs, row: TokenRow): void {
  const now = needs.now();
  if ((row.last_used_at ?? 0) + touchEveryMs > now) return;
  needs.background("token last used", async () => needs.store.tokens.touch(row.id, now));
}

function unauthenticated(detail: string): Refusal {
  return new Refusal("unauthenticated", {
    detail,
    next: {
      action: "authenticate",
      detail: "Send `Authorization: Bearer bh_live_…` with a token of `POST /v1/tokens`.",
    },
  });
}

function instancePrincipal(tokenId: Principal["tokenId"], tokenName: string, expiresAt: number | null): Principal {
  return {
    tokenId,
    tokenName,
    projectId: null,
    isInstance: true,
    environment: "live",
    scopes: ["admin"],
    limits: {},
    budgets: [],
    accountId: null,
    expiresAt,
  };
}

async function inProject(needs: Needs, principal: Principal, named: string | undefined): Promise<Principal> {
  if (named === undefined) return principal;
  const id = parseProjectId(named);
  const project = id === undefined ? undefined : await needs.store.projects.find(id);
  if (project === undefined) throw noProject();
  return { ...principal, projectId: project.id, environment: project.environment };
}

async function projectPrincipal(needs: Needs, row: TokenRow, named: string | undefined): Promise<Principal> {
  const project = row.project_id === null ? undefined : await needs.store.projects.find(row.project_id);
  // A token that names another project is told the same as one that names none: nothing leaks across (promise 4).
  if (project === undefined || (named !== undefined && parseProjectId(named) !== project.id)) throw noProject();
  return {
    tokenId: row.id,
    tokenName: row.name,
    projectId: project.id,
    isInstance: false,
    environment: project.environment,
    scopes: JSON.parse(row.scopes) as Scope[],
    limits: JSON.parse(row.limits) as Limits,
    budgets: JSON.parse(row.budgets) as CountedBudget[],
    accountId: row.account_id,
    expiresAt: row.expires_at,
  };
}

function noProject(): Refusal {
  return new Refusal("not_found", {
    detail: "There is no such project for this token.",
    next: {
      action: "fix_request",
      detail: "Name the token's own project, in the path or in `Behalf-Project`, or leave that header out.",
    },
  });
}
