// Seals what a provider gave us, and opens it again: the only place that knows how a credential lies in a row.
import { Credential } from "../crypto/credential.ts";
import { digestOf } from "../crypto/digest.ts";
import type { KeyRing, Place } from "../crypto/seal.ts";
import type { AccountRow, AttemptRow, ConnectionRow } from "../store/schema.ts";
import type { Hosts } from "../upstream/hosts.ts";
import type { Provider, ProviderSettings, Tokens } from "../upstream/provider.ts";
import type { VaultPowers } from "./powers.ts";

export interface TokenPair {
  readonly access: Credential;
  readonly refresh: Credential | null;
}

/** With the end of the access token: past it, only the refresh token still names the grant. */
export interface EndingPair extends TokenPair {
  readonly expiresAt: number | null;
}

/** The columns of an account that hold its credential. */
export type CredentialColumns = Pick<
  AccountRow,
  "credential" | "access_digest" | "refresh_digest" | "expires_at" | "life_ms" | "refresh_expires_at"
>;

function placeOf(table: "accounts" | "attempts", row: Pick<AccountRow | AttemptRow, "id" | "project_id">): Place {
  return { project: row.project_id, table, row: row.id, column: "credential" };
}

function pack(pair: TokenPair): Credential {
  return new Credential(JSON.stringify([pair.access.reveal(), pair.refresh?.reveal() ?? null]));
}

function unpack(packed: Credential): TokenPair {
  const [access, refresh] = JSON.parse(packed.reveal()) as [string, string | null];
  return { access: new Credential(access), refresh: refresh === null ? null : new Credential(refresh) };
}

export function accessDigest(access: Credential): string {
  return digestOf("access-token", access.reveal());
}

/** Tokens as columns of the account they belong to. */
export function sealForAccount(
  { ring, now }: Pick<VaultPowers, "ring" | "now">,
  account: Pick<AccountRow, "id" | "project_id">,
  tokens: Tokens,
): CredentialColumns {
  const { refresh, expiresAt } = tokens;
  return {
    credential: ring.seal(pack(tokens), placeOf("accounts", account)),
    access_digest: accessDigest(tokens.access),
    refresh_digest: refresh === null ? null : digestOf("refresh-token", refresh.reveal()),
    expires_at: expiresAt,
    life_ms: expiresAt === null ? null : expiresAt - now(),
    refresh_expires_at: tokens.refreshExpiresAt,
  };
}

/** Tokens that somebody brought as text; nothing is known of the refresh token's end. */
export function tokensOf(brought: {
  readonly access_token: string;
  readonly refresh_token: string | null;
  readonly expires_at: number | null;
  readonly scopes: readonly string[] | null;
}): Tokens {
  const { access_token: access, refresh_token: refresh } = brought;
  return {
    access: new Credential(access),
    refresh: refresh === null ? null : new Credential(refresh),
    expiresAt: brought.expires_at,
    refreshExpiresAt: null,
    scopes: brought.scopes,
  };
}

export function sealForAttempt(
  ring: KeyRing,
  attempt: Pick<AttemptRow, "id" | "project_id">,
  tokens: TokenPair,
): string {
  return ring.seal(pack(tokens), placeOf("attempts", attempt));
}

/** The tokens of an account; undefined when it has none. */
export function openAccount(
  ring: KeyRing,
  account: Pick<AccountRow, "id" | "project_id" | "credential">,
): TokenPair | undefined {
  if (account.credential === null) return undefined;
  return unpack(ring.open(account.credential, placeOf("accounts", account)));
}

/** The tokens of an attempt that waits to be confirmed; undefined when it has none. */
export function openAttempt(
  ring: KeyRing,
  attempt: Pick<AttemptRow, "id" | "project_id" | "credential" | "grant_facts">,
): EndingPair | undefined {
  if (attempt.credential === null) return undefined;
  const facts = JSON.parse(attempt.grant_facts ?? "{}") as { readonly expiresAt?: number | null };
  return { ...unpack(ring.open(attempt.credential, placeOf("attempts", attempt))), expiresAt: facts.expiresAt ?? null };
}

function secretPlace(connection: Pick<ConnectionRow, "id" | "project_id">): Place {
  return { project: connection.project_id, table: "connections", row: connection.id, column: "client_secret" };
}

export function sealClientSecret(
  ring: KeyRing,
  connection: Pick<ConnectionRow, "id" | "project_id">,
  secret: string,
): string {
  return ring.seal(new Credential(secret), secretPlace(connection));
}

type Opening = Pick<VaultPowers, "ring" | "origin" | "presetNamed">;

/** The redirect URI of a connection: ours, exact, and its own for providers we cannot tell apart (mix-up defence, §10.14). */
export function redirectUriOf(powers: Opening, connection: Pick<ConnectionRow, "id" | "preset">): string {
  const own = powers.presetNamed(connection.preset)?.callback === "own";
  return own ? `${powers.origin}/oauth/callback/${connection.id}` : `${powers.origin}/oauth/callback`;
}

/** A connection with its secret opened, ready to talk to its provider. */
export function openProvider(powers: Opening, connection: ConnectionRow): Provider {
  const preset = powers.presetNamed(connection.preset);
  if (preset === undefined) throw new Error(`No preset ${connection.preset}`);
  return {
    preset,
    hosts: JSON.parse(connection.hosts) as Hosts,
    clientId: connection.client_id,
    // Where nobody authorises through a client there is no secret to open.
    clientSecret:
      preset.client === "none"
        ? new Credential("")
        : powers.ring.open(connection.client_secret, secretPlace(connection)),
    redirectUri: redirectUriOf(powers, connection),
    scopes: JSON.parse(connection.scopes) as string[],
    settings: JSON.parse(connection.settings) as ProviderSettings,
  };
}
