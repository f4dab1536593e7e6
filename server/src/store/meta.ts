// Facts about this database as a whole, and the keys that seal values in it.
import type { Kysely } from "kysely";
import type { Schema, SealingKeyRow } from "./schema.ts";

export type MetaName = "audit_key" | "admin_token_issued" | `key_added:${string}`;

export interface Meta {
  find(name: MetaName): Promise<string | undefined>;
  /** False when the name was there already: the first of several processes wins. */
  putOnce(name: MetaName, value: string): Promise<boolean>;
  sealingKeys(): Promise<readonly SealingKeyRow[]>;
  addSealingKey(row: SealingKeyRow): Promise<void>;
}

export function metaTable(db: Kysely<Schema>): Meta {
  return {
    async find(name) {
      const row = await db.selectFrom("meta").select("value").where("name", "=", name).executeTakeFirst();
      return row?.value;
    },
    async putOnce(name, value) {
      const result = await db
        .insertInto("meta")
        .values({ name, value })
        .onConflict((conflict) => conflict.column("name").doNothing())
        .executeTakeFirst();
      return (result.numInsertedOrUpdatedRows ?? 0n) === 1n;
    },
    async sealingKeys() {
      return db.selectFrom("sealing_keys").selectAll().orderBy("created_at").execute();
    },
    async addSealingKey(row) {
      await db
        .insertInto("sealing_keys")
        .values(row)
        .onConflict((conflict) => conflict.column("id").doNothing())
        .execute();
    },
  };
}
