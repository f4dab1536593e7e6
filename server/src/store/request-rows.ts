// The tables of the live log, and a record as one of their rows. In SQLite they are a file of their own, in PostgreSQL tables beside the others.
import type { AccountId, ProjectId } from "../rules/ids.ts";
import { maskedPath, maskSecrets } from "../rules/masks.ts";
import type { RequestRecord, Surface } from "../rules/request-record.ts";

export interface RequestRow {
  /** Order of writing: what a stream resumes after. Never given twice. */
  readonly seq: number;
  readonly id: string;
  /** `keyOf` the id: ids come in no order, and the smaller their index, the fewer of its pages a batch has to write. */
  readonly id_key: number;
  readonly project_id: ProjectId;
  /** `keyOf` the project: an integer keeps thirteen indexes a third of the size. The id beside it decides (promise 4). */
  readonly project_key: number;
  readonly at: number;
  readonly surface: Surface;
  readonly method: string;
  readonly path: string;
  readonly endpoint: string | null;
  readonly tool: string | null;
  readonly connection: string | null;
  readonly account_id: AccountId | null;
  readonly identifier: string | null;
  readonly token_id: string;
  readonly token_name: string;
  readonly agent: string | null;
  readonly run_id: string | null;
  readonly status: number;
  readonly upstream_status: number | null;
  readonly refusal: string | null;
  readonly bytes_in: number;
  readonly bytes_out: number;
  readonly queue_ms: number | null;
  readonly credential_ms: number | null;
  readonly upstream_ms: number | null;
  readonly total_ms: number;
  readonly upstream_request_id: string | null;
  readonly hashed_token: string | null;
  readonly rate_resource: string | null;
  readonly rate_limit: number | null;
  readonly rate_remaining: number | null;
  readonly rate_reset_at: number | null;
  readonly trace_id: string | null;
  readonly address: string | null;
}

/** How many calls of a kind began in a slot of time (rules/tally.ts). */
export interface RequestCountRow {
  readonly project_id: ProjectId;
  /** Width of the slot in milliseconds. */
  readonly width: number;
  readonly slot: number;
  readonly kind: string;
  readonly label: string;
  readonly count: number;
}

/** What upstream said last of an account's own limit. */
export interface RequestHeadroomRow {
  readonly project_id: ProjectId;
  readonly account_id: AccountId;
  readonly resource: string;
  readonly connection: string | null;
  readonly identifier: string | null;
  readonly most: number;
  readonly remaining: number;
  readonly reset_at: number;
  readonly at: number;
}

export interface RequestsSchema {
  readonly requests: RequestRow;
  readonly request_counts: RequestCountRow;
  readonly request_headroom: RequestHeadroomRow;
}

export type Cell = string | number | null;
type Kept = "text" | "bigint" | "double precision";

