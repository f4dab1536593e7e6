// Writes one record of a call into the live log and the metrics, whatever comes of it.
import type { TokenId } from "../../rules/ids.ts";
import { maskedPath } from "../../rules/masks.ts";
import type { Principal } from "../../rules/policy.ts";
import { proxyStatus } from "../../rules/proxy-status.ts";
import { Refusal } from "../../rules/refusal.ts";
import type { RateFacts, RequestRecord, Surface } from "../../rules/request-record.ts";
import type { Lent } from "../../vault/lend.ts";
import type { House } from "../house.ts";
import type { Resolved } from "./resolve-account.ts";

export type Noting = Pick<House, "records" | "metrics" | "now" | "elapsed">;

/** What the door knows of a call. */
export interface CallFacts {
  readonly surface: Surface;
  readonly requestId: string;
  readonly method: string;
  /** As the caller wrote it; masked before it is kept. */
  readonly path: string;
  readonly tool?: string;
  readonly runId?: string | undefined;
  readonly traceId: string | null;
  readonly address: string | null;
}

/** What becomes known on the way. */
export interface CallNote {
  endpoint: string | null;
  resolved: Resolved | null;
  lent: Lent | null;
  /** What our caller got, once that is known. */
  status: number | null;
  upstreamStatus: number | null;
  bytesIn: number;
  bytesOut: number;
  queueMs: number | null;
  credentialMs: number | null;
  upstreamMs: number | null;
  upstreamRequestId: string | null;
  rate: RateFacts | null;
}

/** As nginx writes it: the caller went away before there was an answer. */
const goneStatus = 499;

function newNote(): CallNote {
  return {
    endpoint: null,
    resolved: null,
    lent: null,
    status: null,
    upstreamStatus: null,
    bytesIn: 0,
    bytesOut: 0,
    queueMs: null,
    credentialMs: null,
    upstreamMs: null,
    upstreamRequestId: null,
    rate: null,
  };
}

export async function noted<T>(
  needs: Noting,
  principal: Principal,
  call: {
    readonly facts: CallFacts;
    readonly signal: AbortSignal | null;
    readonly work: (note: CallNote) => Promise<T>;
  },
): Promise<T> {
  const note = newNote();
  const at = needs.now();
  const started = needs.elapsed();
  let refusal: string | null = null;
  try {
    return await call.work(note);
  } catch (error) {
    refusal = error instanceof Refusal ? error.code : "internal";
    note.status ??= statusOf(error, call);
    throw error;
  } finally {
    const totalMs = needs.elapsed() - started;
    const record = recordOf(principal, call.facts, { note, at, totalMs, refusal });
    if (record !== null) needs.records.note(record);
    needs.metrics.call({ surface: call.facts.surface, status: note.status ?? 200, seconds: totalMs / 1000 });
    if (refusal !== null) needs.metrics.refusal(refusal);
    if (note.upstreamMs !== null)
      needs.metrics.upstream({ outcome: classOf(note.upstreamStatus), seconds: note.upstreamMs / 1000 });
  }
}

function statusOf(
  error: unknown,
  { facts, signal }: { readonly facts: CallFacts; readonly signal: AbortSignal | null },
): number {
  if (signal?.aborted === true) return goneStatus;
  if (!(error instanceof Refusal)) return 500;
  return facts.surface === "tool" ? error.status : proxyStatus(error, facts.surface).status;
}

function classOf(status: number | null): string {
  return status === null ? "failed" : `${Math.floor(status / 100)}xx`;
}

interface Finished {
  readonly note: CallNote;
  readonly at: number;
  readonly totalMs: number;
  readonly refusal: string | null;
}

/** Null for a call without a project: an instance token that named none got nowhere. */
function recordOf(
  principal: Principal,
  facts: CallFacts,
  { note, at, totalMs, refusal }: Finished,
): RequestRecord | null {
  if (principal.projectId === null) return null;
  return {
    id: facts.requestId,
    projectId: principal.projectId,
    at,
    surface: facts.surface,
    method: facts.method,
    path: maskedPath(facts.path),
    endpoint: note.endpoint,
    tool: facts.tool ?? null,
    ...personOf(note),
    tokenId: principal.tokenId satisfies TokenId | "environment",
    tokenName: principal.tokenName,
    agent: null,
    runId: facts.runId ?? null,
    status: note.status ?? 200,
    upstreamStatus: note.upstreamStatus,
    refusal,
    bytesIn: note.bytesIn,
    bytesOut: note.bytesOut,
    queueMs: note.queueMs,
    credentialMs: note.credentialMs,
    upstreamMs: note.upstreamMs,
    totalMs,
    upstreamRequestId: note.upstreamRequestId,
    rate: note.rate,
    traceId: facts.traceId,
    address: facts.address,
  };
}

function personOf({
  resolved,
  lent,
}: CallNote): Pick<RequestRecord, "connection" | "accountId" | "identifier" | "hashedToken"> {
  const hashedToken = lent?.hashedToken ?? null;
  if (resolved === null) return { connection: null, accountId: null, identifier: null, hashedToken };
  const { connection, account } = resolved;
  return { connection: connection.name, accountId: account.id, identifier: account.identifier, hashedToken };
}
