// What a 401 on a lent credential means, and what asking the provider says (design §10.2).
import type { AccountStatus, StatusReason } from "../rules/account.ts";
import type { AccountRow } from "../store/schema.ts";
import type { CheckAnswer } from "../upstream/provider.ts";
import { type Lent, type Loan, lend } from "./lend.ts";
import type { VaultPowers } from "./powers.ts";
import type { RefreshResult } from "./refresh.ts";

type Refresh = (account: AccountRow) => Promise<RefreshResult>;

const strikesMax = 2;
const actor = { kind: "system", task: "check" } as const;

/** After a 401: `again` with another credential, once; else the 401 `stands` and the account is as it is now. */
export type Doubt =
  | { readonly kind: "again"; readonly loan: Lent }
  | { readonly kind: "stands"; readonly account: AccountRow };

export async function doubt(powers: VaultPowers, refresh: Refresh, lent: Lent): Promise<Doubt> {
  const row = await powers.store.accounts.find(lent.account.project_id, lent.account.id);
  if (row === undefined) return { kind: "stands", account: { ...lent.account, status: "DISCONNECTED" } };
  if (row.status !== "ACTIVE") return { kind: "stands", account: row };
  if (row.access_digest !== lent.accessDigest) return again(await lend(powers, refresh, row), row);
  if (await mayHaveRotated(powers, row)) {
    const result = await refresh(row);
    if (result.kind === "settled" && result.row.access_digest !== row.access_digest) {
      return again(await lend(powers, refresh, result.row), result.row);
    }
    return { kind: "stands", account: result.row };
  }
  const answer = await powers.oauth.check(lent.provider, lent.credential);
  return { kind: "stands", account: await settle(powers, row, answer, true) };
}

function again(loan: Loan, row: AccountRow): Doubt {
  return loan.kind === "lent"
    ? { kind: "again", loan }
    : { kind: "stands", account: loan.kind === "unusable" ? loan.account : row };
}

// Past its known life a 401 is no news; and with a refresh nobody heard the end of, the token may have been swapped already.
async function mayHaveRotated(powers: VaultPowers, row: AccountRow): Promise<boolean> {
  if (row.refresh_digest === null) return false;
  if (row.expires_at !== null && row.expires_at <= powers.now()) return true;
  return (await powers.store.refreshes.unresolved(row.id, row.refresh_digest, "")).length > 0;
}

/** Asks the provider now whether the token of an ACTIVE account lives. Answers the account as it is afterwards. */
export async function check(powers: VaultPowers, refresh: Refresh, account: AccountRow): Promise<AccountRow> {
  const loan = await lend(powers, refresh, account);
  if (loan.kind !== "lent") return loan.account;
  const answer = await powers.oauth.check(loan.provider, loan.credential);
  if (answer === "live" || answer === "unknown") return settle(powers, loan.account, answer, false);
  // A host without the check endpoint still says whose token it is; and a "dead" is believed only when that is a no as well,
  // since nobody has met a 401 yet and a client secret that was changed at the provider may get the same 404.
  const person = await powers.oauth.person(loan.provider, loan.credential);
  if (person.kind === "failed") return loan.account;
  if (person.kind === "person") return settle(powers, loan.account, "live", false);
  return settle(powers, loan.account, answer, true);
}

/** Writes down what the provider said. `refused`: the token was met with a 401 where no check could be asked. */
async function settle(
  powers: VaultPowers,
  row: AccountRow,
  answer: CheckAnswer,
  refused: boolean,
): Promise<AccountRow> {
  const { accounts } = powers.store;
  const current = { status: ["ACTIVE"], access_digest: row.access_digest } as const;
  switch (answer) {
    case "live":
      return (await accounts.change(row.id, current, { checked_at: powers.now(), unauthorized_count: 0 })) ?? row;
    case "dead":
      return end(powers, row, { status: "REVOKED", reason: "token_rejected" });
    case "unknown":
      return row;
    case "unsupported": {
      if (!refused || row.access_digest === null) return row;
      const strikes = await accounts.countUnauthorized(row.id, row.access_digest);
      return strikes < strikesMax ? row : end(powers, row, { status: "EXPIRED", reason: "token_rejected" });
    }
  }
}

async function end(
  powers: VaultPowers,
  row: AccountRow,
  to: { readonly status: AccountStatus & ("REVOKED" | "EXPIRED"); readonly reason: StatusReason },
): Promise<AccountRow> {
  return powers.store.change(async (tables, record) => {
    const now = powers.now();
    const ended = await tables.accounts.change(
      row.id,
      { status: ["ACTIVE"], access_digest: row.access_digest },
      {
        status: to.status,
        status_reason: to.reason,
        status_changed_at: now,
        checked_at: now,
        // A revoked credential is of no use to anyone: it leaves the vault with the status.
        ...(to.status === "REVOKED" ? { credential: null, access_digest: null, refresh_digest: null } : {}),
      },
    );
    if (ended === undefined) return (await tables.accounts.find(row.project_id, row.id)) ?? row;
    const name = to.status === "REVOKED" ? "account.revoked" : "account.expired";
    record({ chain: row.project_id, name, actor, subject: row.id, details: { reason: to.reason } });
    return ended;
  });
}
