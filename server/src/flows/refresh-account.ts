// Refreshes an account now. Where the provider's tokens never end, it checks that the token lives.
import type * as Wire from "@behalf/sdk";
import type { Principal } from "../rules/policy.ts";
import { Refusal } from "../rules/refusal.ts";
import { unusable } from "../rules/unusable.ts";
import type { House } from "./house.ts";
import { type AccountAddress, accountAt, viewOf } from "./steps/addressed.ts";

type Needs = Pick<House, "store" | "vault" | "origin">;

export async function refreshAccount(
  needs: Needs,
  principal: Principal,
  address: AccountAddress,
): Promise<Wire.Account> {
  const { connection, account } = await accountAt(needs, principal, address);
  if (account.status !== "ACTIVE") throw unusable(account, connection.name, needs.origin);
  if (account.refresh_digest === null) {
    const checked = await needs.vault.check(account);
    if (checked.status !== "ACTIVE") throw unusable(checked, connection.name, needs.origin);
    if (checked.checked_at === account.checked_at)
      throw notAnswered("The provider did not say whether the token lives");
    return viewOf(needs, connection, checked);
  }
  const result = await needs.vault.refresh(account);
  if (result.row.status !== "ACTIVE") throw unusable(result.row, connection.name, needs.origin);
  if (result.kind === "settled") return viewOf(needs, connection, result.row);
  if (result.misconfigured) {
    throw new Refusal("connection_misconfigured", {
      detail: `The provider does not accept the connection's client (${result.reason}).`,
      next: { action: "contact_operator", detail: "Correct client id and secret of the connection with PATCH." },
    });
  }
  throw notAnswered("The provider did not refresh the tokens");
}

function notAnswered(what: string): Refusal {
  return new Refusal("upstream_unavailable", {
    detail: `${what}; the account stays as it is.`,
    outcome: "nothing",
    retryAfterSeconds: 15,
    next: { action: "retry", detail: "Try again later; Behalf goes on trying by itself." },
  });
}
