// Lists the checkpoints of a chain of the audit, newest first, with the key that proves them.
import type * as Wire from "@behalf/sdk";
import type { CheckpointSigner } from "../crypto/checkpoint-signer.ts";
import type { Principal } from "../rules/policy.ts";
import type { AuditReading } from "../store/audit-reading.ts";
import { wholeChainOf } from "./steps/audit-chain.ts";
import { checkpointView } from "./steps/audit-views.ts";

interface Needs {
  readonly reading: { readonly audit: AuditReading };
  readonly checkpointSigner: CheckpointSigner;
}

export async function listCheckpoints(
  needs: Needs,
  principal: Principal,
  ask: { readonly limit: number; readonly before: number | null },
): Promise<Wire.AuditCheckpoints> {
  const rows = await needs.reading.audit.newestCheckpoints(wholeChainOf(principal), ask.before, ask.limit + 1);
  const shown = rows.slice(0, ask.limit);
  const last = shown.at(-1);
  return {
    items: shown.map(checkpointView),
    next_cursor: rows.length > shown.length && last !== undefined ? String(last.seq) : null,
    public_key: needs.checkpointSigner.publicKey,
  };
}
