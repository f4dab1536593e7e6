// Gives an account the credential of a finished authorization, and lays the one it had to rest.
import { hashedToken } from "../crypto/hashed-token.ts";
import { type Actor, statusDetails } from "../rules/audit.ts";
import type { AccountChange } from "../store/accounts.ts";
import type { AccountRow, AttemptRow } from "../store/schema.ts";
import type { Record as RecordEvent, Tables } from "../store/store.ts";
import type { Installation, Provider, ProviderUser, Tokens } from "../upstream/provider.ts";
import { queueRevocation } from "./destroy.ts";
import type { VaultPowers } from "./powers.ts";
import { openAccount, openAttempt, sealForAccount } from "./take-in.ts";

/** What an authorization brought besides its tokens; kept with the attempt until the person is confirmed. */
export interface GrantFacts {
  readonly user: ProviderUser;
  readonly scopes: readonly string[];
  readonly expiresAt: number | null;
  readonly refreshExpiresAt: number | null;
  readonly installations: readonly Installation[] | null;
}

export interface Adoption {
  readonly attempt: AttemptRow;
  readonly provider: Provider;
  readonly tokens: Tokens;
  readonly facts: GrantFacts;
  /** False under `none`: then another provider user than before is a mismatch (design §10.3). */
  readonly mayReplaceUser: boolean;
  readonly actor: Actor;
}

export type Adopted =
  | { readonly kind: "adopted"; readonly account: AccountRow }
  | { readonly kind: "mismatch" }
  | { readonly kind: "gone" };

type Powers = Pick<VaultPowers, "ring" | "random" | "now">;

/** Runs inside the transaction that ends the attempt. On `mismatch` and `gone` the new tokens are queued for revocation. */
export async function adopt(powers: Powers, change: Change, adoption: Adoption): Promise<Adopted> {
  const { attempt, facts } = adoption;
  const before = await change.tables.accounts.lock(attempt.project_id, attempt.account_id);
  if (before === undefined || before.status_reason === "deletion_pending")
    return turnAway(powers, change, adoption, "gone");
  const isOther = before.provider_user_id !== null && before.provider_user_id !== facts.user.id;
  if (isOther && !adoption.mayReplaceUser) return turnAway(powers, change, adoption, "mismatch");
  const account = await change.tables.accounts.change(before.id, {}, columnsOf(powers, before, adoption));
  if (account === undefined) throw new Error("The account left while its transaction ran");
  await layToRest(powers, change.tables, { before, adoption });
  const who = { provider_user: facts.user.id, login: facts.user.login, replaced_user: isOther };
  const details = { ...who, ...statusDetails(account), hashed_token: hashedToken(adoption.tokens.access) };
  change.record({
    chain: attempt.project_id,
    name: "account.activated",
    actor: adoption.actor,
    subject: account.id,
    details,
  });
  return { kind: "adopted", account };
}

interface Change {
  readonly tables: Tables;
  readonly record: RecordEvent;
}

async function turnAway(
  powers: Powers,
  { tables, record }: Change,
  adoption: Adoption,
  kind: "gone" | "mismatch",
): Promise<Adopted> {
  const { attempt, provider, tokens, actor } = adoption;
  const ask = { project: attempt.project_id, provider, tokens, user: adoption.facts.user.id };
  await queueRevocation(powers, tables, ask);
  const details = { reason: `account_${kind}` };
  record({ chain: attempt.project_id, name: "account.link_failed", actor, subject: attempt.account_id, details });
  return { kind };
}

function columnsOf(powers: Powers, before: AccountRow, { tokens, facts }: Adoption): AccountChange {
  const now = powers.now();
  return {
    ...sealForAccount(powers, before, tokens),
    status: "ACTIVE",
    status_reason: null,
    ...(before.status === "ACTIVE" ? {} : { status_changed_at: now }),
    provider_user_id: facts.user.id,
    provider_user: JSON.stringify(facts.user),
    scopes: JSON.stringify(facts.scopes),
    installations: facts.installations === null ? null : JSON.stringify(facts.installations),
    checked_at: now,
    refresh_failures: 0,
    refresh_not_before: 0,
    unauthorized_count: 0,
  };
}

/** What the new credential replaces: the old one, and every other authorization of this account still in the air. */
async function layToRest(
  powers: Powers,
  tables: Tables,
  { before, adoption }: { readonly before: AccountRow; readonly adoption: Adoption },
): Promise<void> {
  const { attempt, provider } = adoption;
  await tables.links.spendAllOf(before.id, powers.now());
  // Whether the old one may end without the new one (RFC 7009 §2.1) is asked when it is revoked.
  const ask = { project: before.project_id, provider };
  const old = provider.preset.revocation === "none" ? undefined : openAccount(powers.ring, before);
  if (old !== undefined && old.access.reveal() !== adoption.tokens.access.reveal()) {
    await queueRevocation(powers, tables, {
      ...ask,
      tokens: { ...old, expiresAt: before.expires_at },
      user: before.provider_user_id,
    });
  }
  for (const other of await tables.attempts.waitingOf(before.id)) {
    if (other.id === attempt.id || !(await tables.attempts.close(other.id, "FAILED"))) continue;
    const tokens = openAttempt(powers.ring, other);
    if (tokens !== undefined) await queueRevocation(powers, tables, { ...ask, tokens, user: other.provider_user_id });
  }
}
