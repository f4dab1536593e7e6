// What a call that got no answer means for the caller.
import { Refusal, type RefusalCode } from "../../rules/refusal.ts";
import type { Failure, FailureReason } from "../../upstream/exchange.ts";

const codes: Readonly<Record<FailureReason, RefusalCode>> = {
  timeout: "upstream_timeout",
  unreachable: "upstream_unavailable",
  blocked: "upstream_blocked",
  aborted: "upstream_unavailable",
  too_large: "upstream_unavailable",
};

const details: Readonly<Record<FailureReason, string>> = {
  timeout: "The provider did not answer in time.",
  unreachable: "The connection to the provider failed.",
  blocked: "The address of the provider is not one that may be called.",
  aborted: "The call was ended before the provider answered.",
  too_large: "The provider's answer is larger than a tool may return; use the proxy for it.",
};

/** `changes`: the call was to change something, so it may have been done if it may have arrived. */
export function upstreamFailure(failure: Failure, changes: boolean): Refusal {
  const mayBeDone = failure.sent && changes;
  const next =
    failure.reason === "blocked"
      ? { action: "contact_operator", detail: "The operator can allow the address with BEHALF_ALLOW_UPSTREAM." }
      : mayBeDone
        ? { action: "check_outcome", detail: "It may have been done. Look before you ask again." }
        : { action: "retry", detail: "Nothing was changed; the call may be repeated." };
  return new Refusal(codes[failure.reason], {
    detail: details[failure.reason],
    outcome: mayBeDone ? "unknown" : "nothing",
    next,
    cause: failure.cause,
  });
}
