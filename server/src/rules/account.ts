// The states of an account and the moves between them. Pure: the store makes each move a compare-and-set.

export const accountStatuses = ["PENDING", "VERIFYING", "ACTIVE", "EXPIRED", "REVOKED", "DISCONNECTED"] as const;
export type AccountStatus = (typeof accountStatuses)[number];

/** Why an account is in its status; public, stable words. */
export const statusReasons = {
  verification_timeout: "The person authorised, but the application did not confirm who it was within 10 minutes.",
  refresh_rejected: "GitHub refused the refresh token: it was used, revoked or has expired.",
  refresh_interrupted: "A refresh was cut off after it may have reached the provider, so the new tokens are lost.",
  refresh_token_missing: "The access token has ended and the provider gave no refresh token.",
  token_rejected: "The provider no longer accepts the access token.",
  disconnected_by_request: "The application ended this connection.",
  deletion_pending: "The account is being deleted; its tokens are being revoked at the provider.",
} as const;
export type StatusReason = keyof typeof statusReasons;

/** From which statuses each status may be entered. */
const entries: Readonly<Record<AccountStatus, readonly AccountStatus[]>> = {
  PENDING: ["VERIFYING"],
  VERIFYING: ["PENDING"],
  ACTIVE: ["PENDING", "VERIFYING", "EXPIRED", "REVOKED", "DISCONNECTED"],
  EXPIRED: ["ACTIVE"],
  REVOKED: ["ACTIVE", "EXPIRED"],
  DISCONNECTED: ["PENDING", "VERIFYING", "ACTIVE", "EXPIRED", "REVOKED"],
};

/** The statuses an account may have just before it has this one. Staying is no move. */
export function mayBecome(to: AccountStatus): readonly AccountStatus[] {
  return [...entries[to], to];
}

/** Refresh ahead in the background from 15 minutes before expiry (design §6). */
export const refreshAheadMs = 15 * 60_000;
/** Refresh on demand when less than this is left. */
const refreshOnDemandMs = 5 * 60_000;
/** A token with less left than this is not handed to a call. */
const refreshFloorMs = 60_000;
/** One refresh request to the provider. */
export const refreshTimeoutMs = 20_000;
/** How long a refresh may hold the account before another process may try. */
export const refreshLeaseMs = 60_000;
/** An authorization link, an OAuth state and an unverified attempt all live this long. */
export const linkLifeMs = 10 * 60_000;
/** A link may be opened this often before it is refused (design §10.13). */
export const openingsMax = 20;
/** An account's token is checked at the provider at most this often on request. */
export const checkIntervalMs = 10_000;
/** And about this often without a request. */
export const probeIntervalMs = 24 * 3_600_000;
/** GitHub revokes the oldest of more than 10 tokens per user, OAuth App and scope set; we warn from here. */
export const tokenWarningCount = 8;

/** When a credential ends, and how long it lives in all; null where that is not known. */
export interface Life {
  readonly expires_at: number | null;
  readonly life_ms: number | null;
}

/** What the age of a credential says about using it now. */
export type Freshness = "fresh" | "due" | "spent";

/**
 * How fresh the token is, and whether a refresh that failed a moment ago is worth repeating before this call. Where tokens live
 * for minutes the margins shrink with them: else every call would refresh.
 */
export function freshness({ expires_at, life_ms }: Life, now: number): Freshness {
  const onDemand = Math.min(refreshOnDemandMs, (life_ms ?? Infinity) / 4);
  if (expires_at === null || expires_at - now >= onDemand) return "fresh";
  return expires_at - now > Math.min(refreshFloorMs, onDemand / 2) ? "due" : "spent";
}

export function isDueAhead({ expires_at, life_ms }: Life, now: number): boolean {
  return expires_at !== null && expires_at - now < Math.min(refreshAheadMs, (life_ms ?? Infinity) / 2);
}
