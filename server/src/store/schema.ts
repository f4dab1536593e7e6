// Every table as the database holds it. Times are epoch milliseconds; JSON is text; sealed values are envelopes (crypto/seal.ts).
import type { AccountStatus, StatusReason } from "../rules/account.ts";
import type {
  AccountId,
  AttemptId,
  ConnectionId,
  EventId,
  LinkId,
  ProjectId,
  RevocationId,
  TokenId,
} from "../rules/ids.ts";
import type { EndpointRow, JsonText, LimitSliceRow, LimitSlotRow, TotalRow } from "./gateway-rows.ts";

export interface MetaRow {
  readonly name: string;
  readonly value: string;
}

/** One row per key that seals anything here: `check_value` is a known text sealed with it (promise 3). */
export interface SealingKeyRow {
  readonly id: string;
  readonly check_value: string;
  readonly created_at: number;
}

export interface ProjectRow {
  readonly id: ProjectId;
  readonly name: string;
  readonly environment: "live" | "test";
  readonly created_at: number;
}

export interface TokenRow {
  readonly id: TokenId;
  /** Null for an instance token. */
  readonly project_id: ProjectId | null;
  readonly parent_id: TokenId | null;
  readonly name: string;
  readonly digest: string;
  readonly preview: string;
  readonly scopes: JsonText;
  readonly limits: JsonText;
  /** Every budget this token's calls count against: its own and those of the tokens it came from. */
  readonly budgets: JsonText;
  readonly account_id: AccountId | null;
  readonly agent_id: string | null;
  readonly created_at: number;
  readonly expires_at: number | null;
  readonly last_used_at: number | null;
  readonly revoked_at: number | null;
}

export interface ConnectionRow {
  readonly id: ConnectionId;
  readonly project_id: ProjectId;
  readonly name: string;
  readonly preset: string;
  readonly client_id: string;
  readonly client_secret: string;
  readonly scopes: JsonText;
  readonly hosts: JsonText;
  readonly settings: JsonText;
  readonly verification: "custom" | "none";
  readonly allow_unverified: number;
  readonly verify_url_origins: JsonText;
  readonly created_at: number;
  readonly updated_at: number;
}

export interface AccountRow {
  readonly id: AccountId;
  readonly project_id: ProjectId;
  readonly connection_id: ConnectionId;
  readonly identifier: string;
  readonly status: AccountStatus;
  readonly status_reason: StatusReason | null;
  readonly status_changed_at: number;
  readonly provider_user_id: string | null;
  readonly provider_user: JsonText | null;
  readonly scopes: JsonText;
  /** Sealed `{access, refresh}`. */
  readonly credential: string | null;
  readonly access_digest: string | null;
  readonly refresh_digest: string | null;
  readonly expires_at: number | null;
  /** How long the access token was to live when we got it. */
  readonly life_ms: number | null;
  readonly refresh_expires_at: number | null;
  readonly installations: JsonText | null;
  readonly checked_at: number | null;
  /** When somebody last wished that the provider be asked, whatever came of it. */
  readonly check_asked_at: number;
  readonly last_used_at: number | null;
  readonly refresh_failures: number;
  readonly refresh_not_before: number;
  /** 401 answers in a row on the current access token, where no check can ask the provider. */
  readonly unauthorized_count: number;
  readonly lease_holder: string | null;
  readonly lease_until: number;
  readonly created_at: number;
}

export interface LinkRow {
  readonly id: LinkId;
  readonly project_id: ProjectId;
  readonly account_id: AccountId;
  readonly digest: string;
  readonly verify_url: string | null;
  readonly caller_state: string | null;
  readonly return_url: string | null;
  readonly openings: number;
  readonly created_at: number;
  readonly expires_at: number;
  readonly spent_at: number | null;
}

/** One authorization in progress: its own row with its own sealed credential, apart from the account's (design §10.3). */
export interface AttemptRow {
  readonly id: AttemptId;
  readonly project_id: ProjectId;
  readonly connection_id: ConnectionId;
  readonly account_id: AccountId;
  readonly link_id: LinkId;
  readonly status: "STARTED" | "TAKEN" | "VERIFYING" | "DONE" | "FAILED";
  readonly state_digest: string;
  readonly browser_digest: string;
  /** Sealed PKCE verifier. */
  readonly verifier: string;
  readonly auth_request_digest: string | null;
  readonly credential: string | null;
  readonly provider_user_id: string | null;
  readonly grant_facts: JsonText | null;
  readonly created_at: number;
  readonly expires_at: number;
}

/** A refresh about to be sent, or sent: the trace that tells what a killed process may have left behind (design §10.1). */
export interface RefreshRow {
  readonly id: string;
  readonly account_id: AccountId;
  readonly refresh_digest: string;
  readonly holder: string;
  readonly started_at: number;
  readonly ended_at: number | null;
  readonly outcome: string | null;
}

export interface RevocationRow {
  readonly id: RevocationId;
  readonly project_id: ProjectId;
  readonly account_id: AccountId | null;
  /** Sealed: the tokens and the client that may revoke them. */
  readonly payload: string;
  readonly whole_grant: number;
  /** 1 when the account's row goes once the revocation is done. */
  readonly erase_account: number;
  readonly tries: number;
  readonly next_at: number;
  readonly give_up_at: number;
  readonly created_at: number;
}

export interface IdempotencyRow {
  readonly key_digest: string;
  /** A project, or `instance`. */
  readonly project_id: string;
  readonly body_digest: string;
  readonly state: "started" | "answered";
  readonly started_at: number;
  /** While it is `started`: from then on the process that started it is taken for dead. */
  readonly deadline_at: number;
  readonly status: number | null;
  /** Sealed JSON body. */
  readonly answer: string | null;
  readonly expires_at: number;
}

export interface AuditEventRow {
  readonly chain: string;
  readonly seq: number;
  readonly id: EventId;
  readonly at: number;
  readonly name: string;
  readonly actor: JsonText;
  readonly subject: string;
  readonly details: JsonText;
  readonly prev: string;
  readonly hash: string;
}

export interface AuditHeadRow {
  readonly chain: string;
  readonly seq: number;
  /** HMAC over where the chain ends (`headText`), not the hash of its last event. */
  readonly hash: string;
  /** The hash of its last event: what the next one follows. */
  readonly last: string;
}

/** A signed statement that a chain had reached this event (design §10.12). */
export interface AuditCheckpointRow {
  readonly chain: string;
  readonly seq: number;
  readonly hash: string;
  readonly at: number;
  readonly signature: string;
}

export interface Schema {
  meta: MetaRow;
  sealing_keys: SealingKeyRow;
  projects: ProjectRow;
  tokens: TokenRow;
  connections: ConnectionRow;
  accounts: AccountRow;
  links: LinkRow;
  attempts: AttemptRow;
  refreshes: RefreshRow;
  revocations: RevocationRow;
  idempotency: IdempotencyRow;
  audit_events: AuditEventRow;
  audit_heads: AuditHeadRow;
  audit_checkpoints: AuditCheckpointRow;
  endpoints: EndpointRow;
  limit_slices: LimitSliceRow;
  limit_slots: LimitSlotRow;
  totals: TotalRow;
}
