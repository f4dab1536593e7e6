// Gives an account a credential that an operator brought, and lays the one it had to rest (design §10.20).
import { hashedToken } from "../crypto/hashed-token.ts";
import { type Actor, statusDetails } from "../rules/audit.ts";
import type { AccountRow } from "../store/schema.ts";
import type { Record as RecordEvent, Tables } from "../store/store.ts";
import type { Installation, Provider, ProviderUser, Tokens } from "../upstream/provider.ts";
import { queueRevocation } from "./destroy.ts";
import type { VaultPowers } from "./powers.ts";
import { accessDigest, type CredentialColumns, openAccount, openAttempt, sealForAccount } from "./take-in.ts";

export interface Import {
  readonly account: Pick<AccountRow, "id" | "project_id">;
  readonly provider: Provider;
  readonly tokens: Tokens;
  /** Whose they are, as the provider just said. */
  readonly user: ProviderUser;
  readonly scopes: readonly string[];
  readonly installations: readonly Installation[] | null;
  readonly actor: Actor;
}

export type Imported =
  | { readonly kind: "imported"; readonly account: AccountRow }
  /** Another provider user is connected here: nothing was changed, and what was brought stays its owner's. */
  | { readonly kind: "mismatch" }
  /** Another account of this instance holds this very token: the end of one would be the end of both (promise 11). */
  | { readonly kind: "held" }
  | { readonly kind: "gone" };

type Powers = Pick<VaultPowers, "ring" | "random" | "now">;

interface Change {
  readonly tables: Tables;
  readonly record: RecordEvent;
}

/** A refresh token beside an access token whose end nobody knows: refreshed before anyone can meet that end. */
const unknownLifeMs = 10 * 60_000;

export async function adoptImport(powers: Powers, change: Change, ask: Import): Promise<Imported> {
  const { tables, record } = change;
  const { project_id, id } = ask.account;
  const before = await tables.accounts.lock(project_id, id);
  if (before === undefined || before.status_reason === "deletion_pending") return { kind: "gone" };
  if (before.provider_user_id !== null && before.provider_user_id !== ask.user.id) return { kind: "mismatch" };
  const tokens = withKept(powers, before, ask.tokens);
  const columns = sealForAccount(powers, before, withKnownEnd(tokens, powers.now()));
  if (await tables.accounts.isHeld(columns, id)) return { kind: "held" };
  const account = await tables.accounts.change(id, {}, { ...columns, ...factsOf(powers, before, ask) });
  if (account === undefined) throw new Error("The account left while its transaction ran");
  await tables.links.spendAllOf(id, powers.now());
  await endOld(powers, tables, { before, columns, ask });
  await endWaiting(powers, tables, ask);
  const who = { provider_user: ask.user.id, login: ask.user.login, scopes: ask.scopes };
  const details = { ...who, ...statusDetails(account), hashed_token: hashedToken(ask.tokens.access) };
  record({ chain: project_id, name: "account.imported", actor: ask.actor, subject: id, details });
  return { kind: "imported", account };
}

/** An access token that is here already, brought alone, brings no reason to forget the refresh token beside it. */
function withKept(powers: Powers, before: AccountRow, tokens: Tokens): Tokens {
  const isSame = before.status === "ACTIVE" && before.access_digest === accessDigest(tokens.access);
  if (!isSame || tokens.refresh !== null) return tokens;
  return {
    ...tokens,
    refresh: openAccount(powers.ring, before)?.refresh ?? null,
    expiresAt: tokens.expiresAt ?? before.expires_at,
    refreshExpiresAt: before.refresh_expires_at,
  };
}

function withKnownEnd(tokens: Tokens, now: number): Tokens {
  const isKnown = tokens.expiresAt !== null || tokens.refresh === null;
  return isKnown ? tokens : { ...tokens, expiresAt: now + unknownLifeMs };
}

function factsOf(powers: Powers, before: AccountRow, { user, scopes, installations }: Import) {
  const now = powers.now();
  return {
    status: "ACTIVE",
    status_reason: null,
    ...(before.status === "ACTIVE" ? {} : { status_changed_at: now }),
    provider_user_id: user.id,
    provider_user: JSON.stringify(user),
    scopes: JSON.stringify(scopes),
    installations: installations === null ? null : JSON.stringify(installations),
    checked_at: now,
    refresh_failures: 0,
    refresh_not_before: 0,
    unauthorized_count: 0,
  } as const;
}

interface Replaced {
  readonly before: AccountRow;
  readonly columns: CredentialColumns;
  readonly ask: Import;
}

/** As at reconnecting: only a token that is not the one brought. Whether it may end is asked when it is revoked. */
async function endOld(powers: Powers, tables: Tables, { before, columns, ask }: Replaced): Promise<void> {
  if (ask.provider.preset.revocation === "none") return;
  const old = openAccount(powers.ring, before);
  const isSame = before.access_digest === columns.access_digest;
  const sharesRefresh = before.refresh_digest !== null && before.refresh_digest === columns.refresh_digest;
  if (old === undefined || isSame || sharesRefresh) return;
  const tokens = { ...old, expiresAt: before.expires_at };
  const { provider } = ask;
  await queueRevocation(powers, tables, {
    project: before.project_id,
    provider,
    tokens,
    user: before.provider_user_id,
  });
}

/** Authorizations of this account that wait to be confirmed have nothing to wait for. */
async function endWaiting(powers: Powers, tables: Tables, { account, provider }: Import): Promise<void> {
  for (const attempt of await tables.attempts.waitingOf(account.id)) {
    if (!(await tables.attempts.close(attempt.id, "FAILED"))) continue;
    const tokens = openAttempt(powers.ring, attempt);
    if (tokens === undefined) continue;
    const ask = { project: account.project_id, provider, tokens, user: attempt.provider_user_id };
    await queueRevocation(powers, tables, ask);
  }
}
