// Refuses a call that the caller's limits do not allow.
import { type Call, mayCall, type Principal } from "../../rules/policy.ts";
import { Refusal } from "../../rules/refusal.ts";

export function demandWithinLimits(principal: Principal, call: Call): void {
  const verdict = mayCall(principal.limits, call);
  if (verdict.kind === "allow") return;
  throw new Refusal(verdict.code, {
    detail: verdict.detail,
    next: {
      action: "use_other_token",
      detail: "Stay within the limits of this token, or ask for one that allows this.",
    },
  });
}
