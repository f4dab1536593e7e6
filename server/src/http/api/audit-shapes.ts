// The shapes of `/v1/audit`, checked against the SDK's types.
import type * as Wire from "@behalf/sdk";
import { z } from "zod";

const time = z.string().meta({ format: "date-time" });

export const auditEvent = z.object({
  chain: z.string(),
  seq: z.number().int(),
  at: time,
  id: z.string().regex(/^evt_[0-9a-f]{32}$/),
  name: z.string(),
  actor: z.record(z.string(), z.string()),
  subject: z.string(),
  details: z.record(z.string(), z.unknown()),
  prev: z.string(),
  hash: z.string(),
}) satisfies z.ZodType<Wire.AuditEvent>;
export const auditCheckpoint = z.object({
  chain: z.string().regex(/^(instance|prj_[0-9a-f]{32})$/),
  seq: z.number().int().min(1),
  hash: z.string().regex(/^[A-Za-z0-9_-]{43}$/),
  // As it was signed: another spelling of the same time is another text.
  at: z.string().regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
  signature: z.string().regex(/^[A-Za-z0-9_-]{86}$/),
}) satisfies z.ZodType<Wire.AuditCheckpoint>;
export const auditCheckpoints = z.object({
  items: z.array(auditCheckpoint),
  next_cursor: z.string().nullable(),
  public_key: z.string(),
}) satisfies z.ZodType<Wire.AuditCheckpoints>;
export const auditVerification = z.object({
  ok: z.boolean(),
  chain: z.string(),
  events: z.number().int(),
  checkpoints: z.number().int(),
  faults: z.array(z.object({ chain: z.string(), seq: z.number().int(), fault: z.string() })),
}) satisfies z.ZodType<Wire.AuditVerification>;
