// Totals over the whole life of a key. What is reserved here is counted as used until it is given back.
import { type Kysely, sql } from "kysely";
import { type DatabaseKind, databaseClock } from "./clock.ts";
import type { Schema } from "./schema.ts";

/** Somebody else may take some of what is left between two looks. */
const triesMax = 5;

export interface Totals {
  /** How much was reserved: `want`, or what was left, or nothing when that is less than `least`. */
  reserve(ask: {
    readonly key: string;
    readonly most: number;
    readonly want: number;
    readonly least: number;
  }): Promise<number>;
  /** Adds to each, beyond the end too; a negative amount is given back. Answers what is used then. */
  addTotals(
    amounts: readonly { readonly key: string; readonly amount: number }[],
  ): Promise<readonly { readonly key: string; readonly used: number }[]>;
  usedOf(key: string): Promise<number>;
}

export function totalsTable(db: Kysely<Schema>, kind: DatabaseKind): Totals {
  const now = databaseClock(kind);

  async function usedOf(key: string): Promise<number> {
    const row = await db.selectFrom("totals").select("used").where("key", "=", key).executeTakeFirst();
    return row?.used ?? 0;
  }

  /** One statement, so that no two processes are given the same. */
  async function reserved(key: string, amount: number, most: number): Promise<boolean> {
    const result = await db
      .insertInto("totals")
      .values({ key, used: amount, updated_at: now })
      .onConflict((conflict) =>
        conflict
          .column("key")
          .doUpdateSet({ used: sql`totals.used + excluded.used`, updated_at: now })
          .where(sql<boolean>`totals.used + excluded.used <= ${most}`),
      )
      .executeTakeFirst();
    return (result.numInsertedOrUpdatedRows ?? 0n) === 1n;
  }

  return {
    usedOf,
    async reserve({ key, most, want, least }) {
      let amount = Math.min(want, most);
      for (let tries = 0; tries < triesMax && amount >= least; tries += 1) {
        if (await reserved(key, amount, most)) return amount;
        amount = Math.min(want, most - (await usedOf(key)));
      }
      return 0;
    },
    async addTotals(amounts) {
      if (amounts.length === 0) return [];
      // In one order everywhere, so that two processes never wait for each other.
      const rows = amounts.toSorted((a, b) => (a.key < b.key ? -1 : 1));
      return db
        .insertInto("totals")
        .values(rows.map(({ key, amount }) => ({ key, used: amount, updated_at: now })))
        .onConflict((conflict) =>
          conflict.column("key").doUpdateSet({ used: sql`totals.used + excluded.used`, updated_at: now }),
        )
        .returning(["key", "used"])
        .execute();
    },
  };
}
