// A gateway token as it lies in the database on the day it is made. Pure.

import type { CountedBudget } from "./budget.ts";
import type { AccountId, ProjectId, TokenId } from "./ids.ts";
import type { Limits, Scope } from "./policy.ts";

export interface TokenFacts {
  readonly id: TokenId;
  readonly project: ProjectId | null;
  readonly name: string;
  readonly issued: { readonly digest: string; readonly preview: string };
  readonly scopes: readonly Scope[];
  readonly now: number;
  readonly parent?: TokenId | null;
  readonly limits?: Limits;
  readonly budgets?: readonly CountedBudget[];
  readonly account?: AccountId | null;
  readonly expiresAt?: number | null;
}

// The type is the columns': the store's row fits it, and rules know no store.
export function freshToken(facts: TokenFacts): {
  readonly id: TokenId;
  readonly project_id: ProjectId | null;
  readonly parent_id: TokenId | null;
  readonly name: string;
  readonly digest: string;
  readonly preview: string;
  readonly scopes: string;
  readonly limits: string;
  readonly budgets: string;
  readonly account_id: AccountId | null;
  readonly agent_id: null;
  readonly created_at: number;
  readonly expires_at: number | null;
  readonly last_used_at: null;
  readonly revoked_at: null;
} {
  return {
    id: facts.id,
    project_id: facts.project,
    parent_id: facts.parent ?? null,
    name: facts.name,
    digest: facts.issued.digest,
    preview: facts.issued.preview,
    scopes: JSON.stringify(facts.scopes),
    limits: JSON.stringify(facts.limits ?? {}),
    budgets: JSON.stringify(facts.budgets ?? []),
    account_id: facts.account ?? null,
    agent_id: null,
    created_at: facts.now,
    expires_at: facts.expiresAt ?? null,
    last_used_at: null,
    revoked_at: null,
  };
}
