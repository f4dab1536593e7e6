// Projects.
import type { Kysely } from "kysely";
import type { ProjectId } from "../rules/ids.ts";
import { type Page, type PageAsk, pageOf } from "./page.ts";
import type { ProjectRow, Schema } from "./schema.ts";

export interface Projects {
  add(row: ProjectRow): Promise<void>;
  find(id: ProjectId): Promise<ProjectRow | undefined>;
  page(ask: PageAsk): Promise<Page<ProjectRow>>;
  ids(): Promise<readonly ProjectId[]>;
}

export function projectsTable(db: Kysely<Schema>): Projects {
  return {
    async add(row) {
      await db.insertInto("projects").values(row).execute();
    },
    async find(id) {
      return db.selectFrom("projects").selectAll().where("id", "=", id).executeTakeFirst();
    },
    async page(ask) {
      return pageOf(db.selectFrom("projects").selectAll(), ask);
    },
    async ids() {
      const rows = await db.selectFrom("projects").select("id").execute();
      return rows.map((row) => row.id);
    },
  };
}
