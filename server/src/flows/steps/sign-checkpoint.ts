// Signs where a chain of the audit ends, once that end is proven: a signature must not make good what somebody cut.
import type { CheckpointSigner } from "../../crypto/checkpoint-signer.ts";
import { headText } from "../../rules/audit.ts";
import { checkpointText } from "../../rules/audit-checkpoint.ts";
import type { ChainEnd } from "../../store/audit-checkpoints.ts";
import type { AuditCheckpointRow } from "../../store/schema.ts";
import { iso } from "./views.ts";

export interface SigningNeeds {
  readonly auditLink: (text: string) => string;
  readonly checkpointSigner: CheckpointSigner;
  readonly now: () => number;
}

/** Undefined when the chain does not end where its head, or an earlier checkpoint, says. */
export function signCheckpoint(needs: SigningNeeds, end: ChainEnd): AuditCheckpointRow | undefined {
  const { chain, seq, hash, head, marked } = end;
  if (hash === null || head !== needs.auditLink(headText({ chain, seq, hash }))) return undefined;
  if (marked !== null && marked > seq) return undefined;
  const at = needs.now();
  const signature = needs.checkpointSigner.sign(checkpointText({ chain, seq, hash, at: iso(at) }));
  return { chain, seq, hash, at, signature };
}
