// Finds what a caller addressed, inside the caller's project only (promise 4), and shows accounts with their surroundings.
import type * as Wire from "@behalf/sdk";
import { projectOf } from "../../rules/caller.ts";
import { parseIdentifier } from "../../rules/ids.ts";
import type { Principal } from "../../rules/policy.ts";
import { Refusal } from "../../rules/refusal.ts";
import type { AccountRow, ConnectionRow } from "../../store/schema.ts";
import type { House } from "../house.ts";
import { accountView } from "./views.ts";

export interface AccountAddress {
  readonly connection: string;
  readonly identifier: string;
}

export async function connectionNamed(
  needs: Pick<House, "store">,
  principal: Principal,
  name: string,
): Promise<ConnectionRow> {
  const connection = await needs.store.connections.byName(projectOf(principal), name);
  if (connection !== undefined) return connection;
  throw new Refusal("not_found", {
    detail: "This project has no connection of that name.",
    next: {
      action: "list_connections",
      method: "GET",
      detail: "`GET /v1/connections` lists the connections of this project.",
    },
  });
}

export function checkedIdentifier(text: string): string {
  const identifier = parseIdentifier(text);
  if (identifier !== undefined) return identifier;
  throw new Refusal("invalid_request", {
    detail: "An identifier has 1 to 255 characters and no control characters.",
    next: {
      action: "fix_request",
      detail: "Use your own stable, opaque name for the person, percent-encoded in the path.",
    },
  });
}

/** An existing account; a token bound to another account finds nothing. */
export async function accountAt(
  needs: Pick<House, "store">,
  principal: Principal,
  address: AccountAddress,
): Promise<{ readonly connection: ConnectionRow; readonly account: AccountRow }> {
  const connection = await connectionNamed(needs, principal, address.connection);
  const account = await needs.store.accounts.byIdentifier(connection.id, checkedIdentifier(address.identifier));
  if (account !== undefined && isBoundElsewhere(principal, account)) throw boundElsewhere();
  if (account !== undefined) return { connection, account };
  throw new Refusal("not_found", {
    detail: "This connection has no account with that identifier.",
    next: {
      action: "create_account",
      method: "PUT",
      detail: "`PUT /v1/connections/{name}/accounts/{identifier}` makes it.",
    },
  });
}

export function isBoundElsewhere(principal: Principal, account: Pick<AccountRow, "id">): boolean {
  return principal.accountId !== null && principal.accountId !== account.id;
}

export function boundElsewhere(): Refusal {
  return new Refusal("forbidden", {
    detail: "This token is bound to another account.",
    next: { action: "use_other_token", detail: "Use a token of the project, or one bound to this account." },
  });
}

type Viewing = Pick<House, "store" | "vault">;

/** An account as the wire shows it. */
export async function viewOf(needs: Viewing, connection: ConnectionRow, account: AccountRow): Promise<Wire.Account> {
  const { preset, settings, hosts } = needs.vault.provider(connection);
  const slug = settings.app_slug;
  const installUrl = preset.installations && slug !== undefined ? `${hosts.web}/apps/${slug}/installations/new` : null;
  const siblingTokens = preset.tokenLimit === null ? 0 : await siblings(needs, connection, account);
  return accountView(account, {
    connection: connection.name,
    installUrl,
    siblingTokens,
    tokenLimit: preset.tokenLimit,
  });
}

// GitHub counts tokens per person, application and set of scopes, whatever we call the accounts that hold them.
async function siblings(needs: Pick<House, "store">, connection: ConnectionRow, account: AccountRow): Promise<number> {
  if (account.provider_user_id === null) return 0;
  const rows = await needs.store.accounts.ofPerson(account.provider_user_id);
  let count = 0;
  for (const row of rows) {
    const own =
      row.connection_id === connection.id ? connection : await needs.store.connections.find(row.connection_id);
    // Only this project's accounts are counted: what other projects do with the same person is theirs (promise 4).
    const same =
      own?.project_id === connection.project_id &&
      own.client_id === connection.client_id &&
      own.hosts === connection.hosts;
    if (same && row.scopes === account.scopes) count += 1;
  }
  return count;
}
