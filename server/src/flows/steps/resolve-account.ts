// Whose account a call uses: the caller's bound account, or the one it names.
import { projectOf } from "../../rules/caller.ts";
import type { Principal } from "../../rules/policy.ts";
import { Refusal } from "../../rules/refusal.ts";
import { unusable } from "../../rules/unusable.ts";
import type { AccountRow, ConnectionRow } from "../../store/schema.ts";
import type { House } from "../house.ts";
import { accountAt, boundElsewhere, checkedIdentifier } from "./addressed.ts";

type Needs = Pick<House, "store" | "presets" | "origin">;

export interface Naming {
  readonly connection?: string | undefined;
  readonly identifier?: string | undefined;
}

export interface Resolved {
  readonly connection: ConnectionRow;
  readonly account: AccountRow;
}

/** Undefined when neither the token nor the call names one. */
export async function resolveAccount(
  needs: Needs,
  principal: Principal,
  naming: Naming,
): Promise<Resolved | undefined> {
  const { connection, identifier } = naming;
  if (connection !== undefined && identifier !== undefined)
    return accountAt(needs, principal, { connection, identifier });
  if (principal.accountId !== null) return bound(needs, principal, naming);
  if (identifier !== undefined) return byIdentifierAlone(needs, principal, identifier);
  return undefined;
}

async function bound(needs: Needs, principal: Principal, naming: Naming): Promise<Resolved> {
  const project = projectOf(principal);
  const account =
    principal.accountId === null ? undefined : await needs.store.accounts.find(project, principal.accountId);
  const connection = account === undefined ? undefined : await needs.store.connections.find(account.connection_id);
  if (account === undefined || connection === undefined) {
    throw new Refusal("not_found", {
      detail: "The account this token was bound to is gone.",
      next: { action: "replace_token", detail: "Mint a token for an account that exists." },
    });
  }
  const elsewhere =
    (naming.connection !== undefined && naming.connection !== connection.name) ||
    (naming.identifier !== undefined && naming.identifier.normalize("NFC") !== account.identifier);
  if (elsewhere) throw boundElsewhere();
  return { connection, account };
}

/** Exactly one ACTIVE match among the project's GitHub connections; several are ambiguous, none says why. */
async function byIdentifierAlone(needs: Needs, principal: Principal, text: string): Promise<Resolved> {
  const identifier = checkedIdentifier(text);
  const names = needs.presets.filter((preset) => preset.kind === "github").map((preset) => preset.name);
  const connections = await needs.store.connections.ofPreset(projectOf(principal), names);
  const matches: Resolved[] = [];
  for (const connection of connections) {
    const account = await needs.store.accounts.byIdentifier(connection.id, identifier);
    if (account !== undefined) matches.push({ connection, account });
  }
  const active = matches.filter(({ account }) => account.status === "ACTIVE");
  const [only, second] = active.length > 0 ? active : matches;
  if (only === undefined) {
    throw new Refusal("not_found", {
      detail: "No GitHub connection of this project has an account with that identifier.",
      next: {
        action: "create_account",
        method: "PUT",
        detail: "`PUT /v1/connections/{name}/accounts/{identifier}` makes it.",
      },
    });
  }
  if (second !== undefined) {
    throw new Refusal("account_ambiguous", {
      detail: `This identifier exists under several connections: ${matches.map(({ connection }) => connection.name).join(", ")}.`,
      next: { action: "name_connection", detail: "Name the `connection` too." },
    });
  }
  if (only.account.status !== "ACTIVE") throw unusable(only.account, only.connection.name, needs.origin);
  return only;
}
