// What a test may ask of the fake GitHub: seed it, play the person, break it, and read what it saw.

export type OriginName = "web" | "api" | "uploads" | "storage";
export type Level = "read" | "write" | "admin";
export type TokenKind = "none" | "basic" | "gho" | "ghu" | "ghp" | "unknown";

export interface RecordedCall {
  at: number;
  origin: OriginName;
  method: string;
  /** With query, raw as received. */
  path: string;
  tokenKind: TokenKind;
  token: string | null;
  login: string | null;
  /** Lower-case names; repeated headers joined with ", ". */
  headers: Record<string, string>;
  rawHeaders: string[];
  /** The first 16 MiB of the body as UTF-8; bodyBytes counts all of it. */
  body: string;
  bodyBytes: number;
  /** null until answered, and for ever when the connection was reset or withheld. */
  status: number | null;
}

export type FaultKind =
  | "status"
  | "slow-headers"
  | "slow-body"
  | "truncate"
  | "reset-before"
  | "reset-after"
  | "hold"
  | "primary-limit-403"
  | "primary-limit-429"
  | "secondary-limit";

export interface Fault {
  origin?: "web" | "api" | "uploads";
  method?: string;
  path?: RegExp;
  times?: number;
  kind: FaultKind;
  status?: number;
  body?: string;
  /** Added to the answer of status and limit faults; "" takes a header away (Retry-After, say). */
  headers?: Record<string, string>;
  delayMs?: number;
  /** For hold and slow-headers: wait before processing rather than after. */
  before?: boolean;
  release?: Promise<void>;
}

export interface ClientSpec {
  clientId: string;
  clientSecret: string;
  kind: "oauth-app" | "github-app";
  redirectUris: string[];
  slug?: string;
  /** Default true for github-app, false for oauth-app. */
  expiring?: boolean;
  /** false: /applications/{client_id}/* is not there at all, in a shape that is not GitHub's. */
  tokenCheck?: boolean;
  /** Default true. Off answers device_flow_disabled. */
  deviceFlow?: boolean;
  /** Default false: GitHub does not document reuse detection. True kills the newer pair too. */
  reuseRevokesFamily?: boolean;
}

export interface RepositorySpec {
  owner: string;
  name: string;
  private?: boolean;
  collaborators?: Record<string, Level>;
  files?: Record<string, string>;
  /** Further branches, cut from the default one: the files that differ there. */
  branches?: Record<string, Record<string, string>>;
  sso?: boolean;
  oauthAppRestricted?: boolean;
  issuesEnabled?: boolean;
  archived?: boolean;
}

export interface InstallationSpec {
  clientId: string;
  account: string;
  repositories: "all" | string[];
  /** Default: metadata read; contents, issues and pull_requests write. */
  permissions?: Record<string, Level>;
}

export interface FakeGitHub {
  readonly web: string;
  readonly api: string;
  readonly uploads: string;
  readonly storage: string;
  readonly clock: { now(): number; advance(ms: number): void };
  client(spec: ClientSpec): void;
  user(spec: { login: string; id?: number; name?: string; email?: string }): { id: number; login: string };
  repository(spec: RepositorySpec): { id: number };
  rename(owner: string, name: string, newName: string): void;
  renameUser(login: string, newLogin: string): void;
  installation(spec: InstallationSpec): { id: number };
  uninstall(installationId: number): void;
  /** A classic personal access token (ghp_), as its owner makes it in the settings. */
  personalToken(spec: { login: string; scopes?: string[]; expiresInMs?: number }): string;
  /** Plays the person's click; returns the Location back to the app. */
  approve(authorizeUrl: string, login: string, options?: { deny?: boolean; scopes?: string[] }): Promise<string>;
  /** Plays the person typing a device code at /login/device. */
  approveDevice(userCode: string, login: string, options?: { deny?: boolean }): void;
  revokeGrant(login: string, clientId: string): void;
  /** One token dies (leaked and auto-revoked, say): its pair with it, nothing else. */
  revokeToken(token: string): void;
  readonly calls: RecordedCall[];
  callsTo(origin: OriginName, method?: string, path?: RegExp): RecordedCall[];
  /** Pairs of which at least one half still works. */
  liveTokens(login: string, clientId?: string): { access: string; refresh: string | null }[];
  fault(spec: Fault): void;
  close(): Promise<void>;
}

export interface FakeGitHubOptions {
  now?: number;
  /** API versions that answer 410 (api-versions: at least 24 months after a successor). */
  retiredApiVersions?: string[];
  /** GitHub App user tokens may read public repositories outside their installations. Default false: 404. */
  appTokensReadPublic?: boolean;
}
