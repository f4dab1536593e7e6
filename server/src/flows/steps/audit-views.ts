// Events and checkpoints of the audit as the wire shows them.
import type * as Wire from "@behalf/sdk";
import type { Checkpoint } from "../../rules/audit-checkpoint.ts";
import type { AuditCheckpointRow, AuditEventRow } from "../../store/schema.ts";
import { iso } from "./views.ts";

export function auditEventView(row: AuditEventRow): Wire.AuditEvent {
  return {
    chain: row.chain,
    seq: row.seq,
    at: iso(row.at),
    id: row.id,
    name: row.name,
    actor: JSON.parse(row.actor) as Wire.AuditEvent["actor"],
    subject: row.subject,
    details: JSON.parse(row.details) as Wire.AuditEvent["details"],
    prev: row.prev,
    hash: row.hash,
  };
}

export function checkpointView({ chain, seq, hash, at, signature }: AuditCheckpointRow): Checkpoint {
  return { chain, seq, hash, at: iso(at), signature };
}
