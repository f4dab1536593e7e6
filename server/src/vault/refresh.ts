// One refresh per account at a time, across processes; a pair we received is never lost, a death is never claimed lightly (design §10.1).
import { hashedToken } from "../crypto/hashed-token.ts";
import { refreshTimeoutMs } from "../rules/account.ts";
import { type AuditEntry, type AuditName, statusDetails } from "../rules/audit.ts";
import type { AccountRow, RefreshRow } from "../store/schema.ts";
import type { Record as RecordEvent, Tables } from "../store/store.ts";
import type { GrantAnswer, Provider, Tokens } from "../upstream/provider.ts";
import { queueRevocation } from "./destroy.ts";
import type { VaultPowers } from "./powers.ts";
import { type CredentialColumns, openAccount, openProvider, sealForAccount, type TokenPair } from "./take-in.ts";

/** What became of a wish to refresh. `row` is the account as it is afterwards. */
export type RefreshResult =
  | { readonly kind: "settled"; readonly row: AccountRow }
  /** Nothing is known about the grant: try again later. */
  | { readonly kind: "failed"; readonly row: AccountRow; readonly reason: string; readonly misconfigured: boolean };

const pollMs = 60;
const backoffBaseMs = 15_000;
const backoffMaxMs = 10 * 60_000;
/** Two minutes in all. */
const savingRetries = 28;
const savingBaseMs = 250;
const savingMaxMs = 5_000;

const actor = { kind: "system", task: "refresh" } as const;

/** A way to refresh that never runs twice at once for one account, here or in another process. */
export function makeRefresher(powers: VaultPowers): {
  refresh(account: AccountRow): Promise<RefreshResult>;
  settle(): Promise<void>;
} {
  const inFlight = new Map<string, Promise<RefreshResult>>();
  return {
    // The work is its own: a caller that goes away must not take a rotated pair with it.
    async refresh(account) {
      const running = inFlight.get(account.id);
      if (running !== undefined) return running;
      const work = refreshUnderLease(powers, account).finally(() => inFlight.delete(account.id));
      inFlight.set(account.id, work);
      return work;
    },
    async settle() {
      await Promise.allSettled(inFlight.values());
    },
  };
}

async function refreshUnderLease(powers: VaultPowers, wanted: AccountRow): Promise<RefreshResult> {
  const { store, now, sleep } = powers;
  const waitUntil = now() + refreshTimeoutMs;
  const holder = `${powers.holder}:${Buffer.from(powers.random(6)).toString("hex")}`;
  for (;;) {
    const leased = await store.accounts.takeLease(wanted.id, { holder, now: now(), until: now() + powers.leaseMs });
    if (leased !== undefined) return underLease(powers, { leased, wanted, holder });
    const row = await store.accounts.find(wanted.project_id, wanted.id);
    if (row === undefined) return { kind: "settled", row: { ...wanted, status: "DISCONNECTED" } };
    if (hasMoved(row, wanted)) return { kind: "settled", row };
    if (now() >= waitUntil)
      return { kind: "failed", row, reason: "another process holds the account", misconfigured: false };
    await sleep(pollMs);
  }
}

async function underLease(
  powers: VaultPowers,
  { leased, wanted, holder }: { readonly leased: AccountRow; readonly wanted: AccountRow; readonly holder: string },
): Promise<RefreshResult> {
  try {
    // The row as of taking the lease: a late entrant must never spend a token that was rotated while it queued.
    if (hasMoved(leased, wanted)) return { kind: "settled", row: leased };
    return await spend(powers, leased, holder);
  } finally {
    // What was done is done: a lease that cannot be dropped ends by itself.
    await powers.store.accounts
      .dropLease(wanted.id, holder)
      .catch((error: unknown) => powers.warn("A lease could not be dropped", { account: wanted.id, error }));
  }
}

function hasMoved(row: AccountRow, wanted: AccountRow): boolean {
  return (
    row.status !== wanted.status ||
    row.refresh_digest !== wanted.refresh_digest ||
    row.access_digest !== wanted.access_digest
  );
}

async function spend(powers: VaultPowers, row: AccountRow, holder: string): Promise<RefreshResult> {
  const { store, now, ring } = powers;
  const pair = openAccount(ring, row);
  const connection = await store.connections.find(row.connection_id);
  const refresh = pair?.refresh ?? null;
  if (pair === undefined || refresh === null || row.refresh_digest === null || connection === undefined) {
    return { kind: "settled", row };
  }
  const provider = openProvider(powers, connection);
  const attempt: RefreshRow = {
    id: holder,
    account_id: row.id,
    refresh_digest: row.refresh_digest,
    holder: powers.holder,
    started_at: now(),
    ended_at: null,
    outcome: null,
  };
  await store.refreshes.begin(attempt);
  const answer = await powers.oauth.refresh(provider, refresh);
  switch (answer.kind) {
    case "granted": {
      const tokens = withKeptRefresh(answer.tokens, pair, row);
      // Sealed once: an envelope is like no other, so a commit that is repeated knows itself.
      const columns = sealForAccount(powers, row, tokens);
      return insist(powers, row, async () => keep(powers, { row, attempt, provider, columns }, tokens));
    }
    case "rejected":
      return believe(powers, { row, attempt }, answer.error);
    case "misconfigured":
    case "failed":
      return postpone(powers, { row, attempt }, answer);
  }
}

// RFC 6749 §6: an answer without a refresh token leaves the old one in force.
function withKeptRefresh(tokens: Tokens, pair: TokenPair, row: AccountRow): Tokens {
  if (tokens.refresh !== null) return tokens;
  return { ...tokens, refresh: pair.refresh, refreshExpiresAt: row.refresh_expires_at };
}

