// Which chain of the audit a caller reads: its project's, or with an instance token that names none the instance's.
import type { AuditChain } from "../../rules/audit.ts";
import type { Principal } from "../../rules/policy.ts";
import { Refusal } from "../../rules/refusal.ts";

export function chainOf(principal: Principal): AuditChain {
  return principal.projectId ?? "instance";
}

/** For what cannot be told about one account alone. */
export function wholeChainOf(principal: Principal): AuditChain {
  if (principal.accountId === null) return chainOf(principal);
  throw new Refusal("forbidden", {
    detail: "This token is bound to one account, and this tells of the whole project.",
    next: { action: "use_other_token", detail: "Use a token of the project that is bound to no account." },
  });
}
