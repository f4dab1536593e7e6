// Every negative answer of the product: code, status, public sentence and what to do next. Nothing else is thrown on purpose.

/**
 * What may have happened when we refuse: `nothing` (safe to ask again), `unknown` (a write may have left),
 * `done` (upstream answered and its answer is final).
 */
type Outcome = "nothing" | "unknown" | "done";

interface Entry {
  readonly status: number;
  readonly title: string;
  readonly outcome: Outcome;
}

function entry(status: number, title: string, outcome: Outcome = "nothing"): Entry {
  return { status, title, outcome };
}

/** The catalogue (design §9). `docs/errors.md` is generated from it; a test demands that each code is seen. */
export const refusals = {
  unauthenticated: entry(401, "A valid gateway token is required"),
  token_expired: entry(401, "This gateway token has expired"),
  scope_missing: entry(403, "The gateway token lacks the scope this needs"),
  limit_not_allowed: entry(403, "A limit of the gateway token does not allow this"),
  forbidden: entry(403, "This is not allowed"),
  verification_mismatch: entry(403, "Another person was expected"),
  project_required: entry(400, "Name the project"),
  invalid_request: entry(400, "The request is malformed"),
  invalid_input: entry(422, "The input does not fit"),
  not_found: entry(404, "There is nothing here by that name"),
  endpoint_paused: entry(404, "This endpoint is paused"),
  method_not_allowed: entry(405, "This method is not allowed here"),
  payload_too_large: entry(413, "The body is too large"),
  unsupported_media_type: entry(415, "This content type is not understood"),
  conflict: entry(409, "This is in the way of something that exists"),
  idempotency_conflict: entry(409, "This Idempotency-Key belongs to another request"),
  outcome_unknown: entry(409, "It is not known whether this was done", "unknown"),
  link_spent: entry(410, "This link is spent or has expired"),
  not_supported: entry(422, "This is not supported here"),
  account_pending: entry(409, "The person has not connected yet"),
  account_verifying: entry(409, "The connection waits to be confirmed"),
  account_expired: entry(409, "The connection has expired"),
  account_revoked: entry(409, "The connection was revoked"),
  account_disconnected: entry(409, "The connection was ended"),
  account_ambiguous: entry(409, "More than one account fits"),
  account_mismatch: entry(409, "Another provider user is connected here"),
  account_scope_missing: entry(409, "The account was connected with fewer scopes"),
  sso_required: entry(403, "The organisation demands single sign-on"),
  org_approval_required: entry(403, "The organisation has not approved this application"),
  connection_misconfigured: entry(424, "The connection is set up wrongly"),
  upstream_unauthorized: entry(424, "Upstream refused the credential", "done"),
  upstream_forbidden: entry(403, "Upstream refuses this", "done"),
  upstream_not_found: entry(404, "Upstream knows nothing by that name", "done"),
  upstream_invalid: entry(422, "Upstream found the request invalid", "done"),
  upstream_conflict: entry(409, "Upstream reports a conflict", "done"),
  rate_limited: entry(429, "Too many requests"),
  budget_exceeded: entry(429, "The budget of the gateway token is used up"),
  // No final answer: nothing was done, and after Retry-After the same request may be sent again under the same key.
  upstream_rate_limited: entry(429, "Upstream's rate limit is used up"),
  upstream_secondary_limited: entry(429, "Upstream asks to slow down"),
  upstream_unavailable: entry(502, "Upstream could not be reached or failed", "unknown"),
  upstream_timeout: entry(504, "Upstream did not answer in time", "unknown"),
  upstream_blocked: entry(403, "This upstream address is not allowed"),
  unavailable: entry(503, "The service cannot answer just now"),
  internal: entry(500, "Something went wrong here", "unknown"),
} as const satisfies Record<string, Entry>;

export type RefusalCode = keyof typeof refusals;

/** What the caller can do about it. `action` is a stable word; `detail` is a sentence for a person or an agent. */
export interface NextStep {
  readonly action: string;
  readonly detail?: string;
  readonly method?: string;
  readonly url?: string;
}

/** A limit as the `RateLimit` fields tell it (draft-ietf-httpapi-ratelimit-headers). */
export interface LimitStanding {
  readonly name: string;
  readonly most: number;
  readonly windowMs: number;
  readonly remaining: number;
  readonly resetMs: number;
}

export interface RefusalContext {
  /** One public sentence about this very case; never a secret, never upstream's raw body. */
  readonly detail?: string;
  readonly next?: NextStep;
  readonly retryAfterSeconds?: number;
  /** For method_not_allowed. */
  readonly allow?: readonly string[];
  /** True when what failed is the credential of the account, not the call: endpoints answer 502 then. */
  readonly credential?: boolean;
  /** For rate_limited: how every limit stands that was looked at. */
  readonly standings?: readonly LimitStanding[];
  /** Each place of the input that does not fit. */
  readonly errors?: readonly { readonly path: string; readonly message: string }[];
  /** Private: goes to the log, never to the caller. */
  readonly cause?: unknown;
  /** True when a write may have reached upstream whatever the code's usual outcome is. */
  readonly outcome?: Outcome;
}

/** The only error class of the product. */
export class Refusal extends Error {
  readonly code: RefusalCode;
  readonly context: RefusalContext;

  constructor(code: RefusalCode, context: RefusalContext = {}) {
    super(refusals[code].title, context.cause === undefined ? undefined : { cause: context.cause });
    this.name = "Refusal";
    this.code = code;
    this.context = context;
  }

  get status(): number {
    return refusals[this.code].status;
  }

  get outcome(): Outcome {
    return this.context.outcome ?? refusals[this.code].outcome;
  }
}
