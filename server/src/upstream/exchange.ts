// One request to the outside and what may come of it. Types only; transport.ts does it.

export interface ExchangeRequest {
  readonly method: string;
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  /** From the end of the request body to the response headers, and again for the whole response body. */
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
  /** Longest body kept; default 8 MiB. */
  readonly bytesMax?: number;
}

/** Why no answer came. `blocked`: the address is not allowed (SSRF guard). */
export type FailureReason = "timeout" | "unreachable" | "blocked" | "aborted" | "too_large";

export interface Failure {
  readonly kind: "failed";
  readonly reason: FailureReason;
  /** True when the request may have reached the other side: a write must then not be sent again. */
  readonly sent: boolean;
  /** For the log only. */
  readonly cause: unknown;
}

export interface Answer {
  readonly kind: "answer";
  readonly status: number;
  /** Lower-case names; repeated headers joined as RFC 9110 §5.3 allows. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

export type Exchange = Answer | Failure;

export interface Transport {
  /** One buffered exchange. Never follows a redirect, never retries. */
  exchange(request: ExchangeRequest): Promise<Exchange>;
  /** Ends what is under way, and takes nothing more. */
  cut(): Promise<void>;
  close(): Promise<void>;
}
