// Refuses a path that could climb out of its upstream (promise 12).
import { checkTarget, type TargetDecision } from "../../rules/paths.ts";
import { Refusal } from "../../rules/refusal.ts";

export function checkedTarget(raw: string): Extract<TargetDecision, { readonly kind: "ok" }> {
  const target = checkTarget(raw);
  if (target.kind === "ok") return target;
  throw new Refusal("invalid_request", {
    detail: `This path cannot be passed on: ${target.reason}.`,
    next: {
      action: "fix_request",
      detail: "Send the path as the provider documents it, each segment percent-encoded once.",
    },
  });
}
