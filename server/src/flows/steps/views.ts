// Rows as the wire shows them: the one list of what leaves, and so of what does not.
import type * as Wire from "@behalf/sdk";
import { tokenWarningCount } from "../../rules/account.ts";
import { type CountedBudget, ownBudget } from "../../rules/budget.ts";
import { type CursorPosition, cursorOf } from "../../rules/cursor.ts";
import { uuidOf } from "../../rules/ids.ts";
import type { Page } from "../../store/page.ts";
import type { AccountRow, ConnectionRow, ProjectRow, TokenRow } from "../../store/schema.ts";

export function iso(time: number): string {
  return new Date(time).toISOString();
}

function isoOrNull(time: number | null): string | null {
  return time === null ? null : iso(time);
}

export function projectView(row: ProjectRow): Wire.Project {
  return {
    id: row.id,
    uuid: uuidOf(row.id),
    name: row.name,
    environment: row.environment,
    created_at: iso(row.created_at),
  };
}

export function tokenView(row: TokenRow): Wire.Token {
  return {
    id: row.id,
    name: row.name,
    preview: row.preview,
    scopes: JSON.parse(row.scopes) as Wire.Scope[],
    limits: JSON.parse(row.limits) as Wire.Limits,
    budget: ownBudget(JSON.parse(row.budgets) as CountedBudget[], row.id),
    account_id: row.account_id,
    parent_id: row.parent_id,
    created_at: iso(row.created_at),
    expires_at: isoOrNull(row.expires_at),
    last_used_at: isoOrNull(row.last_used_at),
    revoked_at: isoOrNull(row.revoked_at),
  };
}

export function connectionView(row: ConnectionRow, redirectUri: string): Wire.Connection {
  return {
    id: row.id,
    name: row.name,
    preset: row.preset,
    client_id: row.client_id,
    has_client_secret: row.client_secret !== "",
    scopes: JSON.parse(row.scopes) as string[],
    hosts: JSON.parse(row.hosts) as Wire.Hosts,
    settings: JSON.parse(row.settings) as Record<string, string>,
    verification: row.verification,
    allow_unverified: row.allow_unverified === 1,
    verify_url_origins: JSON.parse(row.verify_url_origins) as string[],
    redirect_uri: redirectUri,
    created_at: iso(row.created_at),
    updated_at: iso(row.updated_at),
  };
}

/** What the account's connection and its siblings add to the view. */
export interface AccountSurroundings {
  readonly connection: string;
  readonly installUrl: string | null;
  /** Tokens this instance holds for the same person under the same client, and how many the provider keeps; null: no limit. */
  readonly siblingTokens: number;
  readonly tokenLimit: number | null;
}

export function accountView(row: AccountRow, around: AccountSurroundings): Wire.Account {
  return {
    id: row.id,
    connection: around.connection,
    identifier: row.identifier,
    status: row.status,
    status_reason: row.status_reason,
    status_changed_at: iso(row.status_changed_at),
    provider_user: row.provider_user === null ? null : (JSON.parse(row.provider_user) as Wire.ProviderUser),
    scopes: JSON.parse(row.scopes) as string[],
    expires_at: isoOrNull(row.expires_at),
    checked_at: isoOrNull(row.checked_at),
    last_used_at: isoOrNull(row.last_used_at),
    installations: row.installations === null ? null : (JSON.parse(row.installations) as Wire.Installation[]),
    install_url: around.installUrl,
    warnings: tokenWarnings(around),
    created_at: iso(row.created_at),
  };
}

function tokenWarnings(around: AccountSurroundings): Wire.Warning[] {
  const { siblingTokens, tokenLimit } = around;
  if (tokenLimit === null || siblingTokens < tokenWarningCount) return [];
  const detail =
    `${siblingTokens} accounts here hold a token of this person. The provider keeps ${tokenLimit} per person, application and scopes, ` +
    "and revokes the oldest without notice when another is made. Share one account between agents, or use a GitHub App.";
  return [{ code: "token_limit_near", detail }];
}

/** One page of a list, with the cursor of the next. */
export function pageView<Row extends CursorPosition, Item>(page: Page<Row>, view: (row: Row) => Item): Wire.Page<Item> {
  const last = page.rows.at(-1);
  return { items: page.rows.map(view), next_cursor: page.more && last !== undefined ? cursorOf(last) : null };
}
