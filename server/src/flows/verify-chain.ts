// Verifies the caller's chain of the audit, if wished against checkpoints that the caller has kept.
import type * as Wire from "@behalf/sdk";
import type { Checkpoint } from "../rules/audit-checkpoint.ts";
import type { Principal } from "../rules/policy.ts";
import { Refusal } from "../rules/refusal.ts";
import type { AuditReading } from "../store/audit-reading.ts";
import { wholeChainOf } from "./steps/audit-chain.ts";
import { type WalkNeeds, walkChain } from "./steps/walk-chain.ts";

type Needs = Omit<WalkNeeds, "chains"> & { readonly reading: { readonly audit: AuditReading } };

export interface VerifyChainAsk {
  readonly saved: readonly Checkpoint[];
  readonly signal: AbortSignal;
}

export async function verifyChain(
  needs: Needs,
  principal: Principal,
  { saved, signal }: VerifyChainAsk,
): Promise<Wire.AuditVerification> {
  const chain = wholeChainOf(principal);
  const foreign = saved.flatMap((checkpoint, index) => (checkpoint.chain === chain ? [] : [index]));
  if (foreign.length > 0) throw foreignCheckpoints(foreign);
  const walk = await walkChain({ ...needs, chains: needs.reading.audit }, { chain, saved, signal });
  return {
    ok: walk.faults.length === 0,
    chain,
    events: walk.events,
    checkpoints: walk.checkpoints,
    faults: walk.faults.map((fault) => ({ chain, ...fault })),
  };
}

function foreignCheckpoints(places: readonly number[]): Refusal {
  return new Refusal("invalid_input", {
    detail: "A checkpoint belongs to another chain than the token's.",
    errors: places.map((place) => ({ path: `checkpoints.${place}.chain`, message: "is another chain" })),
    next: { action: "fix_input", detail: "Send the checkpoints of one chain, with a token of its project." },
  });
}
