// The shapes of `/v1/requests` and `/v1/stats`, checked against the SDK's types.
import type * as Wire from "@behalf/sdk";
import { z } from "zod";
import { accountStatuses } from "../../rules/account.ts";
import { surfaces } from "../../rules/request-record.ts";

const time = z.string().meta({ format: "date-time" });
const text = z.string().nullable();
const number = z.number().nullable();
const count = z.number().int();

export const requestRecord = z.object({
  id: z.string().regex(/^rqr_[0-9a-f]{32}$/),
  at: time,
  surface: z.enum(surfaces),
  method: z.string(),
  path: z.string(),
  endpoint: text,
  tool: text,
  connection: text,
  account_id: text,
  identifier: text,
  token_id: z.string(),
  token_name: z.string(),
  agent: text,
  run_id: text,
  status: count,
  upstream_status: number,
  refusal: text,
  bytes_in: z.number(),
  bytes_out: z.number(),
  queue_ms: number,
  credential_ms: number,
  upstream_ms: number,
  total_ms: z.number(),
  upstream_request_id: text,
  hashed_token: text,
  rate: z.object({ resource: z.string(), limit: z.number(), remaining: z.number(), reset_at: time }).nullable(),
  trace_id: text,
  address: text,
}) satisfies z.ZodType<Wire.RequestRecord>;

const percentiles = z.object({ p50: number, p90: number, p99: number });

export const stats = z.object({
  window: z.enum(["15m", "1h", "24h", "7d"]),
  from: time,
  to: time,
  bucket_seconds: count,
  complete: z.boolean(),
  requests: count,
  outcomes: z.object({ ok: count, refused: count, upstream_refused: count, upstream_failed: count }),
  surfaces: z.object({ endpoint: count, proxy: count, github: count, tool: count }),
  refusals: z.array(z.object({ code: z.string(), count })),
  total_ms: percentiles,
  upstream_ms: percentiles,
  series: z.array(
    z.object({ at: time, requests: count, refused: count, upstream_failed: count, p50_ms: number, p99_ms: number }),
  ),
  headroom: z.array(
    z.object({
      account_id: z.string(),
      connection: text,
      identifier: text,
      resource: z.string(),
      limit: z.number(),
      remaining: z.number(),
      reset_at: time,
      at: time,
    }),
  ),
  accounts: z.partialRecord(z.enum(accountStatuses), count),
  dropped_records: count,
}) satisfies z.ZodType<Wire.Stats>;
