// Says what it means that no answer came: why, and whether the other side may have seen the request.
import type { Failure, FailureReason } from "./exchange.ts";
import { blockedCode } from "./guard.ts";
import { cutCode } from "./upload.ts";

const reasonByCode: Readonly<Record<string, FailureReason>> = {
  [blockedCode]: "blocked",
  [cutCode]: "aborted",
  UND_ERR_CONNECT_TIMEOUT: "timeout",
  ETIMEDOUT: "timeout",
};

/** A failure with a reason of our own: time is up, the caller left, too many bytes. */
export function failed(reason: FailureReason, sent: boolean, cause: unknown): Failure {
  return { kind: "failed", reason, sent, cause };
}

/** A failure that undici, the resolver or the system reported. */
export function failureOf(error: unknown, sent: boolean): Failure {
  const code = error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : "";
  return failed(reasonByCode[code] ?? "unreachable", sent, error);
}
