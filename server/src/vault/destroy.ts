// Ends credentials at their provider: queued with the change that ends them, tried for 7 days, never forgotten (design §10.6).
import { Credential } from "../crypto/credential.ts";
import { digestOf } from "../crypto/digest.ts";
import { hashedToken } from "../crypto/hashed-token.ts";
import type { Place } from "../crypto/seal.ts";
import { deletedDetails } from "../rules/audit.ts";
import { type AccountId, type ConnectionId, idFrom, type ProjectId, type RevocationId } from "../rules/ids.ts";
import type { HeldDigests } from "../store/accounts.ts";
import type { RevocationRow } from "../store/schema.ts";
import type { Tables } from "../store/store.ts";
import type { Hosts } from "../upstream/hosts.ts";
import type { Provider, ProviderSettings, RevokeAnswer } from "../upstream/provider.ts";
import type { VaultPowers } from "./powers.ts";
import { accessDigest, type EndingPair, type TokenPair } from "./take-in.ts";

/** `token`: this pair only. `alone`: the whole grant when nobody else of this instance shares it. `grant`: the whole grant. */
export type RevocationReach = "token" | "alone" | "grant";

const reaches: readonly RevocationReach[] = ["token", "alone", "grant"];
const keepTryingMs = 7 * 24 * 3_600_000;
const holdMs = 60_000;
const retryBaseMs = 5_000;
const retryMaxMs = 3_600_000;
const actor = { kind: "system", task: "revocation" } as const;

export interface RevocationAsk {
  readonly project: ProjectId;
  readonly provider: Provider;
  readonly tokens: EndingPair;
  /** Whose tokens these are at the provider; null where nobody knows. */
  readonly user: string | null;
  /** The account that ends with them; without it just this pair is revoked, which no account keeps. */
  readonly account?: {
    readonly id: AccountId;
    readonly reach: Exclude<RevocationReach, "token">;
    /** Whether its row goes once this is done. */
    readonly erase: boolean;
  };
}

interface Payload {
  readonly access: string;
  readonly refresh: string | null;
  readonly expires_at: number | null;
  readonly preset: string;
  readonly hosts: Hosts;
  readonly client_id: string;
  readonly client_secret: string;
  readonly redirect_uri: string;
  readonly settings: ProviderSettings;
  readonly provider_user_id: string | null;
}

function placeOf(row: Pick<RevocationRow, "id" | "project_id">): Place {
  return { project: row.project_id, table: "revocations", row: row.id, column: "payload" };
}

/** Seals the tokens with the client that may revoke them into the queue, inside the transaction that ends them. */
export async function queueRevocation(
  powers: Pick<VaultPowers, "ring" | "random" | "now">,
  tables: Tables,
  ask: RevocationAsk,
): Promise<RevocationId> {
  const id = idFrom("revocation", powers.random(16));
  const now = powers.now();
  const { provider, tokens, account } = ask;
  const payload: Payload = {
    access: tokens.access.reveal(),
    refresh: tokens.refresh?.reveal() ?? null,
    expires_at: tokens.expiresAt,
    preset: provider.preset.name,
    hosts: provider.hosts,
    client_id: provider.clientId,
    client_secret: provider.clientSecret.reveal(),
    redirect_uri: provider.redirectUri,
    settings: provider.settings,
    provider_user_id: ask.user,
  };
  await tables.revocations.add({
    id,
    project_id: ask.project,
    account_id: account?.id ?? null,
    payload: powers.ring.seal(new Credential(JSON.stringify(payload)), placeOf({ id, project_id: ask.project })),
    whole_grant: reaches.indexOf(account?.reach ?? "token"),
    erase_account: account?.erase === true ? 1 : 0,
    tries: 0,
    next_at: now,
    give_up_at: now + keepTryingMs,
    created_at: now,
  });
  return id;
}

/** Tries one queued revocation. True when it is over, one way or the other. */
export async function attemptRevocation(powers: VaultPowers, id: RevocationId): Promise<boolean> {
  const row = await powers.store.revocations.take(id, powers.now(), powers.now() + holdMs);
  if (row === undefined) return (await powers.store.revocations.find(id)) === undefined;
  const answer = await tryRevoke(powers, row);
  const over = answer !== "retry" || powers.now() >= row.give_up_at;
  if (!over) {
    const wait = Math.min(retryBaseMs * 2 ** Math.min(row.tries, 12), retryMaxMs);
    await powers.store.revocations.postpone(id, powers.now() + wait);
    powers.warn("Revoking at the provider failed; it will be tried again", { revocation: id, account: row.account_id });
    return false;
  }
  await close(powers, row, answer);
  return true;
}

/** A row that cannot be opened is tried like a provider that does not answer: it may be the ring that is wrong, and it ends in time. */
async function tryRevoke(powers: VaultPowers, row: RevocationRow): Promise<RevokeAnswer> {
  try {
    const payload = JSON.parse(powers.ring.open(row.payload, placeOf(row)).reveal()) as Payload;
    return await revoke(powers, row, payload);
  } catch (error) {
    powers.warn("A revocation could not be tried", { revocation: row.id, error });
    return "retry";
  }
}

