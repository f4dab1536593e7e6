// Checkpoints of the audit: a signed statement that a chain had reached an event, kept where nobody can cut both (design §10.12).
import type { ChainFault } from "./audit.ts";

/** As it is signed, printed and sent: `at` is ISO 8601 in UTC. */
export interface Checkpoint {
  readonly chain: string;
  readonly seq: number;
  /** The hash of that event. */
  readonly hash: string;
  readonly at: string;
  /** Ed25519 over `checkpointText`, base64url. */
  readonly signature: string;
}

/** The exact text under the signature, as UTF-8; `docs/audit.md` tells it to whoever checks one without us. */
export function checkpointText({ chain, seq, hash, at }: Omit<Checkpoint, "signature">): string {
  return JSON.stringify(["behalf-audit-checkpoint-1", chain, seq, hash, at]);
}

/** What an event says against the checkpoint that names it; undefined when they agree. */
export function markFault(checkpoint: Checkpoint, event: { readonly hash: string }): ChainFault | undefined {
  if (event.hash === checkpoint.hash) return undefined;
  return { seq: checkpoint.seq, fault: `is another one than the checkpoint of ${checkpoint.at} saw` };
}

/** A checkpoint beyond the end: the tail was cut, or an older database was put back. */
export function cutFault(checkpoint: Checkpoint, end: number): ChainFault {
  const fault = `is missing, although the checkpoint of ${checkpoint.at} says the chain reached event ${checkpoint.seq}`;
  return { seq: end + 1, fault };
}

/** A checkpoint that is none: nothing it says counts, and its time is not repeated. */
export function forgedFault(checkpoint: Checkpoint): ChainFault {
  return { seq: checkpoint.seq, fault: "is named by a forged checkpoint: this instance did not sign it" };
}

/** Undefined unless the value has every member, each in the spelling of ours. */
function parseCheckpoint(value: unknown): Checkpoint | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const { chain, seq, hash, at, signature } = value as Readonly<Record<string, unknown>>;
  if (!isText(chain, /^(instance|prj_[0-9a-f]{32})$/) || !isText(hash, /^[A-Za-z0-9_-]{43}$/)) return undefined;
  if (!isText(at, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)) return undefined;
  if (!isText(signature, /^[A-Za-z0-9_-]{86}$/)) return undefined;
  if (typeof seq !== "number" || !Number.isSafeInteger(seq) || seq < 1) return undefined;
  return { chain, seq, hash, at, signature };
}

function isText(value: unknown, shape: RegExp): value is string {
  return typeof value === "string" && shape.test(value);
}

/**
 * Checkpoints in a file that somebody kept: one a line as `behalf audit checkpoint` prints them, the server's log, or the answer
 * of `GET /v1/audit/checkpoints`. One that is there and cannot be read is counted: it must not pass for one that was held.
 */
export function parseCheckpoints(text: string): {
  readonly checkpoints: readonly Checkpoint[];
  readonly unread: number;
} {
  const whole = parsedJson(text);
  const values = isList(whole)
    ? whole.items
    : text
        .split("\n")
        .filter((line) => line.includes('"signature"'))
        .map(parsedJson);
  const checkpoints = values
    .map((value) => parseCheckpoint(value) ?? parseCheckpoint(memberOf(value)))
    .filter((checkpoint) => checkpoint !== undefined);
  return { checkpoints, unread: values.length - checkpoints.length };
}

function isList(value: unknown): value is { readonly items: readonly unknown[] } {
  return typeof value === "object" && value !== null && "items" in value && Array.isArray(value.items);
}

function memberOf(line: unknown): unknown {
  return typeof line === "object" && line !== null && "checkpoint" in line ? line.checkpoint : undefined;
}

function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
