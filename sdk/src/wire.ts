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
