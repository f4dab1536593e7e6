// Refuses a call that GitHub is known to refuse, honestly about when to ask again: a call that must fail brings an account nearer to a ban.
import { Refusal } from "../../rules/refusal.ts";
import type { AccountRow } from "../../store/schema.ts";
import type { House } from "../house.ts";

/** Limits are a person's: the same account may stand for another person after a reconnect. */
export function headroomKey(account: Pick<AccountRow, "id" | "provider_user_id">): string {
  return `${account.id}/${account.provider_user_id ?? ""}`;
}

export function demandHeadroom(
  needs: Pick<House, "headroom" | "now">,
  account: Pick<AccountRow, "id" | "provider_user_id">,
  resource: string | null,
): void {
  if (resource === null) return;
  const now = needs.now();
  const block = needs.headroom.blockOf(headroomKey(account), resource, now);
  if (block === null) return;
  const seconds = Math.max(1, Math.ceil((block.until - now) / 1000));
  const isPrimary = block.kind === "primary";
  throw new Refusal(isPrimary ? "upstream_rate_limited" : "upstream_secondary_limited", {
    detail: isPrimary
      ? `GitHub's rate limit (${block.resource ?? "core"}) of this account is used up, as its last answer said. The call was not sent.`
      : "GitHub asked this account to slow down. The call was not sent.",
    outcome: "nothing",
    retryAfterSeconds: seconds,
    next: { action: "retry_later", detail: `Ask again in ${seconds} seconds; until then GitHub would refuse.` },
  });
}
