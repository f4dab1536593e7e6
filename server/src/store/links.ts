// Authorization links: digests of single-use URLs.
import type { Kysely } from "kysely";
import type { AccountId, LinkId } from "../rules/ids.ts";
import type { LinkRow, Schema } from "./schema.ts";

export interface Links {
  add(row: LinkRow): Promise<void>;
  find(id: LinkId): Promise<LinkRow | undefined>;
  byDigest(digest: string): Promise<LinkRow | undefined>;
  /** Counts one opening in one statement; undefined when spent, expired or opened too often. */
  open(digest: string, now: number, openingsMax: number): Promise<LinkRow | undefined>;
  /** Spends it in one statement; undefined when somebody else did, or it expired. */
  spend(id: LinkId, now: number): Promise<LinkRow | undefined>;
  spendAllOf(account: AccountId, now: number): Promise<void>;
  eraseOlderThan(time: number): Promise<void>;
}

export function linksTable(db: Kysely<Schema>): Links {
  return {
    async add(row) {
      await db.insertInto("links").values(row).execute();
    },
    async find(id) {
      return db.selectFrom("links").selectAll().where("id", "=", id).executeTakeFirst();
    },
    async byDigest(digest) {
      return db.selectFrom("links").selectAll().where("digest", "=", digest).executeTakeFirst();
    },
    async open(digest, now, openingsMax) {
      return db
        .updateTable("links")
        .set((eb) => ({ openings: eb("openings", "+", 1) }))
        .where("digest", "=", digest)
        .where("spent_at", "is", null)
        .where("expires_at", ">", now)
        .where("openings", "<", openingsMax)
        .returningAll()
        .executeTakeFirst();
    },
    async spend(id, now) {
      return db
        .updateTable("links")
        .set({ spent_at: now })
        .where("id", "=", id)
        .where("spent_at", "is", null)
        .returningAll()
        .executeTakeFirst();
    },
    async spendAllOf(account, now) {
      await db
        .updateTable("links")
        .set({ spent_at: now })
        .where("account_id", "=", account)
        .where("spent_at", "is", null)
        .execute();
    },
    async eraseOlderThan(time) {
      // Not under an attempt: it would go with its link, and with it tokens that wait to be confirmed or revoked.
      await db
        .deleteFrom("links")
        .where("expires_at", "<", time)
        .where((eb) =>
          eb.not(
            eb.exists(eb.selectFrom("attempts").select("attempts.id").whereRef("attempts.link_id", "=", "links.id")),
          ),
        )
        .execute();
    },
  };
}
