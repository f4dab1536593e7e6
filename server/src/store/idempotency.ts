// Answers to writes that carried an Idempotency-Key (design §10.9).
import type { Kysely } from "kysely";
import type { IdempotencyRow, Schema } from "./schema.ts";

export interface Idempotency {
  /** False when the key is there already. */
  begin(row: IdempotencyRow): Promise<boolean>;
  find(keyDigest: string): Promise<IdempotencyRow | undefined>;
  answer(keyDigest: string, answer: { readonly status: number; readonly answer: string }): Promise<void>;
  /** Gives the key free: nothing was done under it. */
  drop(keyDigest: string): Promise<void>;
  eraseExpired(now: number): Promise<void>;
}

export function idempotencyTable(db: Kysely<Schema>): Idempotency {
  return {
    async begin(row) {
      await db
        .deleteFrom("idempotency")
        .where("key_digest", "=", row.key_digest)
        .where("expires_at", "<=", row.started_at)
        .execute();
      const result = await db
        .insertInto("idempotency")
        .values(row)
        .onConflict((conflict) => conflict.column("key_digest").doNothing())
        .executeTakeFirst();
      return (result.numInsertedOrUpdatedRows ?? 0n) === 1n;
    },
    async find(keyDigest) {
      return db.selectFrom("idempotency").selectAll().where("key_digest", "=", keyDigest).executeTakeFirst();
    },
    async answer(keyDigest, { status, answer }) {
      await db
        .updateTable("idempotency")
        .set({ state: "answered", status, answer })
        .where("key_digest", "=", keyDigest)
        .where("state", "=", "started")
        .execute();
    },
    async drop(keyDigest) {
      await db.deleteFrom("idempotency").where("key_digest", "=", keyDigest).where("state", "=", "started").execute();
    },
    async eraseExpired(now) {
      await db.deleteFrom("idempotency").where("expires_at", "<=", now).execute();
    },
  };
}
