// The row of an account that nobody has connected yet.
import type { AccountRow, ConnectionRow } from "../../store/schema.ts";
import type { House } from "../house.ts";

export function freshAccount(
  needs: Pick<House, "now" | "newId">,
  connection: ConnectionRow,
  identifier: string,
): AccountRow {
  const now = needs.now();
  return {
    id: needs.newId("account"),
    project_id: connection.project_id,
    connection_id: connection.id,
    identifier,
    status: "PENDING",
    status_reason: null,
    status_changed_at: now,
    provider_user_id: null,
    provider_user: null,
    scopes: "[]",
    credential: null,
    access_digest: null,
    refresh_digest: null,
    expires_at: null,
    life_ms: null,
    refresh_expires_at: null,
    installations: null,
    checked_at: null,
    check_asked_at: 0,
    last_used_at: null,
    refresh_failures: 0,
    refresh_not_before: 0,
    unauthorized_count: 0,
    lease_holder: null,
    lease_until: 0,
    created_at: now,
  };
}
