// What every stream of events shares: where it begins, how often it looks, and when it may no longer listen.
import type { Principal } from "../../rules/policy.ts";
import type { House } from "../house.ts";

export interface ListenAsk {
  /** The last event the listener has; `now`: none of those that are there. */
  readonly after: number | "now";
  /** False: ends after what is there. */
  readonly wait: boolean;
  readonly signal: AbortSignal;
  /** Comes back early when the signal says so. */
  readonly pause: (ms: number) => Promise<void>;
}

/** What another process wrote is heard this late at most. */
export const pollMs = 400;
/** A sign of life comes this often. */
export const quietMs = 15_000;

/** A stream outlives the moment its token was looked at: one that was revoked or has ended hears nothing more. */
export async function mayStillListen(
  { store, now }: Pick<House, "store" | "now">,
  principal: Principal,
): Promise<boolean> {
  if (principal.expiresAt !== null && principal.expiresAt <= now()) return false;
  if (principal.tokenId === "environment") return true;
  const token = await store.tokens.find(principal.isInstance ? null : principal.projectId, principal.tokenId);
  return token !== undefined && token.revoked_at === null;
}
