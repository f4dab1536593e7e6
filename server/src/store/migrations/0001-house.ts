// The first schema. Forward only: a released migration is never edited.
import type { Kysely } from "kysely";
import { createTable, type TableSpec } from "./table.ts";

const project = ["project_id", "projects", "restrict"] as const;
const account = ["account_id", "accounts", "cascade"] as const;

const tables: readonly TableSpec[] = [
  { name: "meta", key: ["name"], columns: "name text, value text" },
  { name: "sealing_keys", key: ["id"], columns: "id text, check_value text, created_at bigint" },
  { name: "projects", key: ["id"], columns: "id text, name text, environment text, created_at bigint" },
  {
    name: "tokens",
    key: ["id"],
    columns: `id text, project_id text?, parent_id text?, name text, digest text!, preview text, scopes text, limits text,
      account_id text?, agent_id text?, created_at bigint, expires_at bigint?, last_used_at bigint?, revoked_at bigint?`,
    foreign: [project],
    indexes: [["project_id", "created_at"], ["parent_id"], ["account_id"]],
  },
  {
    name: "connections",
    key: ["id"],
    columns: `id text, project_id text, name text, preset text, client_id text, client_secret text, scopes text, hosts text,
      settings text, verification text, allow_unverified integer, verify_url_origins text, created_at bigint, updated_at bigint`,
    foreign: [project],
    unique: [["project_id", "name"]],
  },
  {
    name: "accounts",
    key: ["id"],
    columns: `id text, project_id text, connection_id text, identifier text, status text, status_reason text?,
      status_changed_at bigint, provider_user_id text?, provider_user text?, scopes text, credential text?,
      access_digest text?, refresh_digest text?, expires_at bigint?, life_ms bigint?, refresh_expires_at bigint?, installations text?,
      checked_at bigint?, check_asked_at bigint, last_used_at bigint?, refresh_failures integer, refresh_not_before bigint,
      unauthorized_count integer, lease_holder text?, lease_until bigint, created_at bigint`,
    foreign: [project, ["connection_id", "connections", "restrict"]],
    unique: [["connection_id", "identifier"]],
    indexes: [["project_id", "created_at"], ["status", "expires_at"], ["status", "checked_at"], ["provider_user_id"]],
  },
  {
    name: "links",
    key: ["id"],
    columns: `id text, project_id text, account_id text, digest text!, verify_url text?, caller_state text?, return_url text?,
      openings integer, created_at bigint, expires_at bigint, spent_at bigint?`,
    foreign: [project, account],
    indexes: [["account_id"], ["expires_at"]],
  },
  {
    name: "attempts",
    key: ["id"],
    columns: `id text, project_id text, connection_id text, account_id text, link_id text, status text, state_digest text!,
      browser_digest text, verifier text, auth_request_digest text?!, credential text?, grant_facts text?,
      provider_user_id text?, created_at bigint, expires_at bigint`,
    foreign: [project, account, ["connection_id", "connections", "cascade"], ["link_id", "links", "cascade"]],
    indexes: [["account_id"], ["link_id"], ["status", "expires_at"]],
  },
  {
    name: "refreshes",
    key: ["id"],
    columns: `id text, account_id text, refresh_digest text, holder text, started_at bigint, ended_at bigint?, outcome text?`,
    foreign: [account],
    indexes: [
      ["account_id", "ended_at"],
      ["ended_at", "started_at"],
    ],
  },
  {
    name: "revocations",
    key: ["id"],
    columns: `id text, project_id text, account_id text?, payload text, whole_grant integer, erase_account integer,
      tries integer, next_at bigint, give_up_at bigint, created_at bigint`,
    foreign: [project],
    indexes: [["next_at"], ["account_id"]],
  },
  {
    name: "idempotency",
    key: ["key_digest"],
    columns: `key_digest text, project_id text, body_digest text, state text, started_at bigint, deadline_at bigint,
      status integer?, answer text?, expires_at bigint`,
    indexes: [["expires_at"]],
  },
  {
    name: "audit_events",
    key: ["chain", "seq"],
    columns: `chain text, seq bigint, id text!, at bigint, name text, actor text, subject text, details text, prev text, hash text`,
  },
  { name: "audit_heads", key: ["chain"], columns: "chain text, seq bigint, hash text" },
];

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const spec of tables) await createTable(db, spec);
}
