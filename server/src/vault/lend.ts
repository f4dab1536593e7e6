// Lends a usable credential of an account, refreshing first when its end is near.
import type { Credential } from "../crypto/credential.ts";
import { hashedToken } from "../crypto/hashed-token.ts";
import { freshness } from "../rules/account.ts";
import { statusDetails } from "../rules/audit.ts";
import type { AccountRow, ConnectionRow } from "../store/schema.ts";
import type { Provider } from "../upstream/provider.ts";
import type { VaultPowers } from "./powers.ts";
import type { RefreshResult } from "./refresh.ts";
import { accessDigest, openAccount, openProvider } from "./take-in.ts";

export interface Lent {
  readonly kind: "lent";
  readonly account: AccountRow;
  readonly connection: ConnectionRow;
  readonly provider: Provider;
  readonly credential: Credential;
  readonly accessDigest: string;
  /** As GitHub's audit log names the token: both logs join on it. */
  readonly hashedToken: string;
}

export type Loan =
  | Lent
  /** The account's status (or its absence) forbids it. */
  | { readonly kind: "unusable"; readonly account: AccountRow }
  /** The token has ended and the provider could not be asked for a new one. */
  | {
      readonly kind: "unrefreshed";
      readonly account: AccountRow;
      readonly reason: string;
      readonly misconfigured: boolean;
    };

type Refresh = (account: AccountRow) => Promise<RefreshResult>;

export async function lend(powers: VaultPowers, refresh: Refresh, account: AccountRow): Promise<Loan> {
  if (account.status !== "ACTIVE") return { kind: "unusable", account };
  const now = powers.now();
  const state = freshness(account, now);
  if (state === "fresh") return open(powers, account);
  if (account.refresh_digest === null) return withoutRefresh(powers, account);
  // A provider that just failed is not asked again while the token has a minute left: the call goes out with what we have.
  if (state === "due" && account.refresh_not_before > now) return open(powers, account);
  const result = await refresh(account);
  if (result.kind === "settled") {
    return result.row.status === "ACTIVE" ? open(powers, result.row) : { kind: "unusable", account: result.row };
  }
  // Early-refresh failure must not fail a call whose token is still good.
  if (result.row.status === "ACTIVE" && isAlive(result.row, powers.now())) return open(powers, result.row);
  return { kind: "unrefreshed", account: result.row, reason: result.reason, misconfigured: result.misconfigured };
}

function isAlive(account: AccountRow, now: number): boolean {
  return account.expires_at === null || account.expires_at > now;
}

async function withoutRefresh(powers: VaultPowers, account: AccountRow): Promise<Loan> {
  if (isAlive(account, powers.now())) return open(powers, account);
  const ended = await powers.store.change(async (tables, record) => {
    const row = await tables.accounts.change(
      account.id,
      { status: ["ACTIVE"], access_digest: account.access_digest },
      { status: "EXPIRED", status_reason: "refresh_token_missing", status_changed_at: powers.now() },
    );
    if (row !== undefined) {
      const details = { reason: "refresh_token_missing", ...statusDetails(row) };
      record({
        chain: row.project_id,
        name: "account.expired",
        actor: { kind: "system", task: "lend" },
        subject: row.id,
        details,
      });
    }
    return row;
  });
  return { kind: "unusable", account: ended ?? account };
}

async function open(powers: VaultPowers, account: AccountRow): Promise<Loan> {
  const pair = openAccount(powers.ring, account);
  const connection = await powers.store.connections.find(account.connection_id);
  if (pair === undefined || connection === undefined) return { kind: "unusable", account };
  return {
    kind: "lent",
    account,
    connection,
    provider: openProvider(powers, connection),
    credential: pair.access,
    accessDigest: accessDigest(pair.access),
    hashedToken: hashedToken(pair.access),
  };
}
