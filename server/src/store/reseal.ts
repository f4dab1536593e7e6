// Every column that holds sealed values, and how one value is swapped for the same under another key.
import { type Kysely, type RawBuilder, sql } from "kysely";
import type { Schema } from "./schema.ts";

export interface SealedColumn {
  readonly table: keyof Schema;
  /** The primary key: the row that an envelope is bound to. */
  readonly key: string;
  readonly column: string;
  /** The column with the project that it is bound to; null: to none, but to the instance. */
  readonly project: string | null;
}

/** A new sealed column goes in here, else rotation would leave it behind (promise 3). `sealing_keys` proves each key by itself. */
export const sealedColumns: readonly SealedColumn[] = [
  { table: "meta", key: "name", column: "value", project: null },
  { table: "connections", key: "id", column: "client_secret", project: "project_id" },
  { table: "accounts", key: "id", column: "credential", project: "project_id" },
  { table: "attempts", key: "id", column: "verifier", project: "project_id" },
  { table: "attempts", key: "id", column: "credential", project: "project_id" },
  { table: "revocations", key: "id", column: "payload", project: "project_id" },
  { table: "idempotency", key: "key_digest", column: "answer", project: "project_id" },
  { table: "endpoints", key: "id", column: "inject_headers", project: "project_id" },
];

export interface SealedValue {
  readonly row: string;
  readonly project: string;
  readonly sealed: string;
}

export interface SealedValues {
  /** How many values of a column one key seals; without a key, how many there are. */
  count(column: SealedColumn, keyId?: string): Promise<number>;
  /** The next values of a column, in the order of its rows, that another key than this one seals. */
  notUnder(
    column: SealedColumn,
    keyId: string,
    page: { readonly after: string; readonly limit: number },
  ): Promise<readonly SealedValue[]>;
  /**
   * Compare-and-set on the envelope that was read: false when the row holds another by now. One row at a time, so that nobody
   * who holds two rows can wait for us while we wait for them.
   */
  swap(column: SealedColumn, was: SealedValue, sealed: string): Promise<boolean>;
  /** Forgets keys that seal nothing any more; their ids may come back as new ones. */
  retire(keyIds: readonly string[]): Promise<void>;
}

export function sealedValues(db: Kysely<Schema>): SealedValues {
  return {
    async count({ table, column }, keyId) {
      const found = sql<{
        count: number;
      }>`select count(*) as count from ${sql.table(table)} where ${under(column, keyId)}`;
      return Number((await found.execute(db)).rows[0]?.count ?? 0);
    },
    async notUnder({ table, key, column, project }, keyId, { after, limit }) {
      const owner = project === null ? sql.lit("instance") : sql.ref(project);
      const found = sql<SealedValue>`
        select ${sql.ref(key)} as "row", ${owner} as project, ${sql.ref(column)} as sealed from ${sql.table(table)}
        where ${sql.ref(key)} > ${after} and ${under(column)} and not ${under(column, keyId)}
        order by ${sql.ref(key)} limit ${limit}`;
      return (await found.execute(db)).rows;
    },
    async swap({ table, key, column }, was, sealed) {
      const swapped = await sql`
        update ${sql.table(table)} set ${sql.ref(column)} = ${sealed}
        where ${sql.ref(key)} = ${was.row} and ${sql.ref(column)} = ${was.sealed}`.execute(db);
      return swapped.numAffectedRows === 1n;
    },
    async retire(keyIds) {
      if (keyIds.length === 0) return;
      await db.deleteFrom("sealing_keys").where("id", "in", keyIds).execute();
      const noted = keyIds.map((id) => `key_added:${id}`);
      await db.deleteFrom("meta").where("name", "in", noted).execute();
    },
  };
}

/** Ids of keys are letters and digits, so nothing in them is a wildcard. */
function under(column: string, keyId?: string): RawBuilder<unknown> {
  return sql`${sql.ref(column)} like ${keyId === undefined ? "bhs1.%" : `bhs1.${keyId}.%`}`;
}
