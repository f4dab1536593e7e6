// Mints a gateway token that holds no more than its parent.
import type * as Wire from "@behalf/sdk";
import { type Budget, budgetsMax, budgetsOf } from "../rules/budget.ts";
import { actorOf, projectOf } from "../rules/caller.ts";
import { freshToken } from "../rules/fresh-token.ts";
import { type Limits, mayMint, type Principal, type Scope } from "../rules/policy.ts";
import { Refusal } from "../rules/refusal.ts";
import type { House } from "./house.ts";
import { type AccountAddress, accountAt } from "./steps/addressed.ts";
import { tokenView } from "./steps/views.ts";

type Needs = Pick<House, "store" | "vault" | "now" | "newId">;

export interface TokenRequest {
  readonly name: string;
  readonly scopes: readonly Scope[];
  readonly limits?: Limits | undefined;
  readonly budget?: Budget | undefined;
  readonly account?: AccountAddress | undefined;
  /** Seconds. */
  readonly expires_in?: number | undefined;
}

export async function mintToken(needs: Needs, principal: Principal, request: TokenRequest): Promise<Wire.CreatedToken> {
  const project = projectOf(principal);
  const now = needs.now();
  const bound = request.account === undefined ? null : await accountAt(needs, principal, request.account);
  const minting = mayMint(principal, {
    scopes: request.scopes,
    limits: request.limits ?? {},
    accountId: bound?.account.id ?? null,
    expiresAt: request.expires_in === undefined ? null : now + request.expires_in * 1000,
  });
  if (minting.kind === "refuse") {
    throw new Refusal(minting.code, {
      detail: minting.detail,
      next: { action: "ask_for_less", detail: "Ask for no more than your own token holds; `GET /v1/tokens` shows it." },
    });
  }
  const { ask } = minting;
  const issued = needs.vault.issueToken(principal.environment);
  const id = needs.newId("token");
  const budgets = budgetsOf(principal.budgets, id, request.budget);
  if (budgets.length > budgetsMax) throw tooDeep();
  const row = freshToken({
    id,
    project,
    parent: principal.tokenId === "environment" ? null : principal.tokenId,
    name: request.name,
    issued,
    scopes: ask.scopes,
    limits: ask.limits,
    budgets,
    account: ask.accountId,
    now,
    expiresAt: ask.expiresAt,
  });
  await needs.store.change(async (tables, record) => {
    // The parent may have been revoked since it was let in: its children must not outlive it.
    const parent = row.parent_id === null ? undefined : await tables.tokens.lockLiving(row.parent_id);
    if (row.parent_id !== null && parent === undefined)
      throw new Refusal("unauthenticated", {
        detail: "Your token was revoked.",
        next: { action: "authenticate", detail: "Ask whoever minted your token for a new one." },
      });
    await tables.tokens.add(row);
    const details = { scopes: ask.scopes };
    record({ chain: project, name: "token.created", actor: actorOf(principal), subject: row.id, details });
  });
  return { ...tokenView(row), token: issued.plain };
}

function tooDeep(): Refusal {
  return new Refusal("limit_not_allowed", {
    detail: `A token may stand under at most ${budgetsMax} budgets, its own and those of the tokens it came from.`,
    next: { action: "use_other_token", detail: "Mint it with a token that stands nearer to the project's first one." },
  });
}
