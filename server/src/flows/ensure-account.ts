// Gets an account, or makes it: atomic, so that any number of callers end with one.
import type * as Wire from "@behalf/sdk";
import { actorOf } from "../rules/caller.ts";
import type { Principal } from "../rules/policy.ts";
import type { AccountRow, ConnectionRow } from "../store/schema.ts";
import type { House } from "./house.ts";
import {
  type AccountAddress,
  boundElsewhere,
  checkedIdentifier,
  connectionNamed,
  isBoundElsewhere,
  viewOf,
} from "./steps/addressed.ts";

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
  const fresh = freshRow(needs, connection, identifier);
  const { row, created } = await needs.store.change(async (tables, record) => {
    const actor = actorOf(principal);
    // A deletion that waits for its provider keeps its place in the queue, not its name.
    if (there !== undefined && (await tables.accounts.eraseEnded(there.id))) {
      record({ chain: there.project_id, name: "account.deleted", actor, subject: there.id });
    }
    const result = await tables.accounts.ensure(fresh);
    if (result.created) record({ chain: fresh.project_id, name: "account.created", actor, subject: fresh.id });
    return result;
  });
  return { account: await viewOf(needs, connection, row), created };
}

function freshRow(needs: Pick<House, "now" | "newId">, connection: ConnectionRow, identifier: string): AccountRow {
  const now = needs.now();
  return {
    id: needs.newId("account"),
    project_id: connection.project_id,
    connection_id: connection.id,
    identifier,
    status: "PENDING",
    status_reason: null,
    status_changed_at: now,
    provider_user_id: null,
    provider_user: null,
    scopes: "[]",
    credential: null,
    access_digest: null,
    refresh_digest: null,
    expires_at: null,
    life_ms: null,
    refresh_expires_at: null,
    installations: null,
    checked_at: null,
    check_asked_at: 0,
    last_used_at: null,
    refresh_failures: 0,
    refresh_not_before: 0,
    unauthorized_count: 0,
    lease_holder: null,
    lease_until: 0,
    created_at: now,
  };
}
