// A raw call as a person through `/proxy`, `/api/v3` or `/api/graphql`: path, limits, credential, upstream, streamed both ways.
import type { ServerResponse } from "node:http";
import type { Readable } from "node:stream";
import { requestHeaders } from "../rules/headers.ts";
import { repositoryOf } from "../rules/paths.ts";
import { isReadMethod, type Principal } from "../rules/policy.ts";
import { Refusal } from "../rules/refusal.ts";
import type { Hosts } from "../upstream/hosts.ts";
import type { House } from "./house.ts";
import { admitted } from "./steps/admit.ts";
import { checkedTarget } from "./steps/checked-target.ts";
import { type CallFacts, type CallNote, type Noting, noted } from "./steps/noted.ts";
import { type Relaying, relay, type Way } from "./steps/relay.ts";
import { type Naming, resolveAccount } from "./steps/resolve-account.ts";
import { speaksGitHub } from "./steps/speaks-github.ts";
import { demandWithinLimits } from "./steps/within-limits.ts";

type Needs = Relaying & Noting & Pick<House, "presets" | "ephemeral">;

/** Where a raw call came in: which upstream base it means and which prefix is ours. */
export interface Door {
  readonly prefix: "/proxy" | "/api/v3" | "/api/graphql";
}

export interface RawCall {
  readonly door: Door;
  readonly facts: Pick<CallFacts, "requestId" | "traceId" | "address">;
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
  { call, response }: { readonly call: RawCall; readonly response: ServerResponse },
): Promise<void> {
  const { method, target, signal, door } = call;
  const surface = door.prefix === "/proxy" ? "proxy" : "github";
  const facts = { ...call.facts, surface, method, path: door.prefix + target } as const;
  const work = async (note: CallNote): Promise<void> => pass(needs, principal, { call, response, note });
  await noted(needs, principal, { facts, signal, work });
}

async function pass(
  needs: Needs,
  principal: Principal,
  { call, response, note }: { readonly call: RawCall; readonly response: ServerResponse; readonly note: CallNote },
): Promise<void> {
  const segments = checkPolicy(principal, call);
  const work = async (): Promise<void> => {
    const resolved = await resolveAccount(needs, principal, call.naming);
    if (resolved === undefined) throw accountNeeded(call.door);
    const github = speaksGitHub(needs, resolved.connection) ? segments : null;
    const { method, body, signal } = call;
    await relay(needs, {
      resolved,
      wayAt: (hosts) => ({ ...wayOf(hosts, call, needs.origin), github }),
      method,
      headers: requestHeaders(call.headers),
      body,
      timeoutMs,
      signal,
      response,
      note,
    });
  };
  await admitted(needs, principal, { endpoint: null, note, work });
}

/** Segments of the path as policy reads them: GraphQL is one of them whichever door it came through. */
function checkPolicy(principal: Principal, call: RawCall): readonly string[] {
  const graphqlDoor = call.door.prefix === "/api/graphql";
  const target = checkedTarget(call.target);
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
  return graphqlDoor ? ["graphql"] : target.segments;
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

/** GitHub's GraphQL lives beside the REST root: `/graphql` at api.github.com, `/api/graphql` on a server of one's own. */
function wayOf(hosts: Hosts, call: RawCall, origin: string): Omit<Way, "github"> {
  const { prefix } = call.door;
  if (prefix !== "/api/graphql") return { base: hosts.api, ours: origin + prefix, target: call.target };
  const base = hosts.api.endsWith("/api/v3") ? hosts.api.slice(0, -"/v3".length) : hosts.api;
  return { base, ours: `${origin}/api`, target: `/graphql${call.target.slice(1)}` };
}
