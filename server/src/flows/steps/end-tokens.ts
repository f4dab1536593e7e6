// Ends the tokens of an account in one transaction, and tries at once to revoke them at the provider.
import { deletedDetails, statusDetails } from "../../rules/audit.ts";
import { actorOf } from "../../rules/caller.ts";
import type { RevocationId } from "../../rules/ids.ts";
import type { Principal } from "../../rules/policy.ts";
import type { AccountRow, ConnectionRow } from "../../store/schema.ts";
import type { Record as RecordEvent, Tables } from "../../store/store.ts";
import type { House } from "../house.ts";

type Needs = Pick<House, "store" | "vault" | "now">;

export interface Ending {
  readonly connection: ConnectionRow;
  readonly account: AccountRow;
  readonly keepRow: boolean;
  readonly wholeGrant: boolean;
}

/** True when it is over: revoked, and where the row was to go, gone. */
export async function endTokens(needs: Needs, principal: Principal, ending: Ending): Promise<boolean> {
  const { id, project_id } = ending.account;
  const queued = await needs.store.change(async (tables, record) => {
    const account = await tables.accounts.lock(project_id, id);
    return account === undefined ? [] : endIn(needs, { tables, record, principal }, { ...ending, account });
  });
  const over = await Promise.all(queued.map(async (revocation) => needs.vault.attemptRevocation(revocation)));
  if (ending.keepRow) return over.every(Boolean);
  return (await needs.store.accounts.find(project_id, id)) === undefined;
}

interface Change {
  readonly tables: Tables;
  readonly record: RecordEvent;
  readonly principal: Principal;
}

async function endIn(needs: Needs, change: Change, ending: Ending): Promise<readonly RevocationId[]> {
  const { tables, record } = change;
  const { account, keepRow } = ending;
  const now = needs.now();
  const queued = [...(await queueWaiting(needs, change, ending)), ...(await queueOwn(needs, change, ending))];
  await tables.attempts.abandon(account.id);
  await tables.links.spendAllOf(account.id, now);
  const wasLive = account.status !== "DISCONNECTED";
  const isLeaving = account.status_reason === "deletion_pending";
  const ended = await tables.accounts.change(
    account.id,
    {},
    {
      status: "DISCONNECTED",
      // A deletion under way stays one: whoever asked for it waits for its end.
      status_reason: keepRow && !isLeaving ? "disconnected_by_request" : "deletion_pending",
      ...(wasLive ? { status_changed_at: now } : {}),
      credential: null,
      access_digest: null,
      refresh_digest: null,
      expires_at: null,
      life_ms: null,
      refresh_expires_at: null,
    },
  );
  const event = { chain: account.project_id, actor: actorOf(change.principal) };
  if (wasLive && ended !== undefined)
    record({ ...event, name: "account.disconnected", subject: account.id, details: statusDetails(ended) });
  if (!keepRow) await leave(needs, change, ending);
  return queued;
}

/** Authorizations still in the air are withdrawn with the account. */
async function queueWaiting(
  needs: Needs,
  { tables }: Change,
  { account, connection }: Ending,
): Promise<RevocationId[]> {
  const queued: RevocationId[] = [];
  for (const attempt of await tables.attempts.waitingOf(account.id)) {
    const tokens = needs.vault.openAttempt(attempt);
    if (!(await tables.attempts.close(attempt.id, "FAILED")) || tokens === undefined) continue;
    const ask = { project: account.project_id, provider: needs.vault.provider(connection), tokens };
    queued.push(await needs.vault.queueRevocation(tables, { ...ask, user: attempt.provider_user_id }));
  }
  return queued;
}

async function queueOwn(needs: Needs, { tables }: Change, ending: Ending): Promise<RevocationId[]> {
  const { account, connection } = ending;
  const tokens = needs.vault.openAccount(account);
  if (tokens === undefined) return [];
  return [
    await needs.vault.queueRevocation(tables, {
      project: account.project_id,
      provider: needs.vault.provider(connection),
      tokens: { ...tokens, expiresAt: account.expires_at },
      user: account.provider_user_id,
      account: { id: account.id, reach: ending.wholeGrant ? "grant" : "alone", erase: !ending.keepRow },
    }),
  ];
}

/** Tokens bound to the account end with it; its row goes at once when no revocation is to be waited for. */
async function leave(needs: Needs, { tables, record, principal }: Change, { account }: Ending): Promise<void> {
  const event = { chain: account.project_id, actor: actorOf(principal) };
  for (const token of await tables.tokens.boundTo(account.id)) {
    const ended = await tables.tokens.revokeTree(token, needs.now());
    for (const subject of ended) record({ ...event, name: "token.revoked", subject });
  }
  // What an earlier disconnect left to be revoked is waited for as well.
  const isAwaited = (await tables.revocations.eraseAfter(account.id)) > 0;
  if (!isAwaited && (await tables.accounts.eraseEnded(account.id)))
    record({ ...event, name: "account.deleted", subject: account.id, details: deletedDetails });
}