async function close(powers: VaultPowers, row: RevocationRow, answer: RevokeAnswer): Promise<void> {
  await powers.store.change(async (tables, record) => {
    if (row.account_id !== null) await tables.accounts.lock(row.project_id, row.account_id);
    // Its payload may have been sealed anew meanwhile, with the token that was really revoked.
    const token = hashedTokenOf(powers, (await tables.revocations.find(row.id)) ?? row);
    await tables.revocations.erase(row.id);
    const subject = row.account_id ?? row.id;
    const name = answer === "retry" ? "account.revocation_failed" : "account.revocation_done";
    record({ chain: row.project_id, name, actor, subject, details: { supported: answer !== "unsupported", ...token } });
    if (row.account_id === null || row.erase_account === 0) return;
    const gone = await tables.accounts.eraseEnded(row.account_id);
    if (gone) record({ chain: row.project_id, name: "account.deleted", actor, subject, details: deletedDetails });
  });
}

/** Nothing for a row that cannot be opened: it ends all the same. */
function hashedTokenOf(powers: VaultPowers, row: RevocationRow): { readonly hashed_token?: string } {
  try {
    const payload = JSON.parse(powers.ring.open(row.payload, placeOf(row)).reveal()) as Payload;
    return { hashed_token: hashedToken(new Credential(payload.access)) };
  } catch {
    return {};
  }
}

async function revoke(powers: VaultPowers, row: RevocationRow, payload: Payload): Promise<RevokeAnswer> {
  const preset = powers.presetNamed(payload.preset);
  if (preset === undefined) return "unsupported";
  const provider = providerIn(payload, preset);
  const reach = reaches[row.whole_grant] ?? "token";
  // It may have been brought again since: then it is another account's, or this one's new life.
  if (reach !== "grant" && (await powers.store.accounts.isHeld(heldIn(payload)))) return "unsupported";
  const sharing = reach === "grant" ? "alone" : await sharingOf(powers, payload);
  if (preset.revocation === "rfc7009" && sharing !== "alone") {
    // Elsewhere than at GitHub the end of one token may be the end of the grant (RFC 7009 §2.1), and others live on it.
    return sharing === "unclear" ? "retry" : "unsupported";
  }
  const pair = await livePair(powers, { row, provider, payload });
  if (pair === "gone") return "done";
  if (pair === "retry") return "retry";
  return powers.oauth.revoke(provider, pair, reach !== "token" && sharing === "alone");
}

function providerIn(payload: Payload, preset: Provider["preset"]): Provider {
  return {
    preset,
    hosts: payload.hosts,
    clientId: payload.client_id,
    clientSecret: new Credential(payload.client_secret),
    redirectUri: payload.redirect_uri,
    scopes: [],
    settings: payload.settings,
  };
}

/**
 * Whether an account of this instance, this one connected anew included, or an authorization under way, lives on the same grant: same host, client and
 * provider user. Asked when we revoke, not when it was queued. `unclear`: a code of this client is being swapped for tokens
 * just now, and whose they are will be known in minutes.
 */
async function sharingOf(powers: VaultPowers, payload: Payload): Promise<"alone" | "shared" | "unclear"> {
  const { accounts, attempts } = powers.store;
  const user = payload.provider_user_id;
  if (user === null) return "shared";
  if (await anyAt(powers, payload, [...(await accounts.ofPerson(user)), ...(await attempts.waitingFor(user))]))
    return "shared";
  return (await anyAt(powers, payload, await attempts.inTheAir(powers.now()))) ? "unclear" : "alone";
}

function heldIn({ access, refresh }: Payload): HeldDigests {
  return {
    access_digest: accessDigest(new Credential(access)),
    refresh_digest: refresh === null ? null : digestOf("refresh-token", refresh),
  };
}

type Connected = { readonly connection_id: ConnectionId };

async function anyAt(powers: VaultPowers, payload: Payload, rows: readonly Connected[]): Promise<boolean> {
  for (const { connection_id } of rows) {
    const connection = await powers.store.connections.find(connection_id);
    if (connection === undefined || connection.client_id !== payload.client_id) continue;
    if ((JSON.parse(connection.hosts) as Hosts).web === payload.hosts.web) return true;
  }
  return false;
}

// GitHub revokes by access token; one past its life no longer names the grant, but its refresh token still could.
async function livePair(
  powers: VaultPowers,
  { row, provider, payload }: { readonly row: RevocationRow; readonly provider: Provider; readonly payload: Payload },
): Promise<TokenPair | "gone" | "retry"> {
  const refresh = payload.refresh === null ? null : new Credential(payload.refresh);
  const pair = { access: new Credential(payload.access), refresh };
  const ended = payload.expires_at !== null && payload.expires_at <= powers.now();
  if (!ended || refresh === null || provider.preset.revocation !== "github") return pair;
  const answer = await powers.oauth.refresh(provider, refresh);
  if (answer.kind === "rejected") return "gone";
  if (answer.kind !== "granted") return "retry";
  const { tokens } = answer;
  // Kept before it is used: if revoking fails now, the next try must not find a spent refresh token and call it done.
  const next: Payload = {
    ...payload,
    access: tokens.access.reveal(),
    refresh: tokens.refresh?.reveal() ?? null,
    expires_at: tokens.expiresAt,
  };
  await powers.store.revocations.reseal(row.id, powers.ring.seal(new Credential(JSON.stringify(next)), placeOf(row)));
  return tokens;
}
