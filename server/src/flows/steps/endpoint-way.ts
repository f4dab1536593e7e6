// Whether an endpoint and the caller's limits let a call pass, and where it then goes.
import { allowedMethods, allowsMethod, reachOf } from "../../rules/endpoint.ts";
import { isReadMethod, type Principal } from "../../rules/policy.ts";
import { Refusal } from "../../rules/refusal.ts";
import type { EndpointRow } from "../../store/gateway-rows.ts";
import type { ConnectionRow } from "../../store/schema.ts";
import type { Hosts } from "../../upstream/hosts.ts";
import type { House } from "../house.ts";
import { checkedTarget } from "./checked-target.ts";
import type { Way } from "./relay.ts";
import { speaksGitHub } from "./speaks-github.ts";
import { demandWithinLimits } from "./within-limits.ts";

/** What of a call decides where it goes. */
export interface EndpointAsk {
  readonly method: string;
  readonly target: string;
  /** Our address of the endpoint. */
  readonly prefix: string;
}

export function demandMethod(endpoint: EndpointRow, method: string): void {
  const methods = JSON.parse(endpoint.methods) as string[];
  if (allowsMethod(methods, method)) return;
  const allow = allowedMethods(methods);
  throw new Refusal("method_not_allowed", {
    detail: `The endpoint ${endpoint.slug} does not allow ${method}.`,
    allow,
    next: { action: "fix_request", detail: `Use ${allow.join(", ")}, or have the endpoint allow it.` },
  });
}

interface Judged {
  readonly call: Pick<EndpointAsk, "method" | "target">;
  readonly endpoint: EndpointRow;
  readonly connection: ConnectionRow;
}

/** The path below GitHub's API root where it is one; null else. */
export function demandReach(
  needs: Pick<House, "presets">,
  principal: Principal,
  { call, endpoint, connection }: Judged,
): readonly string[] | null {
  const { segments } = checkedTarget(call.target);
  const api = speaksGitHub(needs, connection) ? (JSON.parse(connection.hosts) as Hosts).api : null;
  const { repository, graphql, path } = reachOf(baseOf(endpoint), api, segments);
  const { method } = call;
  demandWithinLimits(principal, {
    endpoint: endpoint.slug,
    method,
    changes: !isReadMethod(method),
    repository,
    graphql,
  });
  return path;
}

function baseOf({ upstream_url, slug, strip_prefix }: EndpointRow): string {
  return strip_prefix === 1 ? upstream_url : `${upstream_url}/${slug}`;
}

export function wayOf(
  endpoint: EndpointRow,
  call: Pick<EndpointAsk, "prefix" | "target"> & { readonly bare?: boolean },
  origin: string,
): Omit<Way, "github"> {
  const mark = call.target.indexOf("?");
  const target = endpoint.preserve_query === 1 || mark === -1 ? call.target : call.target.slice(0, mark);
  const base = baseOf(endpoint);
  // An upstream that is one exact address gets no slash behind it that nobody wrote.
  const isExact = call.bare === true && new URL(base).pathname !== "/";
  return { base, ours: origin + call.prefix, target: isExact ? target.slice(1) : target };
}
