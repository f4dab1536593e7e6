// Makes a checkpoint of one chain of the audit now; where its end has one already, that is the answer.

import type { Checkpoint } from "../rules/audit-checkpoint.ts";
import { Refusal } from "../rules/refusal.ts";
import type { AuditCheckpointRow } from "../store/schema.ts";
import type { House } from "./house.ts";
import { checkpointView } from "./steps/audit-views.ts";
import { type SigningNeeds, signCheckpoint } from "./steps/sign-checkpoint.ts";

type Needs = Pick<House, "store" | "log"> & SigningNeeds;

export async function createCheckpoint(
  needs: Needs,
  chain: string,
): Promise<{ readonly checkpoint: Checkpoint; readonly created: boolean }> {
  const { audit } = needs.store;
  const end = await audit.end(chain);
  const signed = end === undefined ? undefined : signCheckpoint(needs, end);
  if (signed === undefined) throw broken();
  if (end?.marked === signed.seq) return { checkpoint: checkpointView(await standing(needs, signed)), created: false };
  await audit.addCheckpoints([signed]);
  const checkpoint = checkpointView(await standing(needs, signed));
  needs.log.info("audit checkpoint", { checkpoint });
  return { checkpoint, created: true };
}

/** Of two made at once the one that was stored is the one to keep. */
async function standing(needs: Needs, signed: AuditCheckpointRow): Promise<AuditCheckpointRow> {
  return (await needs.store.audit.checkpoint(signed.chain, signed.seq)) ?? signed;
}

function broken(): Refusal {
  return new Refusal("conflict", {
    detail: "The chain does not end where its own records say, so its end is not signed.",
    next: { action: "verify_audit", detail: "`GET /v1/audit/verify` names the first bad event." },
  });
}
