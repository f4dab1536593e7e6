// The trace of every refresh: committed before it is sent, closed when its outcome is known (design §10.1).
import type { Kysely } from "kysely";
import type { AccountId } from "../rules/ids.ts";
import type { RefreshRow, Schema } from "./schema.ts";

export interface Refreshes {
  begin(row: RefreshRow): Promise<void>;
  end(id: string, outcome: string, now: number): Promise<void>;
  /** Attempts to spend this very refresh token whose outcome nobody knows, other than one's own: under way, left behind, or unanswered. */
  unresolved(account: AccountId, refreshDigest: string, except: string): Promise<readonly RefreshRow[]>;
  /** Closes everything left open on a token that is settled now. */
  endAllOn(
    account: AccountId,
    refreshDigest: string,
    end: { readonly outcome: string; readonly now: number },
  ): Promise<void>;
  /** Accounts with an attempt that was left behind. */
  abandoned(startedBefore: number, limit: number): Promise<readonly RefreshRow[]>;
  eraseEndedBefore(time: number): Promise<void>;
}

export function refreshesTable(db: Kysely<Schema>): Refreshes {
  const open = () => db.selectFrom("refreshes").selectAll().where("ended_at", "is", null);
  return {
    async begin(row) {
      await db.insertInto("refreshes").values(row).execute();
    },
    async end(id, outcome, now) {
      await db.updateTable("refreshes").set({ ended_at: now, outcome }).where("id", "=", id).execute();
    },
    async unresolved(account, refreshDigest, except) {
      return db
        .selectFrom("refreshes")
        .selectAll()
        .where((eb) => eb.or([eb("ended_at", "is", null), eb("outcome", "=", "unknown")]))
        .where("account_id", "=", account)
        .where("refresh_digest", "=", refreshDigest)
        .where("id", "!=", except)
        .execute();
    },
    async endAllOn(account, refreshDigest, { outcome, now }) {
      await db
        .updateTable("refreshes")
        .set({ ended_at: now, outcome })
        .where("account_id", "=", account)
        .where("refresh_digest", "=", refreshDigest)
        .where((eb) => eb.or([eb("ended_at", "is", null), eb("outcome", "=", "unknown")]))
        .execute();
    },
    async abandoned(startedBefore, limit) {
      return open().where("started_at", "<", startedBefore).orderBy("started_at").limit(limit).execute();
    },
    async eraseEndedBefore(time) {
      await db.deleteFrom("refreshes").where("ended_at", "<", time).execute();
    },
  };
}
