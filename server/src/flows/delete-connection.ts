// Deletes a connection; with accounts only when asked to revoke them.
import { actorOf } from "../rules/caller.ts";
import type { Principal } from "../rules/policy.ts";
import { Refusal } from "../rules/refusal.ts";
import type { ConnectionRow } from "../store/schema.ts";
import type { Tables } from "../store/store.ts";
import type { House } from "./house.ts";
import { connectionNamed } from "./steps/addressed.ts";
import { endTokens } from "./steps/end-tokens.ts";

type Needs = Pick<House, "store" | "vault" | "now">;

/** True when it is gone; false while tokens of its accounts are still being revoked. */
export async function deleteConnection(
  needs: Needs,
  principal: Principal,
  ask: { readonly name: string; readonly revokeAccounts: boolean },
): Promise<boolean> {
  const connection = await connectionNamed(needs, principal, ask.name);
  // Before anything is revoked: a refusal must leave all as it was.
  await demandNoEndpoints(needs.store, connection);
  if ((await needs.store.connections.accountCount(connection.id)) > 0) {
    if (!ask.revokeAccounts) throw hasAccounts();
    if (!(await endAll(needs, principal, connection))) return false;
  }
  return needs.store.change(async (tables, record) => {
    if ((await tables.connections.accountCount(connection.id)) > 0) throw hasAccounts();
    await demandNoEndpoints(tables, connection);
    await tables.connections.erase(connection.id);
    const details = { name: connection.name };
    record({
      chain: connection.project_id,
      name: "connection.deleted",
      actor: actorOf(principal),
      subject: connection.id,
      details,
    });
    return true;
  });
}

async function endAll(needs: Needs, principal: Principal, connection: ConnectionRow): Promise<boolean> {
  let over = true;
  let after: { created_at: number; id: string } | undefined;
  do {
    const filter = { project: connection.project_id, connection: connection.id };
    const page = await needs.store.accounts.page(filter, { limit: 100, after });
    for (const account of page.rows) {
      const done = await endTokens(needs, principal, { connection, account, keepRow: false, wholeGrant: false });
      over = over && done;
    }
    after = page.more ? page.rows.at(-1) : undefined;
  } while (after !== undefined);
  return over;
}

async function demandNoEndpoints({ endpoints }: Pick<Tables, "endpoints">, { id }: ConnectionRow): Promise<void> {
  const slugs = await endpoints.ofConnection(id);
  if (slugs.length === 0) return;
  throw new Refusal("conflict", {
    detail: `Endpoints use this connection: ${slugs.slice(0, 5).join(", ")}.`,
    next: {
      action: "delete_endpoints",
      method: "DELETE",
      detail: "Delete them first, or give them another connection.",
    },
  });
}

function hasAccounts(): Refusal {
  return new Refusal("conflict", {
    detail: "This connection has accounts.",
    next: {
      action: "revoke_accounts",
      method: "DELETE",
      detail: "Delete them first, or repeat with `?accounts=revoke` to revoke and delete them all.",
    },
  });
}
