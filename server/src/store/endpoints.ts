// Endpoints: the proxy routes of a project, addressed by slug.
import type { Kysely } from "kysely";
import type { ConnectionId, EndpointId, ProjectId } from "../rules/ids.ts";
import type { EndpointRow } from "./gateway-rows.ts";
import { type Page, type PageAsk, pageOf } from "./page.ts";
import type { Schema } from "./schema.ts";

export type EndpointChange = Partial<Omit<EndpointRow, "id" | "project_id" | "slug" | "created_at">>;

export interface Endpoints {
  /** False when the project has an endpoint of that slug. */
  add(row: EndpointRow): Promise<boolean>;
  bySlug(project: ProjectId, slug: string): Promise<EndpointRow | undefined>;
  find(project: ProjectId, id: EndpointId): Promise<EndpointRow | undefined>;
  page(project: ProjectId, ask: PageAsk): Promise<Page<EndpointRow>>;
  /** Compare-and-set on what was read; undefined when somebody else changed it since. */
  change(was: Pick<EndpointRow, "id" | "updated_at">, change: EndpointChange): Promise<EndpointRow | undefined>;
  erase(project: ProjectId, id: EndpointId): Promise<boolean>;
  /** Slugs of the endpoints that use a connection. */
  ofConnection(connection: ConnectionId): Promise<readonly string[]>;
}

export function endpointsTable(db: Kysely<Schema>): Endpoints {
  const rows = () => db.selectFrom("endpoints").selectAll();
  return {
    async add(row) {
      const added = await db
        .insertInto("endpoints")
        .values(row)
        .onConflict((conflict) => conflict.columns(["project_id", "slug"]).doNothing())
        .returning("id")
        .executeTakeFirst();
      return added !== undefined;
    },
    async bySlug(project, slug) {
      return rows().where("project_id", "=", project).where("slug", "=", slug).executeTakeFirst();
    },
    async find(project, id) {
      return rows().where("project_id", "=", project).where("id", "=", id).executeTakeFirst();
    },
    async page(project, ask) {
      return pageOf(rows().where("project_id", "=", project), ask);
    },
    async change(was, change) {
      return db
        .updateTable("endpoints")
        .set(change)
        .where("id", "=", was.id)
        .where("updated_at", "=", was.updated_at)
        .returningAll()
        .executeTakeFirst();
    },
    async erase(project, id) {
      const gone = await db
        .deleteFrom("endpoints")
        .where("project_id", "=", project)
        .where("id", "=", id)
        .executeTakeFirst();
      return gone.numDeletedRows === 1n;
    },
    async ofConnection(connection) {
      const found = await db.selectFrom("endpoints").select("slug").where("connection_id", "=", connection).execute();
      return found.map(({ slug }) => slug);
    },
  };
}