/** Every column but `seq`, in the order in which a batch carries them. */
export const columns: readonly (readonly [name: Exclude<keyof RequestRow, "seq">, type: Kept, value: Value])[] = [
  ["id", "text", ({ id }) => id],
  ["id_key", "bigint", ({ id }) => keyOf(id)],
  ["project_id", "text", ({ projectId }) => projectId],
  ["project_key", "bigint", ({ projectId }) => keyOf(projectId)],
  ["at", "bigint", ({ at }) => Math.floor(at)],
  ["surface", "text", ({ surface }) => surface],
  ["method", "text", ({ method }) => kept(method, 32)],
  // Once more, whoever made the record: what is stored here holds no secret (promise 1).
  ["path", "text", ({ path }) => kept(maskedPath(path), 2048)],
  ["endpoint", "text", ({ endpoint }) => endpoint],
  ["tool", "text", ({ tool }) => tool],
  ["connection", "text", ({ connection }) => connection],
  ["account_id", "text", ({ accountId }) => accountId],
  ["identifier", "text", ({ identifier }) => kept(identifier, 512)],
  ["token_id", "text", ({ tokenId }) => tokenId],
  ["token_name", "text", ({ tokenName }) => kept(tokenName, 256)],
  ["agent", "text", ({ agent }) => kept(agent, 256)],
  ["run_id", "text", ({ runId }) => secretless(runId, 256)],
  ["status", "bigint", ({ status }) => status],
  ["upstream_status", "bigint", ({ upstreamStatus }) => upstreamStatus],
  ["refusal", "text", ({ refusal }) => refusal],
  ["bytes_in", "bigint", ({ bytesIn }) => Math.floor(bytesIn)],
  ["bytes_out", "bigint", ({ bytesOut }) => Math.floor(bytesOut)],
  ["queue_ms", "double precision", ({ queueMs }) => tenth(queueMs)],
  ["credential_ms", "double precision", ({ credentialMs }) => tenth(credentialMs)],
  ["upstream_ms", "double precision", ({ upstreamMs }) => tenth(upstreamMs)],
  ["total_ms", "double precision", ({ totalMs }) => tenth(totalMs)],
  // These two come from upstream and from the caller as they like.
  ["upstream_request_id", "text", ({ upstreamRequestId }) => secretless(upstreamRequestId, 256)],
  ["hashed_token", "text", ({ hashedToken }) => hashedToken],
  ["rate_resource", "text", ({ rate }) => secretless(rate?.resource ?? null, 64)],
  ["rate_limit", "bigint", ({ rate }) => whole(rate?.limit)],
  ["rate_remaining", "bigint", ({ rate }) => whole(rate?.remaining)],
  ["rate_reset_at", "bigint", ({ rate }) => whole(rate?.resetAt)],
  ["trace_id", "text", ({ traceId }) => kept(traceId, 64)],
  ["address", "text", ({ address }) => kept(address, 64)],
];

type Value = (record: RequestRecord) => Cell;

/** A record as a row of a batch. */
export function cellsOf(record: RequestRecord): Cell[] {
  return columns.map(([, , value]) => value(record));
}

/** The first 48 of an id's random bits. What two ids share it for is told apart by the id itself. */
export function keyOf(id: string): number {
  const key = Number.parseInt(id.slice(4, 16), 16);
  return Number.isNaN(key) ? 0 : key;
}

/** PostgreSQL takes no NUL and no half of a surrogate pair in a text. */
function kept(text: string | null, lengthMax: number): string | null {
  if (text === null) return null;
  const safe = text.isWellFormed() ? text : text.toWellFormed();
  return safe.replaceAll("\0", "").slice(0, lengthMax).toWellFormed();
}

function secretless(text: string | null, lengthMax: number): string | null {
  return text === null ? null : kept(maskSecrets(text.slice(0, 4 * lengthMax)), lengthMax);
}

function tenth(ms: number | null): number | null {
  return ms === null ? null : Math.round(ms * 10) / 10;
}

function whole(value: number | undefined): number | null {
  return value === undefined || !Number.isFinite(value) ? null : Math.floor(value);
}

export function recordOf(row: RequestRow): RequestRecord {
  const { rate_resource: resource, rate_limit: limit, rate_remaining: remaining, rate_reset_at: resetAt } = row;
  const hasRate = resource !== null && limit !== null && remaining !== null && resetAt !== null;
  return {
    id: row.id,
    projectId: row.project_id,
    at: row.at,
    surface: row.surface,
    method: row.method,
    path: row.path,
    endpoint: row.endpoint,
    tool: row.tool,
    connection: row.connection,
    accountId: row.account_id,
    identifier: row.identifier,
    tokenId: row.token_id,
    tokenName: row.token_name,
    agent: row.agent,
    runId: row.run_id,
    status: row.status,
    upstreamStatus: row.upstream_status,
    refusal: row.refusal,
    bytesIn: row.bytes_in,
    bytesOut: row.bytes_out,
    queueMs: row.queue_ms,
    credentialMs: row.credential_ms,
    upstreamMs: row.upstream_ms,
    totalMs: row.total_ms,
    upstreamRequestId: row.upstream_request_id,
    hashedToken: row.hashed_token,
    rate: hasRate ? { resource, limit, remaining, resetAt } : null,
    traceId: row.trace_id,
    address: row.address,
  };
}
