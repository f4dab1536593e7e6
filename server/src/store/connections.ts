// Connections: how we talk to one OAuth provider.
import type { Kysely } from "kysely";
import type { ConnectionId, ProjectId } from "../rules/ids.ts";
import { type Page, type PageAsk, pageOf } from "./page.ts";
import type { ConnectionRow, Schema } from "./schema.ts";

export type ConnectionChange = Partial<Omit<ConnectionRow, "id" | "project_id" | "name" | "preset" | "created_at">>;

export interface Connections {
  /** False when the project has one of that name. */
  add(row: ConnectionRow): Promise<boolean>;
  byName(project: ProjectId, name: string): Promise<ConnectionRow | undefined>;
  find(id: ConnectionId): Promise<ConnectionRow | undefined>;
  page(project: ProjectId, ask: PageAsk): Promise<Page<ConnectionRow>>;
  ofPreset(project: ProjectId, presets: readonly string[]): Promise<readonly ConnectionRow[]>;
  /** Compare-and-set on `updated_at`: false when somebody changed it in between. */
  change(id: ConnectionId, readAt: number, change: ConnectionChange): Promise<boolean>;
  erase(id: ConnectionId): Promise<void>;
  accountCount(id: ConnectionId): Promise<number>;
}

export function connectionsTable(db: Kysely<Schema>): Connections {
  const ofProject = (project: ProjectId) => db.selectFrom("connections").selectAll().where("project_id", "=", project);
  return {
    async add(row) {
      const result = await db
        .insertInto("connections")
        .values(row)
        .onConflict((conflict) => conflict.columns(["project_id", "name"]).doNothing())
        .executeTakeFirst();
      return (result.numInsertedOrUpdatedRows ?? 0n) === 1n;
    },
    async byName(project, name) {
      return ofProject(project).where("name", "=", name).executeTakeFirst();
    },
    async find(id) {
      return db.selectFrom("connections").selectAll().where("id", "=", id).executeTakeFirst();
    },
    async page(project, ask) {
      return pageOf(ofProject(project), ask);
    },
    async ofPreset(project, presets) {
      return ofProject(project)
        .where("preset", "in", [...presets])
        .execute();
    },
    async change(id, readAt, change) {
      const result = await db
        .updateTable("connections")
        .set(change)
        .where("id", "=", id)
        .where("updated_at", "=", readAt)
        .executeTakeFirst();
      return result.numUpdatedRows === 1n;
    },
    async erase(id) {
      await db.deleteFrom("connections").where("id", "=", id).execute();
    },
    async accountCount(id) {
      const row = await db
        .selectFrom("accounts")
        .select((eb) => eb.fn.countAll<number>().as("count"))
        .where("connection_id", "=", id)
        .executeTakeFirstOrThrow();
      return Number(row.count);
    },
  };
}
