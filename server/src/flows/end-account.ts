// Ends an account: revoked at the provider, and erased unless it is to be kept (design §10.6).
import type { Principal } from "../rules/policy.ts";
import type { House } from "./house.ts";
import { type AccountAddress, accountAt } from "./steps/addressed.ts";
import { endTokens } from "./steps/end-tokens.ts";

type Needs = Pick<House, "store" | "vault" | "now">;

export interface EndAsk {
  readonly address: AccountAddress;
  readonly keepRow: boolean;
  /** Ends everything the person gave this client, whoever else lives on it. */
  readonly wholeGrant: boolean;
}

/** True when the provider has revoked the tokens; false while that is still being tried. */
export async function endAccount(needs: Needs, principal: Principal, ask: EndAsk): Promise<boolean> {
  const { keepRow, wholeGrant } = ask;
  return endTokens(needs, principal, { ...(await accountAt(needs, principal, ask.address)), keepRow, wholeGrant });
}
