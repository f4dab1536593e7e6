// What every question to the live log has in common: whose records, by what filter, and how a record is shown.
import type * as Wire from "@behalf/sdk";
import { projectOf } from "../../rules/caller.ts";
import { type LogFilter, parseLogFilter } from "../../rules/log-filter.ts";
import type { Principal } from "../../rules/policy.ts";
import { Refusal } from "../../rules/refusal.ts";
import type { RequestRecord } from "../../rules/request-record.ts";
import type { LogScope } from "../../store/request-questions.ts";
import { iso } from "./views.ts";

/** A token that is bound to an account sees the calls of that account only. */
export function logScopeOf(principal: Principal): LogScope {
  return { project: projectOf(principal), account: principal.accountId };
}

export function filterAsked(text: string, now: number): LogFilter {
  const read = parseLogFilter(text, now);
  if (read.kind === "filter") return read.filter;
  throw new Refusal("invalid_input", {
    detail: read.faults[0] ?? "The filter cannot be read.",
    errors: read.faults.map((message) => ({ path: "filter", message })),
    next: {
      action: "fix_input",
      detail: 'Write for example `status:4xx endpoint:github since:15m "some text"`.',
    },
  });
}

export function requestView(record: RequestRecord): Wire.RequestRecord {
  const { rate } = record;
  return {
    id: record.id,
    at: iso(record.at),
    surface: record.surface,
    method: record.method,
    path: record.path,
    endpoint: record.endpoint,
    tool: record.tool,
    connection: record.connection,
    account_id: record.accountId,
    identifier: record.identifier,
    token_id: record.tokenId,
    token_name: record.tokenName,
    agent: record.agent,
    run_id: record.runId,
    status: record.status,
    upstream_status: record.upstreamStatus,
    refusal: record.refusal,
    bytes_in: record.bytesIn,
    bytes_out: record.bytesOut,
    queue_ms: record.queueMs,
    credential_ms: record.credentialMs,
    upstream_ms: record.upstreamMs,
    total_ms: record.totalMs,
    upstream_request_id: record.upstreamRequestId,
    hashed_token: record.hashedToken,
    rate:
      rate === null
        ? null
        : { resource: rate.resource, limit: rate.limit, remaining: rate.remaining, reset_at: iso(rate.resetAt) },
    trace_id: record.traceId,
    address: record.address,
  };
}
