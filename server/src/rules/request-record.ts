// One proxied or tool call, as the live log keeps it. Facts only: no body, no secret.
import type { AccountId, ProjectId } from "./ids.ts";

/** Which surface the call came through: an endpoint, `/proxy`, GitHub's own shape (`/api/v3`, `/api/graphql`), or a tool. */
export const surfaces = ["endpoint", "proxy", "github", "tool"] as const;
export type Surface = (typeof surfaces)[number];

/** What GitHub said in this answer of the account's own limit. */
export interface RateFacts {
  readonly resource: string;
  readonly limit: number;
  readonly remaining: number;
  /** Epoch milliseconds. */
  readonly resetAt: number;
}

/** Where the time went, in milliseconds; null for what did not happen. */
export interface Timings {
  /** Waiting for a connection to upstream. */
  readonly queueMs: number | null;
  /** Getting the credential, a refresh included. */
  readonly credentialMs: number | null;
  /** From the last byte of the request to the head of the answer. */
  readonly upstreamMs: number | null;
  readonly totalMs: number;
}

export interface RequestRecord extends Timings {
  /** `rqr_…`: the id that the answer, its problem and the log share. */
  readonly id: string;
  readonly projectId: ProjectId;
  /** Epoch milliseconds of its beginning. */
  readonly at: number;
  readonly surface: Surface;
  readonly method: string;
  /** With its query, secrets masked, at most 2,048 characters. */
  readonly path: string;
  /** Slug. */
  readonly endpoint: string | null;
  readonly tool: string | null;
  readonly connection: string | null;
  readonly accountId: AccountId | null;
  readonly identifier: string | null;
  readonly tokenId: string;
  readonly tokenName: string;
  readonly agent: string | null;
  readonly runId: string | null;
  /** What our caller got. */
  readonly status: number;
  readonly upstreamStatus: number | null;
  /** Code of our own refusal. */
  readonly refusal: string | null;
  readonly bytesIn: number;
  readonly bytesOut: number;
  /** GitHub's own name for the exchange. */
  readonly upstreamRequestId: string | null;
  /** Base64 SHA-256 of the provider's token: GitHub's audit log names tokens so, and both logs join. */
  readonly hashedToken: string | null;
  readonly rate: RateFacts | null;
  /** Of `traceparent` (W3C Trace Context). */
  readonly traceId: string | null;
  readonly address: string | null;
}

/** How a call ended, as plots and metrics count it. */
export const outcomes = ["ok", "refused", "upstream_refused", "upstream_failed"] as const;
export type Outcome = (typeof outcomes)[number];

const upstreamFailed = ["upstream_unavailable", "upstream_timeout"];

export function outcomeOf({ status, refusal }: Pick<RequestRecord, "status" | "refusal">): Outcome {
  if (refusal === null) {
    if (status >= 500) return "upstream_failed";
    return status >= 400 ? "upstream_refused" : "ok";
  }
  if (upstreamFailed.includes(refusal)) return "upstream_failed";
  // A tool tells upstream's no as a refusal; an address that we do not call is ours.
  return refusal.startsWith("upstream_") && refusal !== "upstream_blocked" ? "upstream_refused" : "refused";
}

/** Request records are kept so long (design §6). */
export const recordsKeptMs = 7 * 24 * 3_600_000;

/** Where a page of the live log ended: newest first, by beginning and then by order of writing. */
export interface LogPosition {
  readonly at: number;
  readonly seq: number;
}

export function logCursorOf({ at, seq }: LogPosition): string {
  return `${at.toString(36)}-${seq.toString(36)}`;
}

/** Undefined when the text is no cursor of ours. */
export function parseLogCursor(text: string): LogPosition | undefined {
  if (!/^[0-9a-z]{1,10}-[0-9a-z]{1,10}$/.test(text)) return undefined;
  const [at = Number.NaN, seq = Number.NaN] = text.split("-").map((part) => Number.parseInt(part, 36));
  return Number.isSafeInteger(at) && Number.isSafeInteger(seq) ? { at, seq } : undefined;
}
