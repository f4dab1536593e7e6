// One streamed call through the proxy. Types only; forward.ts does it.
import type { ServerResponse } from "node:http";
import type { Readable } from "node:stream";
import type { Credential } from "../crypto/credential.ts";
import type { Failure } from "./exchange.ts";

export interface ForwardRequest {
  /** Origin and base path of the upstream, no trailing slash. */
  readonly base: string;
  readonly method: string;
  /** Checked path and query, starting with a slash, appended to `base` byte for byte. */
  readonly target: string;
  /** Raw name and value pairs, already filtered by rules/headers.ts. */
  readonly headers: readonly string[];
  readonly body: Readable | Uint8Array | null;
  /** Attached as `Authorization: Bearer …`; null sends none. */
  readonly credential: Credential | null;
  /** From the end of the request body to the response headers. */
  readonly timeoutMs: number;
  /** Aborted when our caller goes away. */
  readonly signal: AbortSignal;
  /** Counts what crosses, also of a call that gets no answer. */
  readonly meter?: ByteMeter;
}

/** Bytes of bodies: of requests as they are taken from the caller, of answers as they are handed over. */
export interface ByteMeter {
  bytesIn: number;
  bytesOut: number;
}

/** When what happened, in milliseconds of the monotonic clock; 0 for what did not. */
export interface CallTimes {
  readonly started: number;
  /** A connection was free, or made. */
  readonly connected: number;
  /** The request is out, with its body. */
  readonly sent: number;
  readonly answered: number;
}

export interface ForwardAnswer {
  readonly kind: "answer";
  readonly times: CallTimes;
  readonly status: number;
  /** Raw name and value pairs as upstream sent them. */
  readonly headers: readonly string[];
  /**
   * Streams the body into a response whose head is written here with the given raw headers: a slow reader slows the upstream,
   * 60 s without progress either way ends both. Resolves with what was passed on; `complete` is false when it was cut.
   */
  stream(
    response: ServerResponse,
    headers: readonly string[],
  ): Promise<{ readonly bytes: number; readonly complete: boolean }>;
  /** Reads up to `bytesMax` of the body and throws the rest away (used to look at a 401 before asking again). */
  discard(): void;
}

export type Forward = (request: ForwardRequest) => Promise<ForwardAnswer | Failure>;
