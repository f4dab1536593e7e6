// What the operations of the OpenAPI document share: the shapes of our refusals, headers of answers, how a refusal is written down.
import type { ResponseObject } from "../../pages/reference-document.ts";
import { type RefusalCode, refusals } from "../../rules/refusal.ts";

const next = {
  type: "object",
  description: "What to do about it.",
  required: ["action"],
  properties: {
    action: { type: "string", description: "A stable word." },
    detail: { type: "string" },
    method: { type: "string" },
    url: { type: "string" },
  },
};
const code = { type: "string", enum: Object.keys(refusals) };
const requestId = { type: "string", description: "The one in the log." };

const problem = {
  type: "object",
  required: ["type", "title", "status", "code", "request_id"],
  properties: {
    type: { type: "string", format: "uri" },
    title: { type: "string" },
    status: { type: "integer" },
    code,
    detail: { type: "string" },
    next,
    errors: {
      type: "array",
      items: { type: "object", properties: { path: { type: "string" }, message: { type: "string" } } },
    },
    request_id: requestId,
  },
};

const gitHubProblem = {
  type: "object",
  required: ["message", "documentation_url", "status", "code", "request_id"],
  properties: {
    message: { type: "string" },
    documentation_url: { type: "string", format: "uri" },
    status: { type: "string" },
    code,
    next,
    request_id: requestId,
  },
};

function header(description: string, schema: object = { type: "string" }): object {
  return { description, schema };
}

const headers = {
  RequestId: header("The id of this request, as errors and logs name it."),
  RetryAfter: header("Seconds after which asking again makes sense.", { type: "integer" }),
  RateLimit: header('How each limit stands: `"name";r=<left>;t=<seconds>` (draft-ietf-httpapi-ratelimit-headers).'),
  RateLimitPolicy: header('What each limit is: `"name";q=<calls>;w=<seconds>`.'),
  Allow: header("The methods that are allowed here."),
  Authenticate: header("The scheme to authenticate with."),
  Replayed: header("`true` when the answer is the recorded one of the same Idempotency-Key."),
  Refusal: header("The code of our own refusal. No answer of an upstream carries it."),
};

export const components = {
  schemas: { Problem: problem, GitHubProblem: gitHubProblem },
  headers,
  securitySchemes: {
    gatewayToken: { type: "http", scheme: "bearer", description: "A gateway token, `bh_live_…` or `bh_test_…`." },
    metricsToken: { type: "http", scheme: "bearer", description: "The setting BEHALF_METRICS_TOKEN." },
  },
};

export function headersNamed(
  named: Readonly<Record<string, keyof typeof headers>>,
): Record<string, { readonly $ref: string }> {
  return Object.fromEntries(
    Object.entries(named).map(([name, part]) => [name, { $ref: `#/components/headers/${part}` }]),
  );
}

const ofStatus: Readonly<Record<number, Readonly<Record<string, keyof typeof headers>>>> = {
  401: { "WWW-Authenticate": "Authenticate" },
  405: { Allow: "Allow" },
  429: { "Retry-After": "RetryAfter", RateLimit: "RateLimit", "RateLimit-Policy": "RateLimitPolicy" },
  503: { "Retry-After": "RetryAfter" },
};

/** In which shape a door says no. */
export interface Saying {
  readonly shape: "Problem" | "GitHubProblem";
  readonly marked: boolean;
  readonly statusesOf: (code: RefusalCode) => readonly number[];
}

/** One answer for each status, which names the codes it may carry. */
export function failures(codes: readonly RefusalCode[], saying: Saying): Record<string, ResponseObject> {
  const byStatus = new Map<number, Set<RefusalCode>>();
  for (const one of codes) {
    for (const status of saying.statusesOf(one)) byStatus.set(status, (byStatus.get(status) ?? new Set()).add(one));
  }
  const type = saying.shape === "Problem" ? "application/problem+json" : "application/json";
  const content = { [type]: { schema: { $ref: `#/components/schemas/${saying.shape}` } } };
  return Object.fromEntries(
    [...byStatus].map(([status, names]) => {
      const mark = saying.marked ? { "Behalf-Refusal": "Refusal" } : { "Behalf-Request-Id": "RequestId" };
      const named = headersNamed({ ...(mark as Record<string, keyof typeof headers>), ...ofStatus[status] });
      return [String(status), { description: [...names].join(", "), headers: named, content }];
    }),
  );
}
