// Credentials waiting to be revoked at their provider: tried for 7 days, never forgotten (design §10.6).
import type { Kysely } from "kysely";
import type { AccountId, RevocationId } from "../rules/ids.ts";
import type { RevocationRow, Schema } from "./schema.ts";

export interface Revocations {
  add(row: RevocationRow): Promise<void>;
  find(id: RevocationId): Promise<RevocationRow | undefined>;
  due(now: number, limit: number): Promise<readonly RevocationRow[]>;
  /** Takes one for a while in one statement, so that two processes do not send it at once. */
  take(id: RevocationId, now: number, until: number): Promise<RevocationRow | undefined>;
  postpone(id: RevocationId, nextAt: number): Promise<void>;
  reseal(id: RevocationId, payload: string): Promise<void>;
  erase(id: RevocationId): Promise<void>;
  /** Lets the account's row go once its revocations are done; how many there are. */
  eraseAfter(account: AccountId): Promise<number>;
}

export function revocationsTable(db: Kysely<Schema>): Revocations {
  return {
    async add(row) {
      await db.insertInto("revocations").values(row).execute();
    },
    async find(id) {
      return db.selectFrom("revocations").selectAll().where("id", "=", id).executeTakeFirst();
    },
    async due(now, limit) {
      return db
        .selectFrom("revocations")
        .selectAll()
        .where("next_at", "<=", now)
        .orderBy("next_at")
        .limit(limit)
        .execute();
    },
    async take(id, now, until) {
      return db
        .updateTable("revocations")
        .set((eb) => ({ next_at: until, tries: eb("tries", "+", 1) }))
        .where("id", "=", id)
        .where("next_at", "<=", now)
        .returningAll()
        .executeTakeFirst();
    },
    async postpone(id, nextAt) {
      await db.updateTable("revocations").set({ next_at: nextAt }).where("id", "=", id).execute();
    },
    async reseal(id, payload) {
      await db.updateTable("revocations").set({ payload }).where("id", "=", id).execute();
    },
    async erase(id) {
      await db.deleteFrom("revocations").where("id", "=", id).execute();
    },
    async eraseAfter(account) {
      const result = await db
        .updateTable("revocations")
        .set({ erase_account: 1 })
        .where("account_id", "=", account)
        .executeTakeFirst();
      return Number(result.numUpdatedRows);
    },
  };
}
