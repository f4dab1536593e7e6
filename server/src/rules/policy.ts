// What a gateway token may do. Pure: scopes by surface, limits on every call, and what a child may hold.

import type { CountedBudget } from "./budget.ts";
import type { AccountId, ProjectId, TokenId } from "./ids.ts";
import type { RefusalCode } from "./refusal.ts";

/** Scopes that a surface serves today; `admin` implies all (design §10.8). */
export const scopes = ["admin", "accounts", "tools", "proxy", "tokens", "logs", "audit"] as const;
export type Scope = (typeof scopes)[number];

/** Narrowings of what a token may reach. An absent member narrows nothing. */
export interface Limits {
  /** Names of tools; with it, raw calls are refused, since any of them could do what another tool does. */
  readonly tools?: readonly string[] | undefined;
  /** `read`: nothing that changes anything. */
  readonly access?: "read" | "write" | undefined;
  /** `owner/name`, compared without case. */
  readonly repositories?: readonly string[] | undefined;
  /** HTTP methods upstream. */
  readonly methods?: readonly string[] | undefined;
  /** Slugs; with it, every other way to an upstream is refused. */
  readonly endpoints?: readonly string[] | undefined;
}

/** Who calls. */
export interface Principal {
  readonly tokenId: TokenId | "environment";
  readonly tokenName: string;
  /** Null for an instance token that named no project. */
  readonly projectId: ProjectId | null;
  readonly isInstance: boolean;
  readonly environment: "live" | "test";
  readonly scopes: readonly Scope[];
  readonly limits: Limits;
  /** Every budget that its calls count against. */
  readonly budgets: readonly CountedBudget[];
  readonly accountId: AccountId | null;
  readonly expiresAt: number | null;
}

export type Verdict =
  | { readonly kind: "allow" }
  | { readonly kind: "refuse"; readonly code: RefusalCode; readonly detail: string };

const allow: Verdict = { kind: "allow" };

function refuse(code: RefusalCode, detail: string): Verdict {
  return { kind: "refuse", code, detail };
}

export function hasScope(principal: Pick<Principal, "scopes">, scope: Scope): boolean {
  return principal.scopes.includes(scope) || principal.scopes.includes("admin");
}

export function mayUse(principal: Principal, scope: Scope): Verdict {
  if (hasScope(principal, scope)) return allow;
  const held = principal.scopes.join(", ");
  return refuse("scope_missing", `This needs the scope "${scope}"; the token has: ${held}.`);
}

const readMethods = ["GET", "HEAD", "OPTIONS"];

/** One call to upstream, as far as policy looks at it. */
export interface Call {
  /** Undefined for a raw call. */
  readonly tool?: string;
  readonly method: string;
  readonly changes: boolean;
  /** `unknown`: the call may reach a repository that its address does not name. `none`: it names no repository. */
  readonly repository: { readonly owner: string; readonly name: string } | "none" | "unknown";
  /** Slug of the endpoint it comes through. */
  readonly endpoint?: string;
  /** GraphQL reads and writes, here and anywhere, through one address. */
  readonly graphql?: boolean;
}

/** Checks in order; the first that refuses answers. */
const checks: readonly ((limits: Limits, call: Call) => Verdict)[] = [
  (limits, call) => {
    if (limits.endpoints === undefined) return allow;
    if (call.endpoint !== undefined && limits.endpoints.includes(call.endpoint)) return allow;
    return refuse("limit_not_allowed", `This token may use these endpoints only: ${limits.endpoints.join(", ")}.`);
  },
  (limits, call) => {
    if (limits.tools === undefined) return allow;
    if (call.tool === undefined)
      return refuse("limit_not_allowed", "This token is limited to named tools; raw calls are not among them.");
    return limits.tools.includes(call.tool)
      ? allow
      : refuse("limit_not_allowed", `This token is not limited to include the tool ${call.tool}.`);
  },
  (limits, call) => {
    const cannotTell = limits.access === "read" || limits.repositories !== undefined;
    if (call.graphql !== true || !cannotTell) return allow;
    return refuse(
      "limit_not_allowed",
      "GraphQL cannot be limited to reads or to repositories; use the REST API with this token.",
    );
  },
  (limits, call) => {
    if (limits.access !== "read" || !call.changes) return allow;
    return refuse("limit_not_allowed", "This token may only read.");
  },
  (limits, call) => {
    if (limits.methods === undefined || limits.methods.includes(call.method)) return allow;
    return refuse("limit_not_allowed", `This token may use these methods only: ${limits.methods.join(", ")}.`);
  },
  (limits, call) => {
    if (limits.repositories === undefined) return allow;
    if (typeof call.repository === "string") {
      return refuse(
        "limit_not_allowed",
        "This token is limited to named repositories, and this call does not name one of them.",
      );
    }
    const asked = `${call.repository.owner}/${call.repository.name}`.toLowerCase();
    const named = limits.repositories.some((repository) => repository.toLowerCase() === asked);
    return named ? allow : refuse("limit_not_allowed", `This token is not limited to include ${asked}.`);
  },
];

