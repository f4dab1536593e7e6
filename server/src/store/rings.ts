// Which keys each running server has: before values are sealed anew, all of them must have the key they will meet.
import type { Kysely } from "kysely";
import type { Schema } from "./schema.ts";

/** The key ring of one process, as it last said. */
export interface ServerRing {
  /** Newest first: the first one seals. */
  readonly keys: readonly string[];
  readonly at: number;
}

export interface Rings {
  note(holder: string, ring: ServerRing): Promise<void>;
  forget(holder: string): Promise<void>;
  /** Servers that were heard since a time. */
  since(time: number): Promise<readonly ServerRing[]>;
  eraseBefore(time: number): Promise<void>;
}

const prefix = "server:";

export function ringsTable(db: Kysely<Schema>): Rings {
  const noted = async () => {
    const rows = await db.selectFrom("meta").selectAll().where("name", "like", `${prefix}%`).execute();
    return rows.map(({ name, value }) => ({ name, ring: JSON.parse(value) as ServerRing }));
  };
  return {
    async note(holder, ring) {
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
    async since(time) {
      return (await noted()).map(({ ring }) => ring).filter(({ at }) => at >= time);
    },
    async eraseBefore(time) {
      const old = (await noted()).filter(({ ring }) => ring.at < time).map(({ name }) => name);
      if (old.length > 0) await db.deleteFrom("meta").where("name", "in", old).execute();
    },
  };
}
