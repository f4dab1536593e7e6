// A raw call as a person: path, limits, credential, upstream, streamed both ways. Upstream's answer is the caller's answer.
import type { ServerResponse } from "node:http";
import type { Readable } from "node:stream";
import { requestHeaders, responseHeaders } from "../rules/headers.ts";
import { toOurs } from "../rules/links.ts";
import { checkTarget, repositoryOf } from "../rules/paths.ts";
import { isReadMethod, type Principal } from "../rules/policy.ts";
import { Refusal } from "../rules/refusal.ts";
import type { ForwardAnswer } from "../upstream/forward-types.ts";
import type { Hosts } from "../upstream/hosts.ts";
import type { Lent } from "../vault/lend.ts";
import type { House } from "./house.ts";
import { borrow, trust } from "./steps/borrow.ts";
import { type Naming, resolveAccount } from "./steps/resolve-account.ts";
import { upstreamFailure } from "./steps/upstream-failure.ts";
import { demandWithinLimits } from "./steps/within-limits.ts";

type Needs = Pick<House, "store" | "vault" | "forward" | "presets" | "now" | "origin" | "background" | "log">;

/** Where a raw call came in: which upstream base it means and which prefix is ours. */
export interface Door {
  readonly prefix: "/proxy" | "/api/v3" | "/api/graphql";
}

export interface RawCall {
  readonly door: Door;
  readonly method: string;
  /** What follows the prefix on the wire, byte for byte, with the query; starts with a slash. */
  readonly target: string;
  readonly headers: readonly string[];
  readonly naming: Naming;
  /** A buffer can be sent again after a 401; a stream cannot. */
  readonly body: Readable | Uint8Array | null;
  readonly signal: AbortSignal;
}

const timeoutMs = 30_000;

export async function forwardCall(
  needs: Needs,
  principal: Principal,
  ask: { readonly call: RawCall; readonly response: ServerResponse },
): Promise<void> {
  const { call, response } = ask;
  checkPolicy(principal, call);
  const resolved = await resolveAccount(needs, principal, call.naming);
  if (resolved === undefined) throw accountNeeded(call.door);
  const lent = await borrow(needs, resolved);
  const { answer, used } = await sendOnce(needs, lent, call);
  if (answer.status !== 401) trust(needs, used);
  const { base, ours } = routeOf(used.provider.hosts, call, needs.origin);
  const headers = responseHeaders(answer.headers, (url) => toOurs(url, base, ours));
  const passed = await answer.stream(response, headers);
  if (!passed.complete) needs.log.debug("A proxied answer was cut", { account: used.account.id, bytes: passed.bytes });
}

function checkPolicy(principal: Principal, call: RawCall): void {
  const graphqlDoor = call.door.prefix === "/api/graphql";
  const target = checkTarget(call.target);
  if (target.kind === "refused") {
    throw new Refusal("invalid_request", {
      detail: `This path cannot be passed on: ${target.reason}.`,
      next: {
        action: "fix_request",
        detail: "Send the path as the provider documents it, each segment percent-encoded once.",
      },
    });
  }
  if (graphqlDoor && target.path !== "/")
    throw new Refusal("not_found", {
      detail: "GraphQL has one address: /api/graphql.",
      next: { action: "fix_request", method: "POST", detail: "Send the query as JSON to exactly that path." },
    });
  const graphql = graphqlDoor || target.segments.some((segment) => /^graphql$/i.test(segment));
  demandWithinLimits(principal, {
    method: call.method,
    changes: !isReadMethod(call.method),
    repository: graphql ? "unknown" : repositoryOf(target.segments),
    graphql,
  });
}

function accountNeeded(door: Door): Refusal {
  const named =
    door.prefix === "/proxy"
      ? "Send the headers `connection_name` and `identifier`"
      : "Use a token bound to an account";
  return new Refusal("invalid_request", {
    detail: "The call names nobody to act for.",
    next: { action: "name_account", detail: `${named}; \`POST /v1/tokens\` with \`account\` makes a bound token.` },
  });
}

/**
 * Where a call goes, and where links in its answer lead. GitHub's GraphQL lives beside the REST root:
 * `/graphql` at api.github.com, `/api/graphql` on a server of one's own.
 */
function routeOf(
  hosts: Hosts,
  call: RawCall,
  origin: string,
): { readonly base: string; readonly ours: string; readonly target: string } {
  const { prefix } = call.door;
  if (prefix !== "/api/graphql") return { base: hosts.api, ours: origin + prefix, target: call.target };
  const base = hosts.api.endsWith("/api/v3") ? hosts.api.slice(0, -"/v3".length) : hosts.api;
  return { base, ours: `${origin}/api`, target: `/graphql${call.target.slice(1)}` };
}

async function sendOnce(
  needs: Needs,
  lent: Lent,
  call: RawCall,
): Promise<{ readonly answer: ForwardAnswer; readonly used: Lent }> {
  const first = await send(needs, lent, call);
  const isReplayable = call.body === null || call.body instanceof Uint8Array;
  if (first.status !== 401) return { answer: first, used: lent };
  const doubt = await needs.vault.doubt(lent).catch((error: unknown) => {
    // An answer that is neither passed on nor discarded would hold its connection for ever.
    first.discard();
    throw error;
  });
  if (doubt.kind === "stands" || !isReplayable) return { answer: first, used: lent };
  first.discard();
  return { answer: await send(needs, doubt.loan, call), used: doubt.loan };
}

async function send(needs: Needs, lent: Lent, call: RawCall): Promise<ForwardAnswer> {
  const { base, target } = routeOf(lent.provider.hosts, call, needs.origin);
  const { method, body, signal } = call;
  const headers = requestHeaders(call.headers);
  const answer = await needs.forward({
    base,
    method,
    target,
    headers,
    body,
    credential: lent.credential,
    timeoutMs,
    signal,
  });
  if (answer.kind === "failed") throw upstreamFailure(answer, !isReadMethod(method));
  return answer;
}
