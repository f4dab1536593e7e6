// Shows one account; on wish asks the provider first whether its token lives.
import type * as Wire from "@behalf/sdk";
import { checkIntervalMs } from "../rules/account.ts";
import type { Principal } from "../rules/policy.ts";
import type { House } from "./house.ts";
import { type AccountAddress, accountAt, viewOf } from "./steps/addressed.ts";
import { noteInstallations } from "./steps/note-installations.ts";

type Needs = Pick<House, "store" | "vault" | "oauth" | "now">;

export async function readAccount(
  needs: Needs,
  principal: Principal,
  ask: { readonly address: AccountAddress; readonly check: boolean },
): Promise<Wire.Account> {
  const { connection, account } = await accountAt(needs, principal, ask.address);
  if (!ask.check || account.status !== "ACTIVE") return viewOf(needs, connection, account);
  // Not more often than every 10 seconds: a polling page must not burn the operator's rate limit.
  const now = needs.now();
  const isTurn = await needs.store.accounts.claimCheck(account.id, { now, before: now - checkIntervalMs });
  if (!isTurn) return viewOf(needs, connection, account);
  const checked = await needs.vault.check(account);
  return viewOf(needs, connection, await noteInstallations(needs, checked));
}
