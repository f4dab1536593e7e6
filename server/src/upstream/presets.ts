// The providers we know, as data: adding one adds a row and no code.
import type { Hosts } from "./hosts.ts";

/** Where a provider does what. Templates know `{web}`, `{api}` and `{client_id}`; null means that the connection's settings say it, or nobody. */
export interface PresetUrls {
  readonly authorize: string | null;
  readonly token: string | null;
  /** RFC 7009. */
  readonly revoke: string | null;
  readonly user: string | null;
  /** GitHub's own: check or delete one token; delete everything the person gave this client. */
  readonly tokenCheck: string | null;
  readonly grant: string | null;
  readonly installations: string | null;
}

export interface Preset {
  readonly name: string;
  readonly label: string;
  /** Which tools fit: `github` speaks GitHub's REST API, `oauth` is reached through the proxy only. */
  readonly kind: "github" | "oauth";
  /** Null: a connection must name its hosts, or URLs in its settings. */
  readonly hosts: Hosts | null;
  readonly urls: PresetUrls;
  /** `iss` of the callback (RFC 9207) where the hosts are the preset's own; null: not known, so not compared. */
  readonly issuer: string | null;
  readonly defaultScopes: readonly string[];
  /** False where permissions are fixed at the registration, as with a GitHub App. */
  readonly sendsScopes: boolean;
  readonly scopeSeparator: " " | ",";
  /** Further parameters of the authorization request, e.g. `access_type: "offline"`. */
  readonly authorizeParameters: Readonly<Record<string, string>>;
  readonly tokenAuth: "body" | "basic";
  /** `shared`: `/oauth/callback`; `own`: `/oauth/callback/{con_id}`, for providers we cannot tell apart (RFC 9700 §4.4). */
  readonly callback: "shared" | "own";
  readonly tokenCheck: "github" | "none";
  readonly revocation: "github" | "rfc7009" | "none";
  /** OAuth error codes beyond the standard ones: the provider's no to this grant, and its no to our client. */
  readonly grantErrors: readonly string[];
  readonly clientErrors: readonly string[];
  /** Sent with every call of the provider's API. */
  readonly apiHeaders: Readonly<Record<string, string>>;
  /** Members of the user answer; a dot goes one object deeper. */
  readonly user: { readonly id: string; readonly login: string | null; readonly name: string | null };
  /** Whether the grant reaches only places where a GitHub App is installed. */
  readonly installations: boolean;
  /** Live tokens per person beyond which the provider silently ends the oldest. */
  readonly tokenLimit: number | null;
  /** Where an operator registers the client; knows `{web}`. */
  readonly registrationUrl: string | null;
  /** One thing to know before choosing it. */
  readonly note: string;
}

const githubBase = {
  kind: "github",
  hosts: { web: "https://github.com", api: "https://api.github.com" },
  urls: {
    authorize: "{web}/login/oauth/authorize",
    token: "{web}/login/oauth/access_token",
    revoke: null,
    user: "{api}/user",
    tokenCheck: "{api}/applications/{client_id}/token",
    grant: "{api}/applications/{client_id}/grant",
    installations: "{api}/user/installations",
  },
  issuer: "https://github.com/login/oauth",
  scopeSeparator: " ",
  authorizeParameters: {},
  tokenAuth: "body",
  callback: "shared",
  tokenCheck: "github",
  revocation: "github",
  grantErrors: ["bad_verification_code", "bad_refresh_token", "unverified_user_email"],
  clientErrors: ["incorrect_client_credentials", "redirect_uri_mismatch", "application_suspended"],
  apiHeaders: { accept: "application/vnd.github+json", "x-github-api-version": "2022-11-28" },
  user: { id: "id", login: "login", name: "name" },
} as const satisfies Partial<Preset>;

export const presets: readonly Preset[] = [
  {
    ...githubBase,
    name: "github",
    label: "GitHub (OAuth App)",
    defaultScopes: ["repo", "read:user"],
    sendsScopes: true,
    installations: false,
    tokenLimit: 10,
    registrationUrl: "{web}/settings/applications/new",
    note: "GitHub keeps at most 10 tokens per person, OAuth App and set of scopes, and silently ends the oldest. Prefer github-app.",
  },
  {
    ...githubBase,
    name: "github-app",
    label: "GitHub (GitHub App)",
    defaultScopes: [],
    sendsScopes: false,
    installations: true,
    tokenLimit: null,
    registrationUrl: "{web}/settings/apps/new",
    note: "People see nothing until the GitHub App is installed on the account or organisation that owns the repositories.",
  },
  {
    name: "generic",
    label: "Any OAuth 2.0 provider",
    kind: "oauth",
    hosts: null,
    urls: {
      authorize: null,
      token: null,
      revoke: null,
      user: null,
      tokenCheck: null,
      grant: null,
      installations: null,
    },
    issuer: null,
    defaultScopes: [],
    sendsScopes: true,
    scopeSeparator: " ",
    authorizeParameters: {},
    tokenAuth: "body",
    callback: "own",
    tokenCheck: "none",
    revocation: "rfc7009",
    grantErrors: [],
    clientErrors: [],
    apiHeaders: { accept: "application/json" },
    user: { id: "sub", login: "preferred_username", name: "name" },
    installations: false,
    tokenLimit: null,
    registrationUrl: null,
    note: "Needs authorize_url, token_url and user_url. Each connection has a redirect URI of its own.",
  },
];

export function presetNamed(name: string): Preset | undefined {
  return presets.find((preset) => preset.name === name);
}
