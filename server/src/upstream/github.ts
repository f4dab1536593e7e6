// One call of GitHub's REST API: redirects followed only where the credential may go, writes never sent twice.
import type { Credential } from "../crypto/credential.ts";
import { upstreamRequestId } from "../rules/upstream-text.ts";
import { isJson, parseJson, textOf } from "./answer-body.ts";
import type { Answer, Exchange, ExchangeRequest, Failure, Transport } from "./exchange.ts";
import type { Hosts } from "./hosts.ts";

const redirectsMax = 3;

export interface GitHubCall {
  readonly hosts: Hosts;
  readonly method: string;
  /** Below the API root, with a leading slash, already encoded. */
  readonly path: string;
  readonly query: readonly (readonly [string, string])[];
  /** Lower-case names. `authorization` is set by us alone. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly json?: unknown;
  /** Null: asked without an account. */
  readonly credential: Credential | null;
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
}

export interface GitHubAnswer {
  readonly kind: "answer";
  readonly status: number;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  /** The parsed body; null when there is none, or none in JSON. */
  readonly json: unknown;
  /** The body as text where it is not JSON. */
  readonly text?: string;
  /** GitHub's own name for the exchange: what its support asks for. */
  readonly requestId: string | null;
  /** Length of the body. */
  readonly bytes: number;
}

export interface GitHub {
  call(ask: GitHubCall): Promise<GitHubAnswer | Failure>;
}

export function makeGitHub({ transport }: { readonly transport: Transport }): GitHub {
  return {
    async call(ask) {
      const exchange = await followed(transport, ask);
      return exchange.kind === "failed" ? exchange : read(exchange);
    },
  };
}

async function followed(transport: Transport, ask: GitHubCall): Promise<Exchange> {
  let request = requestFor(ask);
  for (let redirects = 0; ; redirects += 1) {
    const exchange = await sent(transport, request);
    if (exchange.kind === "failed" || redirects === redirectsMax) return exchange;
    const target = redirectTarget(exchange, request, ask);
    if (target === null) return exchange;
    request = { ...request, url: target };
  }
}

function requestFor(ask: GitHubCall): ExchangeRequest {
  const { authorization: _, ...headers } = ask.headers ?? {};
  const url = new URL(`${ask.hosts.api}${ask.path}`);
  for (const [name, value] of ask.query) url.searchParams.append(name, value);
  return {
    method: ask.method,
    url,
    headers: {
      accept: "application/vnd.github+json",
      "x-github-api-version": "2022-11-28",
      ...headers,
      ...(ask.json === undefined ? {} : { "content-type": "application/json" }),
      ...(ask.credential === null ? {} : { authorization: `Bearer ${ask.credential.reveal()}` }),
    },
    ...(ask.json === undefined ? {} : { body: JSON.stringify(ask.json) }),
    timeoutMs: ask.timeoutMs,
    ...(ask.signal === undefined ? {} : { signal: ask.signal }),
  };
}

/** A read is asked again once when the connection broke before an answer; a write may have arrived, so it never is. */
async function sent(transport: Transport, request: ExchangeRequest): Promise<Exchange> {
  const exchange = await transport.exchange(request);
  const broken = exchange.kind === "failed" && exchange.reason === "unreachable";
  return broken && request.method === "GET" ? transport.exchange(request) : exchange;
}

/** Where a redirect may be followed to: below the same API root only, since the credential goes along. */
function redirectTarget(answer: Answer, request: ExchangeRequest, { hosts }: GitHubCall): URL | null {
  const reads = request.method === "GET" || request.method === "HEAD";
  // After 301 and 302 a client may turn a write into a GET (RFC 9110 §15.4): only 307 and 308 keep what was meant.
  const followable = reads ? [301, 302, 307, 308] : [307, 308];
  const location = answer.headers["location"];
  if (!followable.includes(answer.status) || location === undefined || !URL.canParse(location, request.url.href))
    return null;
  const target = new URL(location, request.url);
  const root = new URL(hosts.api);
  const below = target.pathname.startsWith(root.pathname.endsWith("/") ? root.pathname : `${root.pathname}/`);
  return target.origin === root.origin && target.username === "" && target.password === "" && below ? target : null;
}

function read(answer: Answer): GitHubAnswer | Failure {
  const { status, headers } = answer;
  const text = textOf(answer);
  const claimsJson = text !== "" && isJson(answer);
  const json = claimsJson ? parseJson(text) : undefined;
  // A success cut short is no success: nobody may take half a list for the whole.
  if (claimsJson && json === undefined && status < 300) {
    return {
      kind: "failed",
      reason: "unreachable",
      sent: true,
      cause: new SyntaxError("GitHub's JSON ends too early"),
    };
  }
  const spoken = json === undefined && text !== "" ? { text } : {};
  return {
    kind: "answer",
    status,
    headers,
    json: json ?? null,
    ...spoken,
    requestId: upstreamRequestId(headers["x-github-request-id"]),
    bytes: answer.body.length,
  };
}
