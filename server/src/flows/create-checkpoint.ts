// Makes a checkpoint of one chain of the audit now; where its end has one of ours already, that is the answer.

import type { Checkpoint } from "../rules/audit-checkpoint.ts";
import { Refusal } from "../rules/refusal.ts";
import { checkpointView } from "./steps/audit-views.ts";
import { type SigningNeeds, signAndKeep } from "./steps/sign-checkpoint.ts";

export async function createCheckpoint(
  needs: SigningNeeds,
  chain: string,
): Promise<{ readonly checkpoint: Checkpoint; readonly created: boolean }> {
  const end = await needs.store.audit.end(chain);
  const [kept] = end === undefined ? [] : await signAndKeep(needs, [end]);
  if (kept === undefined || kept.kind === "unproven") throw broken();
  return { checkpoint: checkpointView(kept.row), created: kept.kind === "made" };
}

function broken(): Refusal {
  return new Refusal("conflict", {
    detail: "The chain does not end where its own records say, so its end is not signed.",
    next: { action: "verify_audit", detail: "`GET /v1/audit/verify` names the first bad event." },
  });
}
