// What a 401 on a lent credential means, and what asking the provider says (design §10.2).
import { hashedToken } from "../crypto/hashed-token.ts";
import type { AccountStatus, StatusReason } from "../rules/account.ts";
import { statusDetails } from "../rules/audit.ts";
import type { AccountRow } from "../store/schema.ts";
import type { Tables } from "../store/store.ts";
import type { CheckAnswer } from "../upstream/provider.ts";
import { type Lent, type Loan, lend } from "./lend.ts";
import type { VaultPowers } from "./powers.ts";
import type { RefreshResult } from "./refresh.ts";
import { openAccount } from "./take-in.ts";

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
  if (await mayHaveRotated(powers, row)) return afterRefresh(powers, refresh, row);
  const answer = await askAbout(powers, lent);
  const settled = await settle(powers, row, answer);
  if (settled.status !== "ACTIVE" || answer !== "dead") return { kind: "stands", account: settled };
  // Dead, and yet not ended: a refresh began while we asked, and it is the refresh that ended the token.
  if (settled.access_digest !== row.access_digest) return again(await lend(powers, refresh, settled), settled);
  return afterRefresh(powers, refresh, settled);
}

async function afterRefresh(powers: VaultPowers, refresh: Refresh, row: AccountRow): Promise<Doubt> {
  const result = await refresh(row);
  if (result.kind === "settled" && result.row.access_digest !== row.access_digest) {
    return again(await lend(powers, refresh, result.row), result.row);
  }
  return { kind: "stands", account: result.row };
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
  return isInTheAir(powers.store, row);
}

/** Whether a refresh that spends this row's token was sent and nobody knows its end: the provider may have swapped the pair. */
async function isInTheAir({ refreshes }: Pick<Tables, "refreshes">, row: AccountRow): Promise<boolean> {
  return row.refresh_digest !== null && (await refreshes.unresolved(row.id, row.refresh_digest, "")).length > 0;
}

/** Asks the provider now whether the token of an ACTIVE account lives. Answers the account as it is afterwards. */
export async function check(powers: VaultPowers, refresh: Refresh, account: AccountRow): Promise<AccountRow> {
  const loan = await lend(powers, refresh, account);
  if (loan.kind !== "lent") return loan.account;
  // The provider would call a token dead that it is just swapping for a new pair: the end of the refresh says more.
  if (await mayHaveRotated(powers, loan.account)) return (await refresh(loan.account)).row;
  const answer = await powers.oauth.check(loan.provider, loan.credential);
  return settle(powers, loan.account, await confirmed(powers, loan, answer));
}

/**
 * Nobody has met a 401 yet, and a client secret that was changed at the provider may get the same 404 as a dead token: so a no
 * is believed when the token itself gets one as well.
 */
async function confirmed(powers: VaultPowers, lent: Lent, answer: CheckAnswer): Promise<CheckAnswer> {
  if (answer === "live" || answer === "unknown") return answer;
  const whose = await askWhose(powers, lent);
  if (whose === "refused") return answer;
  if (whose !== "unaskable") return whose;
  return answer === "dead" ? answer : "unknown";
}

/** After a 401. A host without the check endpoint still says whose token it is; where it does not, the 401 has to do. */
async function askAbout(powers: VaultPowers, lent: Lent): Promise<CheckAnswer> {
  const answer = await powers.oauth.check(lent.provider, lent.credential);
  if (answer !== "unsupported") return answer;
  const whose = await askWhose(powers, lent);
  return whose === "live" || whose === "unknown" ? whose : "unsupported";
}

async function askWhose(powers: VaultPowers, lent: Lent): Promise<"live" | "refused" | "unknown" | "unaskable"> {
  const person = await powers.oauth.person(lent.provider, lent.credential);
  switch (person.kind) {
    case "person":
      return "live";
    case "refused":
      return "refused";
    case "failed":
      return person.reason === "user_url_missing" ? "unaskable" : "unknown";
  }
}

/** Writes down what the provider said. `unsupported`: the token was refused where no check can be asked, which counts. */
async function settle(powers: VaultPowers, row: AccountRow, answer: CheckAnswer): Promise<AccountRow> {
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
      if (row.access_digest === null) return row;
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
    // A refresh may have begun while the provider was asked.
    if (await isInTheAir(tables, row)) return (await tables.accounts.find(row.project_id, row.id)) ?? row;
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
    const pair = openAccount(powers.ring, row);
    const token = pair === undefined ? {} : { hashed_token: hashedToken(pair.access) };
    const details = { reason: to.reason, ...statusDetails(ended), ...token };
    record({ chain: row.project_id, name, actor, subject: row.id, details });
    return ended;
  });
}
