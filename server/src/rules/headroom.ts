// How much of its own limit GitHub leaves an account, as its answers tell, and which part of it a call would use (docs: rate-limits-for-the-rest-api).
import { limitIn } from "./github-limits.ts";
import type { RateFacts } from "./request-record.ts";

type Headers = Readonly<Record<string, string | undefined>>;

/** Those that GitHub documents (docs: rest/rate-limit). Any other name is not GitHub's, and would be kept for ever. */
const resources: ReadonlySet<string> = new Set([
  "core",
  "search",
  "code_search",
  "graphql",
  "integration_manifest",
  "source_import",
  "dependency_snapshots",
  "dependency_sbom",
  "code_scanning_upload",
  "code_scanning_autofix",
  "actions_runner_registration",
  "scim",
  "audit_log",
  "audit_log_streaming",
]);

/** The `X-RateLimit-*` of an answer; null when it has none that make sense. */
export function rateFacts(headers: Headers): RateFacts | null {
  const number = (name: string): number | undefined => {
    const value = headers[`x-ratelimit-${name}`] ?? "";
    return /^\d{1,12}$/.test(value) ? Number(value) : undefined;
  };
  const [limit, remaining, reset] = [number("limit"), number("remaining"), number("reset")];
  const resource = headers["x-ratelimit-resource"] ?? "core";
  if (limit === undefined || remaining === undefined || reset === undefined || !resources.has(resource)) return null;
  return { resource, limit, remaining, resetAt: reset * 1000 };
}

/** Calls that GitHub answers whatever is used up, and calls whose share of the limit the path does not tell. */
const free = /^rate_limit$/i;
const untold =
  /^(?:scim|app-manifests|enterprises)$|^(?:code-scanning|dependency-graph|audit-log|registration-token|remove-token|generate-jitconfig)$/i;

/** The part of the limit that a call to this path uses; null where it cannot be told, so that nothing is refused by guess. */
export function resourceOf(segments: readonly string[]): string | null {
  const [first = "", second = ""] = segments;
  if (free.test(first) || segments.some((segment) => untold.test(segment))) return null;
  if (segments.some((segment) => /^graphql$/i.test(segment))) return "graphql";
  if (/^search$/i.test(first)) return /^code$/i.test(second) ? "code_search" : "search";
  return "core";
}

/** What an answer says of calls to come: until when GitHub will refuse, and which part of the limit that is. */
export interface Block {
  /** Null: everything, as after a secondary limit. */
  readonly resource: string | null;
  readonly kind: "primary" | "secondary";
  readonly until: number;
}

export function blockIn(answer: {
  readonly status: number;
  readonly headers: Headers;
  readonly words: string;
  readonly now: number;
}): Block | null {
  const facts = rateFacts(answer.headers);
  const limit = limitIn(answer);
  if (limit !== null) {
    const resource = limit.kind === "primary" ? (facts?.resource ?? "core") : null;
    return { resource, kind: limit.kind, until: answer.now + limit.retryAfterSeconds * 1000 };
  }
  // The last call that was free: the next one must fail.
  if (facts?.remaining === 0 && facts.resetAt > answer.now)
    return { resource: facts.resource, kind: "primary", until: facts.resetAt };
  return null;
}
