// A person who just connected says that the GitHub App is installed now: looks again, for that browser only.
import { Refusal } from "../rules/refusal.ts";
import type { AttemptId } from "../rules/ids.ts";
import type { AccountRow, ConnectionRow } from "../store/schema.ts";
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

export async function recheckInstallations(needs: Needs, ask: Recheck): Promise<Rechecked> {
  const attempt = await needs.store.attempts.find(ask.attempt);
  const own = attempt !== undefined && ask.browser !== undefined && needs.vault.same(needs.vault.digest("browser", ask.browser), attempt.browser_digest);
  const isOpen = attempt?.status === "DONE" && attempt.created_at + openForMs > needs.now();
  const account = own && isOpen ? await needs.store.accounts.find(attempt.project_id, attempt.account_id) : undefined;
  const connection = account === undefined ? undefined : await needs.store.connections.find(account.connection_id);
  if (attempt === undefined || account === undefined || connection === undefined) {
    throw new Refusal("link_spent", {
      detail: "This page is over, or was opened in another browser.",
      next: { action: "return", detail: "Go back to the application that sent you here." },
    });
  }
  const link = await needs.store.links.find(attempt.link_id);
  return { connection, account: await noteInstallations(needs, account), returnUrl: link?.return_url ?? null };
}
