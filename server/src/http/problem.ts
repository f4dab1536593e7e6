// The only translator of refusals onto the wire: problem+json (RFC 9457), or GitHub's shape where its clients expect it.
import type { Problem } from "@behalf/sdk";
import type { House } from "../flows/house.ts";
import type { Log } from "../log.ts";
import { proxyStatus } from "../rules/proxy-status.ts";
import { type LimitStanding, Refusal } from "../rules/refusal.ts";

export interface WireAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export interface Occasion {
  readonly requestId: string;
  readonly origin: string;
  readonly log: Log;
}

/** Each request has an id of its own, that its answer, its problem and the log share. */
export function newOccasion({ newId, origin, log }: Pick<House, "newId" | "origin" | "log">): Occasion {
  return { requestId: newId("request"), origin, log };
}

/** Anything thrown becomes a refusal: ours as it is, all else one fixed sentence, with the thing itself in the log only. */
export function refusalOf(error: unknown, { log, requestId }: Occasion): Refusal {
  if (error instanceof Refusal) {
    if (error.context.cause !== undefined)
      log.warn("refused", { code: error.code, request_id: requestId, cause: error.context.cause });
    return error;
  }
  log.error("An unexpected error", { request_id: requestId, error });
  const code = isBusy(error) ? "unavailable" : "internal";
  return new Refusal(code, {
    next: { action: "retry", detail: "Try again; if it stays, tell the operator this request_id." },
    ...(code === "unavailable" ? { retryAfterSeconds: 5 } : {}),
  });
}

/** What pg says, without a code, when a connection ends under a query or none is to be had. */
const lostConnection =
  /^Connection terminated|^timeout exceeded when trying to connect|^Client has encountered a connection error/;

// A database that is away or busy is no fault of the request: 503, not lies (SQLITE_BUSY; PostgreSQL class 08, 53, 57; sockets).
function isBusy(error: unknown): boolean {
  const code = (error as { readonly code?: unknown } | null)?.code;
  const detail = (error as { readonly errcode?: unknown } | null)?.errcode;
  if (detail === 5 || detail === 6) return true;
  if (typeof code === "string") return /^(08|53|57)|^(ECONNREFUSED|ECONNRESET|ETIMEDOUT|EPIPE)$/.test(code);
  return error instanceof Error && lostConnection.test(error.message);
}

/** For the framework's own hooks. */
export function problemResponse(refusal: Refusal, occasion: Occasion): Response {
  const { status, headers, body } = problemAnswer(refusal, occasion);
  return new Response(body, { status, headers });
}

export function problemOf(refusal: Refusal, occasion: Occasion): Problem {
  const { context, code, status, message } = refusal;
  return {
    type: `${occasion.origin}/errors#${code}`,
    title: message,
    status,
    code,
    ...(context.detail === undefined ? {} : { detail: context.detail }),
    ...(context.errors === undefined ? {} : { errors: context.errors }),
    ...(context.next === undefined ? {} : { next: context.next }),
    request_id: occasion.requestId,
  };
}

function commonHeaders(refusal: Refusal): Record<string, string> {
  const { retryAfterSeconds, allow, standings = [] } = refusal.context;
  return {
    "cache-control": "no-store",
    ...(refusal.status === 401 ? { "www-authenticate": 'Bearer realm="behalf"' } : {}),
    ...(retryAfterSeconds === undefined ? {} : { "retry-after": String(retryAfterSeconds) }),
    ...(allow === undefined ? {} : { allow: allow.join(", ") }),
    ...(standings.length === 0 ? {} : limitHeaders(standings)),
  };
}

/** draft-ietf-httpapi-ratelimit-headers: the policies that were looked at, and how each stands. */
function limitHeaders(standings: readonly LimitStanding[]): Record<string, string> {
  const policy = standings.map(({ name, most, windowMs }) => `"${name}";q=${most};w=${windowMs / 1000}`);
  const now = standings.map(
    ({ name, remaining, resetMs }) =>
      `"${name}";r=${Math.max(0, Math.floor(remaining))};t=${Math.ceil(resetMs / 1000)}`,
  );
  return { "ratelimit-policy": policy.join(", "), ratelimit: now.join(", ") };
}

export function problemAnswer(refusal: Refusal, occasion: Occasion): WireAnswer {
  return {
    status: refusal.status,
    headers: { ...commonHeaders(refusal), "content-type": "application/problem+json" },
    body: JSON.stringify(problemOf(refusal, occasion)),
  };
}

/** Our no on a proxy door: marked, so that nobody takes it for upstream's. */
export function proxyAnswer(
  refusal: Refusal,
  occasion: Occasion,
  surface: "endpoint" | "proxy" | "github",
): WireAnswer {
  const { status, title = refusal.message } = proxyStatus(refusal, surface);
  const problem = { ...problemOf(refusal, occasion), title, status };
  const sentences = [problem.title, problem.detail, problem.next?.detail]
    .filter((part) => part !== undefined)
    .map((part) => part.replace(/[.]?$/, "."));
  const github = {
    message: sentences.join(" "),
    documentation_url: problem.type,
    status: String(status),
    code: problem.code,
    next: problem.next,
    request_id: problem.request_id,
  };
  return {
    status,
    headers: {
      ...commonHeaders(refusal),
      "behalf-refusal": refusal.code,
      "content-type": surface === "github" ? "application/json; charset=utf-8" : "application/problem+json",
    },
    body: JSON.stringify(surface === "github" ? github : problem),
  };
}
