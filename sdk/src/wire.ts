// The wire of `/v1`: what goes in and what comes out, as types. The server's schemas must satisfy them.
// Times are ISO 8601 in UTC. Nothing here ever holds a provider's token.

/** Status of a connected account. */
export type AccountStatus = "PENDING" | "VERIFYING" | "ACTIVE" | "EXPIRED" | "REVOKED" | "DISCONNECTED";

/** What a gateway token may use. `admin` implies all. */
export type Scope = "admin" | "accounts" | "tools" | "proxy" | "tokens" | "logs" | "audit";

export interface Project {
  readonly id: string;
  /** The same id as a UUID. */
  readonly uuid: string;
  readonly name: string;
  readonly environment: "live" | "test";
  readonly created_at: string;
}

/** A project with its first gateway token, shown once. */
export interface CreatedProject extends Project {
  readonly token: string;
}

/** Narrowings of what a token may reach; an absent member narrows nothing. */
export interface Limits {
  readonly tools?: readonly string[] | undefined;
  readonly access?: "read" | "write" | undefined;
  readonly repositories?: readonly string[] | undefined;
  readonly methods?: readonly string[] | undefined;
  readonly endpoints?: readonly string[] | undefined;
}

export interface Token {
  readonly id: string;
  readonly name: string;
  /** The first characters of the token, enough to recognise it, not to use it. */
  readonly preview: string;
  readonly scopes: readonly Scope[];
  readonly limits: Limits;
  readonly budget: Budget;
  readonly account_id: string | null;
  readonly parent_id: string | null;
  readonly created_at: string;
  readonly expires_at: string | null;
  readonly last_used_at: string | null;
  readonly revoked_at: string | null;
}

/** A new token: the only answer that ever carries `token`. */
export interface CreatedToken extends Token {
  readonly token: string;
}

export interface Preset {
  readonly name: string;
  readonly label: string;
  /** `github`: the named tools work with it; `oauth`: reached through the proxy. */
  readonly kind: "github" | "oauth";
  readonly hosts: Hosts | null;
  /** At the preset's own hosts; null where a connection has to say it. */
  readonly authorize_url: string | null;
  readonly token_url: string | null;
  readonly token_auth: "body" | "basic";
  readonly default_scopes: readonly string[];
  /** What a refresh does to the refresh token; `none`: there is none. */
  readonly refresh: "rotating" | "kept" | "none" | "unknown";
  /** How a delete ends tokens at the provider; `own`: in the provider's own way. */
  readonly revocation: "github" | "rfc7009" | "own" | "none";
  /** What to fill in for a proxy endpoint. */
  readonly upstream_url: string | null;
  readonly endpoint_headers: Readonly<Record<string, string>>;
  /** Where an operator registers the application. */
  readonly registration_url: string | null;
  readonly note: string;
}

/** Where a provider lives: origins with an optional base path. */
export interface Hosts {
  readonly web: string;
  readonly api: string;
}

export interface Connection {
  readonly id: string;
  readonly name: string;
  readonly preset: string;
  readonly client_id: string;
  readonly has_client_secret: boolean;
  readonly scopes: readonly string[];
  readonly hosts: Hosts;
  readonly settings: Readonly<Record<string, string>>;
  readonly verification: "custom" | "none";
  readonly allow_unverified: boolean;
  readonly verify_url_origins: readonly string[];
  /** The exact redirect URI to register at the provider. */
  readonly redirect_uri: string;
  readonly created_at: string;
  readonly updated_at: string;
}

export interface ProviderUser {
  readonly id: string;
  readonly login: string | null;
  readonly name: string | null;
}

export interface Installation {
  readonly id: number;
  readonly account: string;
  readonly repository_selection: "all" | "selected";
  readonly url: string | null;
}

/** Something an operator should know before it hurts. */
export interface Warning {
  readonly code: string;
  readonly detail: string;
}

export interface Account {
  readonly id: string;
  readonly connection: string;
  readonly identifier: string;
  readonly status: AccountStatus;
  readonly status_reason: string | null;
  readonly status_changed_at: string;
  readonly provider_user: ProviderUser | null;
  readonly scopes: readonly string[];
  /** When the provider's access token ends; null when it does not. */
  readonly expires_at: string | null;
  /** When the provider last said that the token lives. */
  readonly checked_at: string | null;
  readonly last_used_at: string | null;
  /** Where the GitHub App is installed; null where that does not apply or is not known yet. */
  readonly installations: readonly Installation[] | null;
  /** Where to install the GitHub App; null where that does not apply or is not known. */
  readonly install_url: string | null;
  readonly warnings: readonly Warning[];
  readonly created_at: string;
}

export interface Link {
  readonly link: string;
  readonly expires_at: string;
}

export interface Tool {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly provider: string;
  readonly changes: boolean;
  readonly needs_account: boolean;
  readonly permissions: Readonly<Record<string, string>>;
  readonly scopes: readonly string[];
  readonly input_schema: Readonly<Record<string, unknown>>;
  readonly output_schema: Readonly<Record<string, unknown>>;
}

export interface Execution {
  readonly execution_id: string;
  /** The provider's JSON as it is: arrays stay arrays. */
  readonly data: unknown;
}

/** One page of a list. `next_cursor` is null on the last. */
export interface Page<Item> {
  readonly items: readonly Item[];
  readonly next_cursor: string | null;
}

/** What to do about a refusal. */
export interface NextStep {
  readonly action: string;
  readonly detail?: string | undefined;
  readonly method?: string | undefined;
  readonly url?: string | undefined;
}

/** Every negative answer (RFC 9457, `application/problem+json`). */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly code: string;
  readonly detail?: string | undefined;
  readonly next?: NextStep | undefined;
  readonly errors?: readonly { readonly path: string; readonly message: string }[] | undefined;
  readonly request_id: string;
}

/** What a token's calls may use up; an absent member limits nothing. Calls of tokens minted with it count too. */
export interface Budget {
  readonly requests_per_minute?: number | undefined;
  readonly requests_per_hour?: number | undefined;
  /** Over the whole life of the token. */
  readonly requests?: number | undefined;
  /** Sent and received, over the whole life of the token; the call that crosses the line is finished. */
  readonly bytes?: number | undefined;
  /** Calls at once. */
  readonly concurrent?: number | undefined;
}

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
