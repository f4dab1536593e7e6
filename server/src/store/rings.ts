// Which keys each running server has: before values are sealed anew, all of them must have the key they will meet.
import { type Kysely, sql } from "kysely";
import { isPostgres } from "./audit-actor.ts";
import { databaseClock } from "./clock.ts";
import type { Schema } from "./schema.ts";

/** The key ring of one process, as it last said. */
export interface ServerRing {
  /** Newest first: the first one seals. */
  readonly keys: readonly string[];
  /** By the clock of the database: a host whose own clock is wrong is heard like any other. */
  readonly at: number;
}

export interface Rings {
  note(holder: string, keys: readonly string[]): Promise<void>;
  forget(holder: string): Promise<void>;
  /** Servers that were heard in the time before now. */
  heardWithin(ms: number): Promise<readonly ServerRing[]>;
  eraseSilent(ms: number): Promise<void>;
}

const prefix = "server:";

export function ringsTable(db: Kysely<Schema>): Rings {
  const now = async (): Promise<number> => {
    const clock = databaseClock(isPostgres(db) ? "postgres" : "sqlite");
    const { rows } = await sql<{ readonly now: number | string }>`select ${clock} as now`.execute(db);
    return Number(rows[0]?.now);
  };
  const noted = async () => {
    const rows = await db.selectFrom("meta").selectAll().where("name", "like", `${prefix}%`).execute();
    return rows.map(({ name, value }) => ({ name, ring: JSON.parse(value) as ServerRing }));
  };
  return {
    async note(holder, keys) {
      const ring: ServerRing = { keys, at: await now() };
      const value = JSON.stringify(ring);
      await db
        .insertInto("meta")
        .values({ name: prefix + holder, value })
        .onConflict((conflict) => conflict.column("name").doUpdateSet({ value }))
        .execute();
    },
    async forget(holder) {
      await db
        .deleteFrom("meta")
        .where("name", "=", prefix + holder)
        .execute();
    },
    async heardWithin(ms) {
      const since = (await now()) - ms;
      return (await noted()).map(({ ring }) => ring).filter(({ at }) => at >= since);
    },
    async eraseSilent(ms) {
      const before = (await now()) - ms;
      const old = (await noted()).filter(({ ring }) => ring.at < before).map(({ name }) => name);
      if (old.length > 0) await db.deleteFrom("meta").where("name", "in", old).execute();
    },
  };
}
