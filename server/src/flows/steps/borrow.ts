// A credential for a call, or the refusal that says why there is none.
import { Refusal } from "../../rules/refusal.ts";
import { unusable } from "../../rules/unusable.ts";
import type { Lent, Loan } from "../../vault/lend.ts";
import type { House } from "../house.ts";
import type { Resolved } from "./resolve-account.ts";

/** An account's last use is written at most this often. */
const touchEveryMs = 60_000;

export async function borrow(
  needs: Pick<House, "vault" | "store" | "now" | "origin" | "background">,
  resolved: Resolved,
): Promise<Lent> {
  const loan = await needs.vault.lend(resolved.account);
  if (loan.kind !== "lent") throw loanRefusal(loan, resolved.connection.name, needs.origin);
  const { account } = loan;
  const now = needs.now();
  if ((account.last_used_at ?? 0) + touchEveryMs <= now) {
    needs.background("account last used", async () => needs.store.accounts.touch(account.id, now));
  }
  return loan;
}

function loanRefusal(loan: Exclude<Loan, Lent>, connection: string, origin: string): Refusal {
  if (loan.kind === "unusable") return unusable(loan.account, connection, origin);
  if (loan.misconfigured) {
    return new Refusal("connection_misconfigured", {
      credential: true,
      detail: "The account's token has ended, and the provider does not accept the connection's client to refresh it.",
      next: { action: "contact_operator", detail: "Correct client id and secret of the connection with PATCH." },
    });
  }
  return new Refusal("upstream_unavailable", {
    credential: true,
    detail:
      "The account's token has ended, and the provider could not be reached to refresh it. The call was not sent.",
    outcome: "nothing",
    retryAfterSeconds: 15,
    next: { action: "retry", detail: "Try again later; the account is still connected." },
  });
}

/** The credential was accepted: refusals counted before it, where nothing else can be asked, were not its end. */
export function trust(needs: Pick<House, "store" | "background">, { account, accessDigest }: Lent): void {
  if (account.unauthorized_count === 0) return;
  const change = { unauthorized_count: 0 };
  needs.background("trust", async () =>
    needs.store.accounts.change(account.id, { access_digest: accessDigest }, change),
  );
}
