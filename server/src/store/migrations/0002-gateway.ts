// The gateway: endpoints, budgets of tokens, shared counters, checkpoints of the audit. Forward only.
import { type Kysely, sql } from "kysely";
import { actorColumns } from "../audit-actor.ts";
import { createIndex, createTable, type TableSpec } from "./table.ts";

const tables: readonly TableSpec[] = [
  {
    name: "endpoints",
    key: ["id"],
    columns: `id text, project_id text, slug text, name text, upstream_url text, methods text, connection_id text,
      identifier text?, timeout_seconds integer, strip_prefix integer, preserve_query integer, forward_headers text,
      blocked_headers text, inject_names text, inject_headers text?, rate_limit_per_minute integer?,
      rate_limit_per_hour integer?, active integer, created_at bigint, updated_at bigint`,
    foreign: [
      ["project_id", "projects", "restrict"],
      ["connection_id", "connections", "restrict"],
    ],
    unique: [["project_id", "slug"]],
    indexes: [["connection_id"]],
  },
  {
    name: "limit_slices",
    key: ["key", "slice"],
    columns: "key text, slice bigint, used bigint, ends_at bigint",
    indexes: [["ends_at"]],
  },
  {
    name: "limit_slots",
    key: ["key", "id"],
    columns: "key text, id text, until_at bigint",
    indexes: [["until_at"]],
  },
  { name: "totals", key: ["key"], columns: "key text, used bigint, updated_at bigint" },
  {
    name: "audit_checkpoints",
    key: ["chain", "seq"],
    columns: "chain text, seq bigint, hash text, at bigint, signature text",
  },
];

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const spec of tables) await createTable(db, spec);
  await db.schema
    .alterTable("tokens")
    .addColumn("budgets", "text", (column) => column.notNull().defaultTo("[]"))
    .execute();
  for (const columns of [
    ["chain", "at", "seq"],
    ["chain", "name", "at", "seq"],
    ["chain", "subject", "at", "seq"],
  ]) {
    await createIndex(db, "audit_events", columns);
  }
  await db.schema
    .alterTable("audit_heads")
    .addColumn("last", "text", (column) => column.notNull().defaultTo(""))
    .execute();
  await sql`update audit_heads set last = coalesce((select hash from audit_events
    where audit_events.chain = audit_heads.chain and audit_events.seq = audit_heads.seq), '')`.execute(db);
  const { kind, who } = actorColumns(db);
  await sql`create index audit_events_by_actor_kind on audit_events (chain, ${kind}, "at", seq)`.execute(db);
  await sql`create index audit_events_by_actor on audit_events (chain, ${who}, "at", seq)`.execute(db);
}
