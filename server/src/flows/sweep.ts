// What time brings about: refreshes ahead, unconfirmed attempts, revocations to repeat, probes, rows past their use.
import { isDueAhead, probeIntervalMs, refreshAheadMs, refreshLeaseMs } from "../rules/account.ts";
import { statusDetails } from "../rules/audit.ts";
import type { AttemptRow } from "../store/schema.ts";
import type { House } from "./house.ts";

type Needs = Pick<House, "store" | "vault" | "oauth" | "now" | "log"> & {
  readonly leaseMs?: number;
  /** From then on nothing new is begun. */
  readonly isEnding?: () => boolean;
  /** What other rooms have to do now and then. */
  readonly more?: readonly (readonly [name: string, work: () => Promise<unknown>])[];
};

const batch = 50;
const sideBySide = 4;
const dayMs = 24 * 3_600_000;
const actor = { kind: "system", task: "sweep" } as const;

type Chore = readonly [name: string, work: (needs: Needs) => Promise<unknown>];

const chores: readonly Chore[] = [
  ["recover interrupted refreshes", recoverRefreshes],
  ["refresh ahead", refreshAhead],
  ["end unconfirmed attempts", endOverdueAttempts],
  ["revoke", repeatRevocations],
  ["probe", probe],
  ["tidy", tidy],
];

/** One round. A chore that fails is logged and does not keep the others from their turn. */
export async function sweep(needs: Needs): Promise<void> {
  for (const [name, work] of [...chores, ...(needs.more ?? [])]) {
    if (needs.isEnding?.() === true) return;
    try {
      await work(needs);
    } catch (error) {
      needs.log.error("A chore failed; it will be tried again", { chore: name, error });
    }
  }
}

async function recoverRefreshes(needs: Needs): Promise<void> {
  const { store, vault, now } = needs;
  const left = await store.refreshes.abandoned(now() - (needs.leaseMs ?? refreshLeaseMs), batch);
  await eachOf(needs, left, async (trace) => {
    const account = await store.accounts.byId(trace.account_id);
    if (account?.status !== "ACTIVE" || account.refresh_digest !== trace.refresh_digest) {
      await store.refreshes.end(trace.id, "void", now());
    } else if (account.refresh_not_before <= now()) await vault.refresh(account);
  });
}

async function refreshAhead(needs: Needs): Promise<void> {
  const now = needs.now();
  const near = await needs.store.accounts.refreshDue(now + refreshAheadMs, now, batch);
  const due = near.filter((account) => isDueAhead(account, now));
  await eachOf(needs, due, async (account) => needs.vault.refresh(account));
}

async function endOverdueAttempts(needs: Needs): Promise<void> {
  const overdue = await needs.store.attempts.overdue(needs.now(), batch);
  await eachOf(needs, overdue, async (attempt) => endAttempt(needs, attempt));
}

async function endAttempt(needs: Needs, attempt: AttemptRow): Promise<void> {
  const { store, vault, now } = needs;
  const connection = await store.connections.find(attempt.connection_id);
  const tokens = vault.openAttempt(attempt);
  const id = await store.change(async (tables, record) => {
    await tables.accounts.lock(attempt.project_id, attempt.account_id);
    if (!(await tables.attempts.close(attempt.id, "FAILED"))) return undefined;
    const chain = attempt.project_id;
    const change = { status: "PENDING", status_reason: "verification_timeout", status_changed_at: now() } as const;
    const fellBack = (await tables.attempts.othersWaiting(attempt.account_id, attempt.id))
      ? undefined
      : await tables.accounts.change(attempt.account_id, { status: ["VERIFYING"] }, change);
    const details = { reason: "verification_timeout", ...(fellBack === undefined ? {} : statusDetails(fellBack)) };
    record({ chain, name: "account.link_failed", actor, subject: attempt.account_id, details });
    if (tokens === undefined || connection === undefined) return undefined;
    const provider = vault.provider(connection);
    return vault.queueRevocation(tables, { project: chain, provider, tokens, user: attempt.provider_user_id });
  });
  if (id !== undefined) await vault.attemptRevocation(id);
}

async function repeatRevocations(needs: Needs): Promise<void> {
  const due = await needs.store.revocations.due(needs.now(), batch);
  await eachOf(needs, due, async (row) => needs.vault.attemptRevocation(row.id));
}

/** Providers tell nobody when a person withdraws an OAuth App's grant: so we ask, about daily, whatever comes of it. */
async function probe(needs: Needs): Promise<void> {
  const now = needs.now();
  const before = now - probeIntervalMs;
  const due = await needs.store.accounts.probeDue(before, batch);
  await eachOf(needs, due, async (account) => {
    if (await needs.store.accounts.claimCheck(account.id, { now, before })) await needs.vault.check(account);
  });
}

async function tidy(needs: Needs): Promise<void> {
  const { store, now } = needs;
  await store.attempts.eraseOlderThan(now() - dayMs);
  await store.links.eraseOlderThan(now() - dayMs);
  await store.idempotency.eraseExpired(now());
  await store.refreshes.eraseEndedBefore(now() - 30 * dayMs);
}

/** One that fails is logged and does not keep the others from their turn. */
async function eachOf<Item extends { readonly id: string }>(
  { log }: Needs,
  items: readonly Item[],
  work: (item: Item) => Promise<unknown>,
): Promise<void> {
  const queue = [...items];
  const worker = async (): Promise<void> => {
    for (let item = queue.shift(); item !== undefined; item = queue.shift()) {
      await work(item).catch((error: unknown) => log.error("A chore failed for one row", { row: item.id, error }));
    }
  };
  await Promise.all(Array.from({ length: sideBySide }, worker));
}
