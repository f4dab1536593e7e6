// The refusal for an account that is not ACTIVE. Pure.
import { type AccountStatus, type StatusReason, statusReasons } from "./account.ts";
import { Refusal, type RefusalCode } from "./refusal.ts";

const codes: Readonly<Record<Exclude<AccountStatus, "ACTIVE">, RefusalCode>> = {
  PENDING: "account_pending",
  VERIFYING: "account_verifying",
  EXPIRED: "account_expired",
  REVOKED: "account_revoked",
  DISCONNECTED: "account_disconnected",
};

const nextDetails: Readonly<Record<Exclude<AccountStatus, "ACTIVE">, string>> = {
  PENDING: "Make an authorization link and have the person open it.",
  VERIFYING: "Confirm the person with `POST /v1/accounts/verify`, or make a new link.",
  EXPIRED: "Make a new authorization link and have the person open it.",
  REVOKED: "The access was withdrawn. If the person agrees, make a new authorization link.",
  DISCONNECTED: "Make a new authorization link if this connection is wanted again.",
};

/** Where a link for an account is made. */
export function linkUrl(origin: string, connection: string, identifier: string): string {
  return `${origin}/v1/connections/${connection}/accounts/${encodeURIComponent(identifier)}/link`;
}

/** The refusal for an account that is not ACTIVE: honest about why, and how to get it back. */
export function unusable(
  account: { readonly status: AccountStatus; readonly status_reason: string | null; readonly identifier: string },
  connection: string,
  origin: string,
): Refusal {
  if (account.status === "ACTIVE")
    return new Refusal("unavailable", { next: { action: "retry", detail: "Try again in a moment." } });
  const reason = account.status_reason === null ? undefined : statusReasons[account.status_reason as StatusReason];
  return new Refusal(codes[account.status], {
    ...(reason === undefined ? {} : { detail: reason }),
    credential: true,
    next: {
      action: account.status === "VERIFYING" ? "verify" : account.status === "PENDING" ? "connect" : "reconnect",
      method: "POST",
      url: linkUrl(origin, connection, account.identifier),
      detail: nextDetails[account.status],
    },
  });
}
