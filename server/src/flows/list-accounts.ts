// Lists accounts of a project.
import type * as Wire from "@behalf/sdk";
import type { AccountStatus } from "../rules/account.ts";
import { projectOf } from "../rules/caller.ts";
import type { CursorPosition } from "../rules/cursor.ts";
import type { Principal } from "../rules/policy.ts";
import type { ConnectionRow } from "../store/schema.ts";
import type { House } from "./house.ts";
import { checkedIdentifier, connectionNamed, viewOf } from "./steps/addressed.ts";
import { pageView } from "./steps/views.ts";

export interface AccountsAsk {
  readonly connection?: string | undefined;
  readonly identifier?: string | undefined;
  readonly status?: AccountStatus | undefined;
  readonly limit: number;
  readonly after: CursorPosition | undefined;
}

export async function listAccounts(
  needs: Pick<House, "store" | "vault">,
  principal: Principal,
  ask: AccountsAsk,
): Promise<Wire.Page<Wire.Account>> {
  const connection = ask.connection === undefined ? undefined : await connectionNamed(needs, principal, ask.connection);
  const filter = {
    project: projectOf(principal),
    id: principal.accountId ?? undefined,
    connection: connection?.id,
    identifier: ask.identifier === undefined ? undefined : checkedIdentifier(ask.identifier),
    status: ask.status,
  };
  const page = await needs.store.accounts.page(filter, { limit: ask.limit, after: ask.after });
  const known = new Map<string, ConnectionRow | undefined>();
  const items: Wire.Account[] = [];
  for (const account of page.rows) {
    if (!known.has(account.connection_id))
      known.set(account.connection_id, await needs.store.connections.find(account.connection_id));
    const own = known.get(account.connection_id);
    if (own !== undefined) items.push(await viewOf(needs, own, account));
  }
  return { ...pageView(page, () => null), items };
}
