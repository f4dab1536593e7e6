// Rows as the store takes them, with everything that a test does not care about filled in.
import { systemRandom } from "../../src/crypto/random.ts";
import { type IdKind, idFrom } from "../../src/rules/ids.ts";
import type { AccountRow, AttemptRow, ConnectionRow, LinkRow, ProjectRow, TokenRow } from "../../src/store/schema.ts";

export function newId<Kind extends IdKind>(kind: Kind): ReturnType<typeof idFrom<Kind>> {
  return idFrom(kind, systemRandom(16));
}

export function projectRow(more: Partial<ProjectRow> = {}): ProjectRow {
  return { id: newId("project"), name: "P", environment: "live", created_at: 1000, ...more };
}

export function tokenRow(more: Partial<TokenRow> = {}): TokenRow {
  const id = newId("token");
  return {
    id,
    project_id: null,
    parent_id: null,
    name: "t",
    digest: `digest of ${id}`,
    preview: "bh_live_0000",
    scopes: "[]",
    limits: "{}",
    budgets: "[]",
    account_id: null,
    agent_id: null,
    created_at: 1000,
    expires_at: null,
    last_used_at: null,
    revoked_at: null,
    ...more,
  };
}

export function connectionRow(project: ProjectRow, more: Partial<ConnectionRow> = {}): ConnectionRow {
  return {
    id: newId("connection"),
    project_id: project.id,
    name: "github",
    preset: "github",
    client_id: "x",
    client_secret: "bhs1.k1.x",
    scopes: "[]",
    hosts: "{}",
    settings: "{}",
    verification: "none",
    allow_unverified: 0,
    verify_url_origins: "[]",
    created_at: 1000,
    updated_at: 1000,
    ...more,
  };
}

export function accountRow(connection: ConnectionRow, more: Partial<AccountRow> = {}): AccountRow {
  return {
    id: newId("account"),
    project_id: connection.project_id,
    connection_id: connection.id,
    identifier: "user_1",
    status: "PENDING",
    status_reason: null,
    status_changed_at: 1000,
    provider_user_id: null,
    provider_user: null,
    scopes: "[]",
    credential: null,
    access_digest: null,
    refresh_digest: null,
    expires_at: null,
    refresh_expires_at: null,
    life_ms: null,
    installations: null,
    checked_at: null,
    check_asked_at: 0,
    last_used_at: null,
    refresh_failures: 0,
    refresh_not_before: 0,
    unauthorized_count: 0,
    lease_holder: null,
    lease_until: 0,
    created_at: 1000,
    ...more,
  };
}

export function linkRow(account: AccountRow, more: Partial<LinkRow> = {}): LinkRow {
  const id = newId("link");
  return {
    id,
    project_id: account.project_id,
    account_id: account.id,
    digest: `digest of ${id}`,
    verify_url: null,
    caller_state: null,
    return_url: null,
    openings: 0,
    created_at: 1000,
    expires_at: 2000,
    spent_at: null,
    ...more,
  };
}

export function attemptRow(link: LinkRow, account: AccountRow, more: Partial<AttemptRow> = {}): AttemptRow {
  const id = newId("attempt");
  return {
    id,
    project_id: account.project_id,
    connection_id: account.connection_id,
    account_id: account.id,
    link_id: link.id,
    status: "STARTED",
    state_digest: `state of ${id}`,
    browser_digest: "a browser",
    verifier: "bhs1.k1.x",
    auth_request_digest: null,
    credential: null,
    provider_user_id: null,
    grant_facts: null,
    created_at: 1000,
    expires_at: 2000,
    ...more,
  };
}
