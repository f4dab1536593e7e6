// What we know of a provider: the shape of a preset. Types only; the rows lie beside it.
import type { Hosts } from "../hosts.ts";

/** Where a provider does what. Templates know `{web}`, `{api}` and `{client_id}`; null means that the connection's settings say it, or nobody. */
export interface PresetUrls {
  readonly authorize: string | null;
  readonly token: string | null;
  /** RFC 7009, or the provider's own way as `revocationAsk` tells it. */
  readonly revoke: string | null;
  readonly user: string | null;
  /** GitHub's own: check or delete one token; delete everything the person gave this client. */
  readonly tokenCheck: string | null;
  readonly grant: string | null;
  readonly installations: string | null;
}

/** Where the answers of a provider differ from RFC 6749. */
export interface AnswerDialect {
  /** An answer counts as a success only when this member is `true`. */
  readonly okMember: string | null;
  /** Members that may hold the error code; the first that does wins. */
  readonly errorMembers: readonly string[];
  /** The object in a token answer that holds the person's own token, beside one that is somebody else's. */
  readonly tokenMember: string | null;
  /** The words in `token_type` that mean a bearer token; only `bearer` may be left out. */
  readonly bearerTypes: readonly string[];
}

export interface RevocationAsk {
  /** `none`: the token itself is the proof. */
  readonly auth: "client" | "none";
  /** `rfc7009`: token and hint; `token`: the token alone; `kind`: a member named `access_token` or `refresh_token`. */
  readonly fields: "rfc7009" | "token" | "kind";
  /** Which of a pair to name: `one` where the end of either is the end of both (the refresh token where there is one). */
  readonly sends: "both" | "one" | "access";
  /** The provider's words and statuses for a token that was dead already, beyond the standard ones. */
  readonly deadErrors: readonly string[];
  readonly deadStatuses: readonly number[];
}

/** The call that says whose token it is. Members of its answer; a dot goes one object deeper. */
export interface UserCall {
  readonly method: "GET" | "POST";
  /** JSON; null sends none. */
  readonly body: string | null;
  readonly id: string;
  /** Names the place where `id` is unique, when that is not the whole provider. */
  readonly within: string | null;
  readonly login: string | null;
  readonly name: string | null;
  /** Error codes beside status 200 that mean what 401 means elsewhere. */
  readonly refusals: readonly string[];
}

export interface Preset {
  readonly name: string;
  readonly label: string;
  /** Which tools fit: `github` speaks GitHub's REST API, `oauth` is reached through the proxy only. */
  readonly kind: "github" | "oauth";
  /** `none`: nobody authorises through a client; credentials are brought by import (design §10.20). */
  readonly client?: "none";
  /** Null: a connection must name its hosts, or URLs in its settings. */
  readonly hosts: Hosts | null;
  readonly urls: PresetUrls;
  /** `iss` of the callback (RFC 9207) where the hosts are the preset's own; null: not known, so not compared. */
  readonly issuer: string | null;
  readonly defaultScopes: readonly string[];
  /** Asked for even when a connection does not: without them nobody is known, or nothing can be refreshed. */
  readonly requiredScopes: readonly string[];
  /** False where permissions are fixed at the registration, as with a GitHub App. */
  readonly sendsScopes: boolean;
  /** Where a provider asks for the person's scopes under another name than `scope`. */
  readonly scopeParameter: string;
  readonly scopeSeparator: " " | ",";
  /** Further parameters of the authorization request, e.g. `access_type: "offline"`. */
  readonly authorizeParameters: Readonly<Record<string, string>>;
  /** `none` only where a provider fails a client that proves itself by its secret and by PKCE at once. */
  readonly pkce: "S256" | "none";
  /** `plain_basic`: without the form encoding of RFC 6749 §2.3.1. */
  readonly tokenAuth: "body" | "basic" | "plain_basic";
  readonly tokenBody: "form" | "json";
  /** Sent with every call of the token and revocation endpoints. */
  readonly tokenHeaders: Readonly<Record<string, string>>;
  readonly answers: AnswerDialect;
  /** What a refresh does to the refresh token; `none`: there is none; `unknown`: the provider's own choice. */
  readonly refresh: "rotating" | "kept" | "none" | "unknown";
  /** `shared`: `/oauth/callback`; `own`: `/oauth/callback/{con_id}`, for providers whose answer does not say whose it is (RFC 9700 §4.4). */
  readonly callback: "shared" | "own";
  readonly tokenCheck: "github" | "none";
  /** `rfc7009`: token by token at `urls.revoke`, in the manner of `revocationAsk`. */
  readonly revocation: "github" | "rfc7009" | "none";
  readonly revocationAsk: RevocationAsk;
  /** OAuth error codes beyond, or against, the standard: the provider's no to this grant, and its no to our client. */
  readonly grantErrors: readonly string[];
  readonly clientErrors: readonly string[];
  /** Sent with every call of the provider's API. */
  readonly apiHeaders: Readonly<Record<string, string>>;
  readonly user: UserCall;
  /** Whether the grant reaches only places where a GitHub App is installed. */
  readonly installations: boolean;
  /** Live tokens per person beyond which the provider silently ends the oldest. */
  readonly tokenLimit: number | null;
  /** Origins, besides that of `hosts.api`, that a person's token may go to; `https://*.example.com` means any host below. */
  readonly upstreams: readonly string[];
  /** What to fill in when a proxy endpoint is made for this provider; the URL knows `{web}` and `{api}`. */
  readonly endpoint: { readonly upstreamUrl: string | null; readonly headers: Readonly<Record<string, string>> };
  /** Where an operator registers the client; knows `{web}`. */
  readonly registrationUrl: string | null;
  /** One thing to know before choosing it. */
  readonly note: string;
}
