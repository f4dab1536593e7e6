// Learns where the GitHub App is installed and notes it with the account (design §10.7).
import type { AccountRow } from "../../store/schema.ts";
import type { House } from "../house.ts";

type Needs = Pick<House, "store" | "vault" | "oauth">;

/** The account with fresh installations; unchanged where that does not apply or the provider did not say. */
export async function noteInstallations(needs: Needs, account: AccountRow): Promise<AccountRow> {
  const loan = await needs.vault.lend(account);
  if (loan.kind !== "lent" || !loan.provider.preset.installations) return account;
  const answer = await needs.oauth.installations(loan.provider, loan.credential);
  if (answer.kind === "failed") return loan.account;
  const change = { installations: JSON.stringify(answer.installations) };
  const noted = await needs.store.accounts.change(account.id, { access_digest: loan.accessDigest }, change);
  return noted ?? loan.account;
}