interface Spent {
  readonly row: AccountRow;
  readonly attempt: RefreshRow;
}

/** The pair is in nobody's hands but ours: a database that is away for a while must not cost it. */
async function insist<T>(powers: VaultPowers, row: AccountRow, save: () => Promise<T>): Promise<T> {
  for (let tries = 0; ; tries += 1) {
    try {
      return await save();
    } catch (error) {
      if (tries === savingRetries) throw error;
      powers.warn("Refreshed tokens could not be stored; it will be tried again", { account: row.id, error });
      await powers.sleep(Math.min(savingBaseMs * 2 ** tries, savingMaxMs));
    }
  }
}

async function keep(
  powers: VaultPowers,
  spent: Spent & { readonly provider: Provider; readonly columns: CredentialColumns },
  tokens: Tokens,
): Promise<RefreshResult> {
  const { row, attempt, columns } = spent;
  const now = powers.now();
  return powers.store.change(async (tables, record) => {
    // Bound to the token it was bought with, not to the lease: a holder that stalled and lost its lease still saves its pair.
    const before = await tables.accounts.lock(row.project_id, row.id);
    if (before !== undefined && isOurs(before, attempt, columns)) return { kind: "settled", row: before };
    const stored = await tables.accounts.change(
      row.id,
      { status: ["ACTIVE", "EXPIRED"], refresh_digest: attempt.refresh_digest },
      {
        ...columns,
        status: "ACTIVE",
        status_reason: null,
        ...(before?.status === "EXPIRED" ? { status_changed_at: now } : {}),
        checked_at: now,
        refresh_failures: 0,
        refresh_not_before: 0,
        unauthorized_count: 0,
        ...(tokens.scopes === null ? {} : { scopes: JSON.stringify(tokens.scopes) }),
      },
    );
    if (stored === undefined) {
      const ask = { project: row.project_id, provider: spent.provider, tokens, user: row.provider_user_id };
      await queueRevocation(powers, tables, ask);
      await tables.refreshes.end(attempt.id, "revoked", now);
      return { kind: "settled", row: before ?? { ...row, status: "DISCONNECTED" } };
    }
    await tables.refreshes.endAllOn(row.id, attempt.refresh_digest, { outcome: "refreshed", now });
    const hashed_token = hashedToken(tokens.access);
    note(record, stored, "account.refreshed", { hashed_token });
    if (before?.status === "EXPIRED")
      note(record, stored, "account.activated", { ...statusDetails(stored), hashed_token });
    return { kind: "settled", row: stored };
  });
}

/** A commit whose answer was lost with the connection, and that is now repeated. The pair may have been sealed anew since. */
function isOurs(row: AccountRow, attempt: RefreshRow, columns: CredentialColumns): boolean {
  if (row.credential === columns.credential) return true;
  return row.refresh_digest !== attempt.refresh_digest && row.access_digest === columns.access_digest;
}

/** The provider said no. That counts only when nobody else may be holding the pair this token was swapped for. */
async function believe(powers: VaultPowers, spent: Spent, error: string): Promise<RefreshResult> {
  const { row, attempt } = spent;
  const now = powers.now();
  return powers.store.change(async (tables, record) => {
    const current = await tables.accounts.lock(row.project_id, row.id);
    await tables.refreshes.end(attempt.id, "rejected", now);
    if (current === undefined) return { kind: "settled", row: { ...row, status: "DISCONNECTED" } };
    if (current.refresh_digest !== attempt.refresh_digest) return { kind: "settled", row: current };
    const others = await tables.refreshes.unresolved(row.id, attempt.refresh_digest, attempt.id);
    if (others.some((other) => other.ended_at === null && other.started_at > now - powers.leaseMs)) {
      return { kind: "failed", row: current, reason: "another attempt is under way", misconfigured: false };
    }
    const reason = others.length > 0 ? "refresh_interrupted" : "refresh_rejected";
    const ended = await tables.accounts.change(
      row.id,
      { status: ["ACTIVE"], refresh_digest: attempt.refresh_digest },
      { status: "EXPIRED", status_reason: reason, status_changed_at: now },
    );
    if (ended === undefined) return { kind: "settled", row: current };
    note(record, ended, "account.refresh_failed", { error });
    note(record, ended, "account.expired", { reason, ...statusDetails(ended) });
    return { kind: "settled", row: ended };
  });
}

async function postpone(
  powers: VaultPowers,
  spent: Spent,
  answer: Extract<GrantAnswer, { kind: "misconfigured" | "failed" }>,
): Promise<RefreshResult> {
  const { row, attempt } = spent;
  const now = powers.now();
  const reason = answer.kind === "failed" ? answer.reason : answer.error;
  const mayBeSpent = answer.kind === "failed" && answer.sent;
  const wait = Math.min(backoffBaseMs * 2 ** Math.min(row.refresh_failures, 10), backoffMaxMs);
  return powers.store.change(async (tables: Tables, record) => {
    await tables.accounts.lock(row.project_id, row.id);
    // "unknown" is remembered: should the token prove spent, this attempt is why.
    await tables.refreshes.end(attempt.id, mayBeSpent ? "unknown" : "not_sent", now);
    const changed = await tables.accounts.change(
      row.id,
      { refresh_digest: attempt.refresh_digest },
      { refresh_failures: row.refresh_failures + 1, refresh_not_before: now + wait },
    );
    if (changed !== undefined) note(record, changed, "account.refresh_failed", { error: reason });
    return { kind: "failed", row: changed ?? row, reason, misconfigured: answer.kind === "misconfigured" };
  });
}

function note(record: RecordEvent, row: AccountRow, name: AuditName, details: AuditEntry["details"] & {}): void {
  record({ chain: row.project_id, name, actor, subject: row.id, details });
}
