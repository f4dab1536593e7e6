// The wire of `/v1` for a gateway: endpoints, the live log, the audit, account events, stats.
import type { AccountStatus, Page, Warning } from "./wire.ts";

export interface Endpoint {
  readonly id: string;
  readonly slug: string;
  readonly name: string;
  /** Where callers send their requests: `{origin}/api/{project uuid}/proxy/{slug}`. */
  readonly url: string;
  readonly upstream_url: string;
  readonly methods: readonly string[];
  readonly connection: string;
  /** Null: the account the caller's token is bound to, else `shared`. */
  readonly identifier: string | null;
  readonly timeout_seconds: number;
  /** False: the slug stays in front of the path that upstream sees. */
  readonly strip_prefix: boolean;
  readonly preserve_query: boolean;
  /** Empty: every header that may cross. */
  readonly forward_headers: readonly string[];
  readonly blocked_headers: readonly string[];
  /** Names only: the values are sealed and never shown. */
  readonly inject_headers: readonly string[];
  readonly rate_limit_per_minute: number | null;
  readonly rate_limit_per_hour: number | null;
  readonly active: boolean;
  readonly warnings: readonly Warning[];
  readonly created_at: string;
  readonly updated_at: string;
}

/** One step of the way a call takes, and what would happen there. */
export interface EndpointTestStep {
  readonly step: string;
  readonly ok: boolean;
  readonly detail: string;
}

export interface EndpointTest {
  readonly ok: boolean;
  readonly steps: readonly EndpointTestStep[];
  /** The request that upstream gets, the credential masked; null when it would not come to that. */
  readonly request: {
    readonly method: string;
    readonly url: string;
    readonly headers: readonly (readonly [string, string])[];
  } | null;
  /** What upstream answered, when the test was to call it. */
  readonly answer: {
    readonly status: number;
    readonly milliseconds: number;
    readonly content_type: string | null;
    readonly bytes: number;
  } | null;
}

/** One proxied or tool call in the live log. Milliseconds are null for what did not happen. */
export interface RequestRecord {
  readonly id: string;
  readonly at: string;
  readonly surface: "endpoint" | "proxy" | "github" | "tool";
  readonly method: string;
  readonly path: string;
  readonly endpoint: string | null;
  readonly tool: string | null;
  readonly connection: string | null;
  readonly account_id: string | null;
  readonly identifier: string | null;
  readonly token_id: string;
  readonly token_name: string;
  readonly agent: string | null;
  readonly run_id: string | null;
  readonly status: number;
  readonly upstream_status: number | null;
  readonly refusal: string | null;
  readonly bytes_in: number;
  readonly bytes_out: number;
  readonly queue_ms: number | null;
  readonly credential_ms: number | null;
  readonly upstream_ms: number | null;
  readonly total_ms: number;
  readonly upstream_request_id: string | null;
  readonly hashed_token: string | null;
  readonly rate: {
    readonly resource: string;
    readonly limit: number;
    readonly remaining: number;
    readonly reset_at: string;
  } | null;
  readonly trace_id: string | null;
  readonly address: string | null;
}

export interface AuditEvent {
  /** The project's id, or `instance`. */
  readonly chain: string;
  /** Place in its chain, from 1. */
  readonly seq: number;
  readonly at: string;
  readonly id: string;
  readonly name: string;
  readonly actor: Readonly<Record<string, string>>;
  readonly subject: string;
  readonly details: Readonly<Record<string, unknown>>;
  /** The hash of the event before it; empty for the first. */
  readonly prev: string;
  readonly hash: string;
}

/** A signed statement that a chain had reached this event. Keep it elsewhere: with it a cut tail is found. */
export interface AuditCheckpoint {
  readonly chain: string;
  readonly seq: number;
  readonly hash: string;
  readonly at: string;
  /** Ed25519, base64url, over the JSON array `["behalf-audit-checkpoint-1", chain, seq, hash, at]` without blanks. */
  readonly signature: string;
}

export interface AuditCheckpoints extends Page<AuditCheckpoint> {
  /** PEM of the Ed25519 key that every signature of this instance is checked with. */
  readonly public_key: string;
}

export interface AuditVerification {
  readonly ok: boolean;
  readonly chain: string;
  readonly events: number;
  /** How many checkpoints the chain was held against: those in the database and those that were sent. */
  readonly checkpoints: number;
  readonly faults: readonly { readonly chain: string; readonly seq: number; readonly fault: string }[];
}

/** One change of an account's status. */
export interface AccountEvent {
  /** Place in the order of the project's events; a later one is greater. */
  readonly seq: number;
  readonly at: string;
  readonly account_id: string;
  /** Null once the account is erased. */
  readonly connection: string | null;
  readonly identifier: string | null;
  readonly status: AccountStatus | "DELETED";
  readonly status_reason: string | null;
}

/** Milliseconds, within 5 % of the truth; null where nothing was measured. */
export interface Percentiles {
  readonly p50: number | null;
  readonly p90: number | null;
  readonly p99: number | null;
}

/** The calls of the live log, counted. */
export interface Stats {
  readonly window: "15m" | "1h" | "24h" | "7d";
  /** Beginning of the first bucket. */
  readonly from: string;
  readonly to: string;
  readonly bucket_seconds: number;
  /** False: a token bound to an account asked, and that account made more calls than are counted at once: the oldest are left out. */
  readonly complete: boolean;
  readonly requests: number;
  /** `refused` by Behalf itself; `upstream_refused`: a 4xx of upstream; `upstream_failed`: a 5xx, or no answer. */
  readonly outcomes: Readonly<Record<"ok" | "refused" | "upstream_refused" | "upstream_failed", number>>;
  readonly surfaces: Readonly<Record<RequestRecord["surface"], number>>;
  /** By code, the most frequent first. */
  readonly refusals: readonly { readonly code: string; readonly count: number }[];
  readonly total_ms: Percentiles;
  readonly upstream_ms: Percentiles;
  /** Every bucket of the window, the last one still filling. */
  readonly series: readonly {
    readonly at: string;
    readonly requests: number;
    readonly refused: number;
    readonly upstream_failed: number;
    readonly p50_ms: number | null;
    readonly p99_ms: number | null;
  }[];
  /** What providers said last of each account's own limit, while it counts; the least left first, at most 100. */
  readonly headroom: readonly {
    readonly account_id: string;
    readonly connection: string | null;
    readonly identifier: string | null;
    readonly resource: string;
    readonly limit: number;
    readonly remaining: number;
    readonly reset_at: string;
    readonly at: string;
  }[];
  readonly accounts: Readonly<Partial<Record<AccountStatus, number>>>;
  /** Records that this process lost since its start. */
  readonly dropped_records: number;
}
