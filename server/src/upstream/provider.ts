// What the rest of the house says to, and hears from, an OAuth provider. Types only.
import type { Credential } from "../crypto/credential.ts";
import type { Hosts } from "./hosts.ts";
import type { Preset } from "./presets.ts";

/** What a `generic` connection adds to its preset, and what `github-app` may add for the installation page. */
export interface ProviderSettings {
  readonly authorize_url?: string | undefined;
  readonly token_url?: string | undefined;
  readonly revoke_url?: string | undefined;
  readonly user_url?: string | undefined;
  /** Name of the member of the user answer that identifies the person; default `sub`. */
  readonly user_id_member?: string | undefined;
  /** RFC 9207: compared with `iss` of the callback where the provider sends one. */
  readonly issuer?: string | undefined;
  readonly token_auth?: "body" | "basic" | undefined;
  readonly scope_separator?: " " | "," | undefined;
  /** The name in `https://github.com/apps/<slug>`: makes the installation page known. */
  readonly app_slug?: string | undefined;
}

/** A connection, opened and ready to talk. */
export interface Provider {
  readonly preset: Preset;
  readonly hosts: Hosts;
  readonly clientId: string;
  readonly clientSecret: Credential;
  readonly redirectUri: string;
  readonly scopes: readonly string[];
  readonly settings: ProviderSettings;
}

/** Tokens as a provider gave them. Times are epoch milliseconds. */
export interface Tokens {
  readonly access: Credential;
  readonly refresh: Credential | null;
  readonly expiresAt: number | null;
  readonly refreshExpiresAt: number | null;
  /** Null when the provider did not say. */
  readonly scopes: readonly string[] | null;
}

/** An exchange or a refresh, believed or not. Only `rejected` says anything about the grant. */
export type GrantAnswer =
  | { readonly kind: "granted"; readonly tokens: Tokens }
  /** The provider's authoritative no: `bad_refresh_token`, `invalid_grant`, `bad_verification_code`… */
  | { readonly kind: "rejected"; readonly error: string }
  /** Our client id, secret or redirect URI is wrong; the grant itself may be fine. */
  | { readonly kind: "misconfigured"; readonly error: string }
  /** Timeout, connection trouble, 5xx, rate limit or an answer that makes no sense. `sent`: the request may have been processed. */
  | { readonly kind: "failed"; readonly reason: string; readonly sent: boolean };

export interface ProviderUser {
  /** Stable id at the provider, as text. */
  readonly id: string;
  readonly login: string | null;
  readonly name: string | null;
}

export type PersonAnswer =
  | { readonly kind: "person"; readonly user: ProviderUser; readonly scopes: readonly string[] | null }
  /** 401: the token is not good. */
  | { readonly kind: "refused" }
  | { readonly kind: "failed"; readonly reason: string };

/** `dead` only on the provider's own authoritative answer (GitHub: 404 in its own shape). */
export type CheckAnswer = "live" | "dead" | "unknown" | "unsupported";

/** `retry`: try again later; `done` also when the token was dead already. */
export type RevokeAnswer = "done" | "retry" | "unsupported";

/** A place where the GitHub App of the connection is installed and which the person can reach. */
export interface Installation {
  readonly id: number;
  readonly account: string;
  readonly repository_selection: "all" | "selected";
  readonly url: string | null;
}

export type InstallationsAnswer =
  | { readonly kind: "installations"; readonly installations: readonly Installation[]; readonly appSlug: string | null }
  | { readonly kind: "failed"; readonly reason: string };

/** Everything we ask of an OAuth provider. */
export interface OAuth {
  authorizeUrl(provider: Provider, ask: { readonly state: string; readonly verifier: string }): Promise<string>;
  /** Swaps the code of a callback for tokens. `callback` is the query of the callback, `state` what we issued. */
  exchange(
    provider: Provider,
    ask: { readonly callback: URLSearchParams; readonly state: string; readonly verifier: string },
  ): Promise<GrantAnswer>;
  refresh(provider: Provider, refresh: Credential): Promise<GrantAnswer>;
  check(provider: Provider, access: Credential): Promise<CheckAnswer>;
  /** Ends one token pair, or with `wholeGrant` everything the person gave this client. */
  revoke(
    provider: Provider,
    tokens: { readonly access: Credential; readonly refresh: Credential | null },
    wholeGrant: boolean,
  ): Promise<RevokeAnswer>;
  person(provider: Provider, access: Credential): Promise<PersonAnswer>;
  installations(provider: Provider, access: Credential): Promise<InstallationsAnswer>;
}
