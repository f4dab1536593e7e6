// Gets an account, or makes it: atomic, so that any number of callers end with one.
import type * as Wire from "@behalf/sdk";
import { deletedDetails, statusDetails } from "../rules/audit.ts";
import { actorOf } from "../rules/caller.ts";
import type { Principal } from "../rules/policy.ts";
import type { House } from "./house.ts";
import {
  type AccountAddress,
  boundElsewhere,
  checkedIdentifier,
  connectionNamed,
  isBoundElsewhere,
  viewOf,
} from "./steps/addressed.ts";
import { freshAccount } from "./steps/fresh-account.ts";

type Needs = Pick<House, "store" | "vault" | "now" | "newId">;

export async function ensureAccount(
  needs: Needs,
  principal: Principal,
  address: AccountAddress,
): Promise<{ readonly account: Wire.Account; readonly created: boolean }> {
  const connection = await connectionNamed(needs, principal, address.connection);
  const identifier = checkedIdentifier(address.identifier);
  const there = await needs.store.accounts.byIdentifier(connection.id, identifier);
  if (there !== undefined && there.status_reason !== "deletion_pending") {
    if (isBoundElsewhere(principal, there)) throw boundElsewhere();
    return { account: await viewOf(needs, connection, there), created: false };
  }
  if (principal.accountId !== null) throw boundElsewhere();
  const fresh = freshAccount(needs, connection, identifier);
  const { row, created } = await needs.store.change(async (tables, record) => {
    const actor = actorOf(principal);
    // A deletion that waits for its provider keeps its place in the queue, not its name.
    if (there !== undefined && (await tables.accounts.eraseEnded(there.id))) {
      const event = { chain: there.project_id, name: "account.deleted", actor, subject: there.id } as const;
      record({ ...event, details: deletedDetails });
    }
    const result = await tables.accounts.ensure(fresh);
    if (result.created) {
      const details = statusDetails(fresh);
      record({ chain: fresh.project_id, name: "account.created", actor, subject: fresh.id, details });
    }
    return result;
  });
  return { account: await viewOf(needs, connection, row), created };
}
