// What the benchmark of the live log writes into it, and asks of it.
import type { AccountId, ProjectId } from "../server/src/rules/ids.ts";
import type { RequestRecord } from "../server/src/rules/request-record.ts";

const hex = (value: number, length = 32): string => value.toString(16).padStart(length, "0");
export const project = `prj_${"a1b2c3d4".repeat(4)}` as ProjectId;
const neighbour = `prj_${"0f0f0f0f".repeat(4)}` as ProjectId;
export const account = (n: number): AccountId => `acc_${hex(n)}` as AccountId;
const repositories = ["octo/hello", "acme/api", "acme/web", "big/monorepo"];

/** A day of a busy gateway: one in ten belongs to a neighbour, one in fifty fails, a few things are rare. */
export function record(n: number, at: number): RequestRecord {
  const surface = (["endpoint", "proxy", "github", "tool"] as const)[n % 4] ?? "proxy";
  const oneOf = <T>(every: number, value: T, other: T): T => (n % every === 0 ? value : other);
  const user = n % 997;
  return {
    id: requestId(n),
    projectId: oneOf(10, neighbour, project),
    at,
    surface,
    method: oneOf(9, "POST", oneOf(1013, "DELETE", "GET")),
    path: `/repos/${repositories[n % 4] ?? ""}/issues/${n % 5000}?per_page=50&page=${n % 13}`,
    endpoint: { endpoint: oneOf(44, "rare", "github"), proxy: null, github: null, tool: null }[surface],
    tool: {
      endpoint: null,
      proxy: null,
      github: null,
      tool: oneOf(3, "github_issue_create", "github_issues_list"),
    }[surface],
    connection: oneOf(3, "github-app", "github"),
    accountId: account(user),
    identifier: `user_${user}`,
    tokenId: `tok_${hex(n % 20)}`,
    tokenName: `service-${n % 20}`,
    agent: oneOf(5, `agent-${n % 25}`, null),
    runId: null,
    status: oneOf(51, 502, oneOf(19, 404, oneOf(11, 201, 200))),
    upstreamStatus: oneOf(51, null, 200),
    refusal: oneOf(51, "upstream_unavailable", oneOf(2003, "rate_limited", null)),
    bytesIn: n % 700,
    bytesOut: n % 90_000,
    queueMs: 0.1,
    credentialMs: 0.4,
    upstreamMs: 40 + (n % 300),
    totalMs: 42 + (n % 310),
    upstreamRequestId: `${hex(n % 65_536, 4)}:${hex(n, 8)}:${hex(n * 7, 8)}`,
    hashedToken: null,
    rate: { resource: "core", limit: 5000, remaining: 5000 - (n % 5000), resetAt: at + 3_600_000 },
    traceId: null,
    address: "203.0.113.7",
  };
}

/** In no order, as real ids are. */
function requestId(n: number): string {
  return `rqr_${hex((n * 2_654_435_761) % 2 ** 32, 8)}${hex(n, 24)}`;
}

export const questions: readonly string[] = [
  "",
  "since:15m",
  "status:502",
  "status:4xx",
  "status:>=500",
  "endpoint:github",
  "endpoint:rare",
  `account:${account(77)}`,
  "account:user_77",
  "connection:github-app",
  "agent:agent-5",
  "tool:github_issue_create",
  "token:service-3",
  `token:tok_${hex(3)}`,
  "method:DELETE",
  "refusal:rate_limited",
  "surface:tool",
  "status:502 endpoint:github since:2d",
  "account:user_77 status:4xx",
  "endpoint:github method:DELETE status:>=500",
  "tool:github_issues_list token:service-3 status:200 connection:github-app",
  "endpoint:github endpoint:rare status:404",
  "monorepo",
  "nowhere-to-be-found",
  "status:404 nowhere-to-be-found",
  "endpoint:nothing",
  requestId(123_456),
];
