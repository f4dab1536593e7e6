// Signs where chains of the audit end and keeps that, once each end is proven: a signature must not make good what somebody cut.
import { headText } from "../../rules/audit.ts";
import { checkpointText } from "../../rules/audit-checkpoint.ts";
import type { ChainEnd } from "../../store/audit-checkpoints.ts";
import type { AuditCheckpointRow } from "../../store/schema.ts";
import type { House } from "../house.ts";
import { checkpointView } from "./audit-views.ts";
import type { WalkNeeds } from "./walk-chain.ts";

export type SigningNeeds = Pick<House, "store" | "log" | "now"> & Omit<WalkNeeds, "chains">;

export type Kept =
  | { readonly kind: "made" | "there"; readonly row: AuditCheckpointRow }
  /** The chain does not end where its head, or an earlier checkpoint, says. */
  | { readonly kind: "unproven"; readonly chain: string };

/** One answer for each end. What is made goes into the log too: there no one with the database can cut it. */
export async function signAndKeep(needs: SigningNeeds, ends: readonly ChainEnd[]): Promise<readonly Kept[]> {
  // A signature outlives a crash of the database that takes back what it was made over.
  await needs.store.flushed();
  const judged = ends.map((end) => judge(needs, end));
  const made = judged.flatMap((one) => (one.kind === "made" ? [one.row] : []));
  const added = await needs.store.audit.addCheckpoints(made);
  const kept: Kept[] = [];
  for (const one of judged)
    kept.push(one.kind !== "made" || added.has(one.row.chain) ? one : await settled(needs, one.row));
  for (const one of kept)
    if (one.kind === "made") needs.log.info("audit checkpoint", { checkpoint: checkpointView(one.row) });
  return kept;
}

function judge(needs: SigningNeeds, end: ChainEnd): Kept {
  const { chain, seq, hash, head, marked, kept } = end;
  if (hash === null || head !== needs.auditLink(headText({ chain, seq, hash }))) return { kind: "unproven", chain };
  if (marked !== null && marked > seq) return { kind: "unproven", chain };
  if (kept !== null && isOurs(needs, kept, hash)) return { kind: "there", row: kept };
  const checkpoint = { chain, seq, hash, at: needs.now() };
  const signature = needs.checkpointSigner.sign(checkpointText(checkpointView({ ...checkpoint, signature: "" })));
  return { kind: "made", row: { ...checkpoint, signature } };
}

/** A row is what anyone wrote who reaches the table; only its signature is ours. */
function isOurs({ checkpointSigner }: SigningNeeds, row: AuditCheckpointRow, hash: string): boolean {
  return row.hash === hash && checkpointSigner.verify(checkpointText(checkpointView(row)), row.signature);
}

/** Of two made at once the one that was stored is the one to keep; one that nobody made here gives way. */
async function settled(needs: SigningNeeds, made: AuditCheckpointRow): Promise<Kept> {
  const { audit } = needs.store;
  const { chain, seq } = made;
  const standing = await audit.checkpoint(chain, seq);
  if (standing === undefined) return { kind: "made", row: made };
  if (isOurs(needs, standing, made.hash)) return { kind: "there", row: standing };
  needs.log.error("A forged checkpoint stood at the end of a chain of the audit and was replaced", { chain, seq });
  await audit.replaceCheckpoint(made, standing);
  return { kind: "made", row: made };
}
