// The first schema. Forward only: a released migration is never edited.
import type { Kysely } from "kysely";

type Column = readonly [name: string, type: "text" | "bigint" | "integer", ...flags: ("null" | "unique")[]];

interface TableSpec {
  readonly name: string;
  readonly key: readonly string[];
  readonly columns: readonly Column[];
  readonly foreign?: readonly (readonly [column: string, table: string, onDelete: "cascade" | "restrict"])[];
  readonly unique?: readonly (readonly string[])[];
  readonly indexes?: readonly (readonly string[])[];
}

const project = ["project_id", "projects", "restrict"] as const;
const account = ["account_id", "accounts", "cascade"] as const;

const tables: readonly TableSpec[] = [
  { name: "meta", key: ["name"], columns: [["name", "text"], ["value", "text"]] },
  { name: "sealing_keys", key: ["id"], columns: [["id", "text"], ["check_value", "text"], ["created_at", "bigint"]] },
  {
    name: "projects",
    key: ["id"],
    columns: [["id", "text"], ["name", "text"], ["environment", "text"], ["created_at", "bigint"]],
  },
  {
    name: "tokens",
    key: ["id"],
    columns: [
      ["id", "text"], ["project_id", "text", "null"], ["parent_id", "text", "null"], ["name", "text"],
      ["digest", "text", "unique"], ["preview", "text"], ["scopes", "text"], ["limits", "text"],
      ["account_id", "text", "null"], ["agent_id", "text", "null"], ["created_at", "bigint"],
      ["expires_at", "bigint", "null"], ["last_used_at", "bigint", "null"], ["revoked_at", "bigint", "null"],
    ],
    foreign: [project],
    indexes: [["project_id", "created_at"], ["parent_id"], ["account_id"]],
  },
  {
    name: "connections",
    key: ["id"],
    columns: [
      ["id", "text"], ["project_id", "text"], ["name", "text"], ["preset", "text"], ["client_id", "text"],
      ["client_secret", "text"], ["scopes", "text"], ["hosts", "text"], ["settings", "text"], ["verification", "text"],
      ["allow_unverified", "integer"], ["verify_url_origins", "text"], ["created_at", "bigint"], ["updated_at", "bigint"],
    ],
    foreign: [project],
    unique: [["project_id", "name"]],
  },
  {
    name: "accounts",
    key: ["id"],
    columns: [
      ["id", "text"], ["project_id", "text"], ["connection_id", "text"], ["identifier", "text"], ["status", "text"],
      ["status_reason", "text", "null"], ["status_changed_at", "bigint"], ["provider_user_id", "text", "null"],
      ["provider_user", "text", "null"], ["scopes", "text"], ["credential", "text", "null"],
      ["access_digest", "text", "null"], ["refresh_digest", "text", "null"], ["expires_at", "bigint", "null"],
      ["refresh_expires_at", "bigint", "null"], ["installations", "text", "null"], ["checked_at", "bigint", "null"],
      ["last_used_at", "bigint", "null"], ["refresh_failures", "integer"], ["refresh_not_before", "bigint"],
      ["unauthorized_count", "integer"], ["lease_holder", "text", "null"], ["lease_until", "bigint"], ["created_at", "bigint"],
    ],
    foreign: [project, ["connection_id", "connections", "restrict"]],
    unique: [["connection_id", "identifier"]],
    indexes: [["project_id", "created_at"], ["status", "expires_at"], ["status", "checked_at"]],
  },
  {
    name: "links",
    key: ["id"],
    columns: [
      ["id", "text"], ["project_id", "text"], ["account_id", "text"], ["digest", "text", "unique"],
      ["verify_url", "text", "null"], ["caller_state", "text", "null"], ["return_url", "text", "null"],
      ["openings", "integer"], ["created_at", "bigint"], ["expires_at", "bigint"], ["spent_at", "bigint", "null"],
    ],
    foreign: [project, account],
    indexes: [["expires_at"]],
  },
  {
    name: "attempts",
    key: ["id"],
    columns: [
      ["id", "text"], ["project_id", "text"], ["connection_id", "text"], ["account_id", "text"], ["link_id", "text"],
      ["status", "text"], ["state_digest", "text", "unique"], ["browser_digest", "text"], ["verifier", "text"],
      ["auth_request_digest", "text", "null", "unique"], ["credential", "text", "null"], ["grant_facts", "text", "null"],
      ["provider_user_id", "text", "null"],
      ["created_at", "bigint"], ["expires_at", "bigint"],
    ],
    foreign: [project, account, ["connection_id", "connections", "cascade"], ["link_id", "links", "cascade"]],
    indexes: [["status", "expires_at"]],
  },
  {
    name: "refreshes",
    key: ["id"],
    columns: [
      ["id", "text"], ["account_id", "text"], ["refresh_digest", "text"], ["holder", "text"], ["started_at", "bigint"],
      ["ended_at", "bigint", "null"], ["outcome", "text", "null"],
    ],
    foreign: [account],
    indexes: [["account_id", "ended_at"], ["ended_at", "started_at"]],
  },
  {
    name: "revocations",
    key: ["id"],
    columns: [
      ["id", "text"], ["project_id", "text"], ["account_id", "text", "null"], ["payload", "text"], ["whole_grant", "integer"],
      ["erase_account", "integer"], ["tries", "integer"], ["next_at", "bigint"], ["give_up_at", "bigint"], ["created_at", "bigint"],
    ],
    foreign: [project],
    indexes: [["next_at"], ["account_id"]],
  },
  {
    name: "idempotency",
    key: ["key_digest"],
    columns: [
      ["key_digest", "text"], ["project_id", "text"], ["body_digest", "text"], ["state", "text"], ["started_at", "bigint"],
      ["deadline_at", "bigint"], ["status", "integer", "null"], ["answer", "text", "null"], ["expires_at", "bigint"],
    ],
    indexes: [["expires_at"]],
  },
  {
    name: "audit_events",
    key: ["chain", "seq"],
    columns: [
      ["chain", "text"], ["seq", "bigint"], ["id", "text", "unique"], ["at", "bigint"], ["name", "text"], ["actor", "text"],
      ["subject", "text"], ["details", "text"], ["prev", "text"], ["hash", "text"],
    ],
  },
  { name: "audit_heads", key: ["chain"], columns: [["chain", "text"], ["seq", "bigint"], ["hash", "text"]] },
];

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const spec of tables) await createTable(db, spec);
}

async function createTable(db: Kysely<unknown>, spec: TableSpec): Promise<void> {
  let builder = db.schema.createTable(spec.name);
  for (const [name, type, ...flags] of spec.columns) {
    builder = builder.addColumn(name, type, (column) => {
      const sized = flags.includes("null") ? column : column.notNull();
      return flags.includes("unique") ? sized.unique() : sized;
    });
  }
  builder = builder.addPrimaryKeyConstraint(`${spec.name}_key`, [...spec.key] as never[]);
  for (const [column, target, onDelete] of spec.foreign ?? []) {
    builder = builder.addForeignKeyConstraint(`${spec.name}_${column}`, [column] as never[], target, ["id"], (key) =>
      key.onDelete(onDelete),
    );
  }
  for (const columns of spec.unique ?? []) {
    builder = builder.addUniqueConstraint(`${spec.name}_${columns.join("_")}_once`, [...columns] as never[]);
  }
  await builder.execute();
  for (const columns of spec.indexes ?? []) {
    await db.schema
      .createIndex(`${spec.name}_by_${columns.join("_")}`)
      .on(spec.name)
      .columns([...columns])
      .execute();
  }
}
