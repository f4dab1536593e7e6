// Gateway tokens: digests, never the tokens.
import { type Kysely, sql } from "kysely";
import type { AccountId, ProjectId, TokenId } from "../rules/ids.ts";
import { type Page, type PageAsk, pageOf } from "./page.ts";
import type { Schema, TokenRow } from "./schema.ts";

export interface Tokens {
  add(row: TokenRow): Promise<void>;
  byDigest(digest: string): Promise<TokenRow | undefined>;
  find(project: ProjectId | null, id: TokenId): Promise<TokenRow | undefined>;
  /** With a root: only that token and what was minted with it. */
  page(project: ProjectId | null, root: TokenId | null, ask: PageAsk): Promise<Page<TokenRow>>;
  /** Whether a token is another or was minted with it, at any depth. */
  isWithin(id: TokenId, root: string): Promise<boolean>;
  /** A token that is not revoked, held so until the transaction ends: a revocation waits, or was first. */
  lockLiving(id: TokenId): Promise<TokenRow | undefined>;
  /** Revokes a token and everything minted with it, at any depth. Answers the ids that ended now. */
  revokeTree(root: TokenId, now: number): Promise<readonly TokenId[]>;
  /** The living tokens bound to an account. */
  boundTo(account: AccountId): Promise<readonly TokenId[]>;
  touch(id: TokenId, now: number): Promise<void>;
}

export function tokensTable(db: Kysely<Schema>): Tokens {
  const ofProject = (project: ProjectId | null) =>
    db
      .selectFrom("tokens")
      .selectAll()
      .where((eb) => (project === null ? eb("project_id", "is", null) : eb("project_id", "=", project)));
  return {
    async add(row) {
      await db.insertInto("tokens").values(row).execute();
    },
    async byDigest(digest) {
      return db.selectFrom("tokens").selectAll().where("digest", "=", digest).executeTakeFirst();
    },
    async find(project, id) {
      return ofProject(project).where("id", "=", id).executeTakeFirst();
    },
    async page(project, root, ask) {
      const rows = ofProject(project);
      if (root === null) return pageOf(rows, ask);
      return pageOf(
        rows.where("id", "in", (eb) =>
          eb.selectFrom(treeOf(db, root).selectFrom("tree").select("tree.id").as("own")).select("own.id"),
        ),
        ask,
      );
    },
    async isWithin(id, root) {
      const row = await treeOf(db, root)
        .selectFrom("tree")
        .select("tree.id")
        .where("tree.id", "=", id)
        .executeTakeFirst();
      return row !== undefined;
    },
    async lockLiving(id) {
      return db
        .updateTable("tokens")
        .set((eb) => ({ name: eb.ref("name") }))
        .where("id", "=", id)
        .where("revoked_at", "is", null)
        .returningAll()
        .executeTakeFirst();
    },
    async revokeTree(root, now) {
      const ended: TokenId[] = [];
      // Again until nothing is found: on PostgreSQL a statement does not see the child of a token that was being minted while it
      // waited for that token's row, and the next statement does.
      for (;;) {
        const rows = await treeOf(db, root)
          .updateTable("tokens")
          .set({ revoked_at: now })
          .where("id", "in", (eb) => eb.selectFrom("tree").select("tree.id"))
          .where("revoked_at", "is", null)
          .returning("id")
          .execute();
        if (rows.length === 0) return ended;
        ended.push(...rows.map((row) => row.id));
      }
    },
    async boundTo(account) {
      const rows = await db
        .selectFrom("tokens")
        .select("id")
        .where("account_id", "=", account)
        .where("revoked_at", "is", null)
        .execute();
      return rows.map((row) => row.id);
    },
    async touch(id, now) {
      await db
        .updateTable("tokens")
        .set({ last_used_at: now })
        .where("id", "=", id)
        .where(sql<boolean>`coalesce(last_used_at, 0) < ${now}`)
        .execute();
    },
  };
}

function treeOf(db: Kysely<Schema>, root: string) {
  return db.withRecursive("tree", (query) =>
    query
      .selectFrom("tokens")
      .select("id")
      .where("id", "=", root as TokenId)
      .unionAll(query.selectFrom("tokens").innerJoin("tree", "tree.id", "tokens.parent_id").select("tokens.id")),
  );
}
