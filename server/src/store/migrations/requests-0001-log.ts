// The live log: records, their counts in slots of time, the newest headroom of accounts. Forward only.
import { type Kysely, sql } from "kysely";

/** A value that most records lack is indexed where it is there. */
const optional = ["endpoint", "tool", "account_id", "identifier", "agent", "refusal"];
const asked = ["status", "method", "surface", "connection", "token_id", "token_name", ...optional];

export async function up(db: Kysely<unknown>, kind: "sqlite" | "postgres"): Promise<void> {
  const text = ["id", "project_id", "surface", "method", "path", "token_id", "token_name"];
  const number = ["id_key", "project_key", "at", "status", "bytes_in", "bytes_out"];
  const textOrNull = ["endpoint", "tool", "connection", "account_id", "identifier", "agent", "run_id", "refusal"];
  textOrNull.push("upstream_request_id", "hashed_token", "rate_resource", "trace_id", "address");
  const numberOrNull = ["upstream_status", "rate_limit", "rate_remaining", "rate_reset_at"];
  // Never given twice, also when every row is gone: a stream resumes by it.
  let table = db.schema
    .createTable("requests")
    .addColumn("seq", kind === "sqlite" ? "integer" : "bigint", (column) =>
      kind === "sqlite" ? column.primaryKey().autoIncrement() : column.primaryKey().generatedAlwaysAsIdentity(),
    );
  for (const name of text) table = table.addColumn(name, "text", (column) => column.notNull());
  for (const name of number) table = table.addColumn(name, "bigint", (column) => column.notNull());
  for (const name of textOrNull) table = table.addColumn(name, "text");
  for (const name of numberOrNull) table = table.addColumn(name, "bigint");
  for (const name of ["queue_ms", "credential_ms", "upstream_ms"]) table = table.addColumn(name, "double precision");
  await table.addColumn("total_ms", "double precision", (column) => column.notNull()).execute();
  await indexes(db, kind);
  await counters(db);
}

async function indexes(db: Kysely<unknown>, kind: "sqlite" | "postgres"): Promise<void> {
  // In SQLite each index ends in the row's number, which is `seq`.
  const order = kind === "sqlite" ? ["at"] : ["at", "seq"];
  await db.schema.createIndex("requests_by_id").on("requests").column("id_key").execute();
  await db.schema
    .createIndex("requests_by_at")
    .on("requests")
    .columns(["project_key", ...order])
    .execute();
  for (const name of asked) {
    const index = db.schema.createIndex(`requests_by_${name}`).on("requests");
    const made = index.columns(["project_key", name, ...order]);
    await (optional.includes(name) ? made.where(sql.ref(name), "is not", null) : made).execute();
  }
}

async function counters(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable("request_counts")
    .addColumn("project_id", "text", (column) => column.notNull())
    .addColumn("width", "bigint", (column) => column.notNull())
    .addColumn("slot", "bigint", (column) => column.notNull())
    .addColumn("kind", "text", (column) => column.notNull())
    .addColumn("label", "text", (column) => column.notNull())
    .addColumn("count", "bigint", (column) => column.notNull())
    .addPrimaryKeyConstraint("request_counts_key", ["project_id", "width", "slot", "kind", "label"])
    .execute();
  await db.schema.createIndex("request_counts_by_slot").on("request_counts").columns(["width", "slot"]).execute();
  await db.schema
    .createTable("request_headroom")
    .addColumn("project_id", "text", (column) => column.notNull())
    .addColumn("account_id", "text", (column) => column.notNull())
    .addColumn("resource", "text", (column) => column.notNull())
    .addColumn("connection", "text")
    .addColumn("identifier", "text")
    .addColumn("most", "bigint", (column) => column.notNull())
    .addColumn("remaining", "bigint", (column) => column.notNull())
    .addColumn("reset_at", "bigint", (column) => column.notNull())
    .addColumn("at", "bigint", (column) => column.notNull())
    .addPrimaryKeyConstraint("request_headroom_key", ["project_id", "account_id", "resource"])
    .execute();
  await db.schema.createIndex("request_headroom_by_at").on("request_headroom").column("at").execute();
}
