// A person who just connected says that the GitHub App is installed now: looks again, for that browser only.

import type { AttemptId } from "../rules/ids.ts";
import { Refusal } from "../rules/refusal.ts";
import type { AccountRow, AttemptRow, ConnectionRow } from "../store/schema.ts";
import type { House } from "./house.ts";
import { noteInstallations } from "./steps/note-installations.ts";

type Needs = Pick<House, "store" | "vault" | "oauth" | "now">;

export interface Recheck {
  readonly attempt: AttemptId;
  readonly browser: string | undefined;
}

export interface Rechecked {
  readonly connection: ConnectionRow;
  readonly account: AccountRow;
  readonly returnUrl: string | null;
}

const openForMs = 3_600_000;
/** A page that is reloaded over and over must not burn the operator's rate limit. */
const askEveryMs = 2_000;

export async function recheckInstallations(needs: Needs, ask: Recheck): Promise<Rechecked> {
  const attempt = await ownAttempt(needs, ask);
  const account = await needs.store.accounts.find(attempt.project_id, attempt.account_id);
  const connection = await needs.store.connections.find(attempt.connection_id);
  // Whoever connected since is none of this browser's business.
  const isTheirs = account !== undefined && account.provider_user_id === attempt.provider_user_id;
  if (!isTheirs || connection === undefined) throw over();
  const link = await needs.store.links.find(attempt.link_id);
  const now = needs.now();
  const isTurn = await needs.store.accounts.claimCheck(account.id, { now, before: now - askEveryMs });
  const noted = isTurn ? await noteInstallations(needs, account) : account;
  return { connection, account: noted, returnUrl: link?.return_url ?? null };
}

async function ownAttempt(needs: Needs, { attempt: id, browser }: Recheck): Promise<AttemptRow> {
  const attempt = await needs.store.attempts.find(id);
  if (attempt?.status !== "DONE" || attempt.created_at + openForMs <= needs.now()) throw over();
  if (browser === undefined || !needs.vault.same(needs.vault.digest("browser", browser), attempt.browser_digest))
    throw over();
  return attempt;
}

function over(): Refusal {
  return new Refusal("link_spent", {
    detail: "This page is over, or was opened in another browser.",
    next: { action: "return", detail: "Go back to the application that sent you here." },
  });
}