export function mayCall(limits: Limits, call: Call): Verdict {
  for (const check of checks) {
    const verdict = check(limits, call);
    if (verdict.kind === "refuse") return verdict;
  }
  return allow;
}

export function isReadMethod(method: string): boolean {
  return readMethods.includes(method);
}

/** Administrative calls of a token that may only read. */
export function mayAdminister(limits: Limits, method: string): Verdict {
  if (limits.access !== "read" || isReadMethod(method)) return allow;
  return refuse("limit_not_allowed", "This token may only read.");
}

/** What is asked for a new token. */
export interface TokenAsk {
  readonly scopes: readonly Scope[];
  readonly limits: Limits;
  readonly accountId: AccountId | null;
  readonly expiresAt: number | null;
}

export type Minting =
  | { readonly kind: "mint"; readonly ask: TokenAsk }
  | { readonly kind: "refuse"; readonly code: RefusalCode; readonly detail: string };

/** Nobody mints more than they hold: what is not asked for is inherited, what is wider is refused (design §10.8). */
export function mayMint(parent: Principal, ask: TokenAsk): Minting {
  const accountId = ask.accountId ?? parent.accountId;
  for (const fault of mintFaults) {
    const found = fault(parent, { ...ask, accountId });
    if (found !== undefined) return { kind: "refuse", ...found };
  }
  const limits = narrowed(parent.limits, ask.limits);
  if (typeof limits === "string")
    return { kind: "refuse", code: "limit_not_allowed", detail: `Your token is more limited in "${limits}".` };
  return { kind: "mint", ask: { scopes: ask.scopes, accountId, expiresAt: ask.expiresAt ?? parent.expiresAt, limits } };
}

type MintFault = { readonly code: RefusalCode; readonly detail: string };

const mintFaults: readonly ((parent: Principal, ask: TokenAsk) => MintFault | undefined)[] = [
  (parent, ask) => {
    const wider = ask.scopes.find((scope) => !hasScope(parent, scope));
    return wider === undefined
      ? undefined
      : { code: "forbidden", detail: `Your token does not hold the scope "${wider}".` };
  },
  (parent, ask) => {
    if (parent.accountId === null || ask.accountId === parent.accountId) return undefined;
    return { code: "forbidden", detail: "Your token is bound to another account." };
  },
  (_, ask) => {
    if (ask.accountId === null || !ask.scopes.includes("admin")) return undefined;
    return { code: "invalid_input", detail: 'A token bound to an account cannot have the scope "admin".' };
  },
  (parent, ask) => {
    if (parent.expiresAt === null || ask.expiresAt === null || ask.expiresAt <= parent.expiresAt) return undefined;
    return { code: "forbidden", detail: "Your token ends before the token you ask for." };
  },
];

/** The child's limits, or the name of the member that is wider than the parent's. */
function narrowed(parent: Limits, child: Limits): Limits | keyof Limits {
  for (const member of ["tools", "repositories", "methods", "endpoints"] as const) {
    // Repositories are the same in any case; two slugs that differ by case are two endpoints.
    const spelled = (value: string): string => (member === "endpoints" ? value : value.toLowerCase());
    const held = parent[member]?.map(spelled);
    if (held !== undefined && child[member]?.some((value) => !held.includes(spelled(value))) === true) return member;
  }
  if (parent.access === "read" && child.access === "write") return "access";
  const inherited = Object.entries(parent).filter(([member]) => child[member as keyof Limits] === undefined);
  const given = Object.entries(child).filter(([, value]) => value !== undefined);
  return Object.fromEntries([...inherited, ...given]) as Limits;
}
