// Changes members of an endpoint; calls under way keep what they began with.
import type * as Wire from "@behalf/sdk";
import { actorOf, projectOf } from "../rules/caller.ts";
import type { Principal } from "../rules/policy.ts";
import { Refusal } from "../rules/refusal.ts";
import type { EndpointRow } from "../store/gateway-rows.ts";
import type { House } from "./house.ts";
import { checkedIdentifier, connectionNamed } from "./steps/addressed.ts";
import { type EndpointMembers, endpointColumns } from "./steps/checked-endpoint.ts";
import { connectionOf, endpointNamed } from "./steps/endpoint-parts.ts";
import { endpointView } from "./steps/endpoint-view.ts";

type Needs = Pick<House, "store" | "vault" | "now" | "mayReach" | "origin" | "presets">;

export type EndpointPatch = { readonly [Member in keyof EndpointMembers]?: EndpointMembers[Member] | undefined } & {
  readonly connection?: string | undefined;
};

export async function changeEndpoint(
  needs: Needs,
  principal: Principal,
  { name, patch }: { readonly name: string; readonly patch: EndpointPatch },
): Promise<Wire.Endpoint> {
  const row = await endpointNamed(needs, projectOf(principal), name);
  const connection =
    patch.connection === undefined
      ? await connectionOf(needs, row)
      : await connectionNamed(needs, principal, patch.connection);
  const { inject_names, inject_headers, ...columns } = endpointColumns(needs, row, patched(row, patch), row);
  if (row.inject_headers !== null && patch.inject_headers === undefined) demandSameOrigin(row, columns.upstream_url);
  const change = {
    ...columns,
    // An envelope that was only read is never written back: it may have been sealed anew in between.
    ...(patch.inject_headers === undefined ? {} : { inject_names, inject_headers }),
    connection_id: connection.id,
    updated_at: Math.max(needs.now(), row.updated_at + 1),
  };
  const after = await needs.store.change(async (tables, record) => {
    const changed = await tables.endpoints.change(row, change);
    if (changed === undefined) throw changedMeanwhile();
    const details = { slug: row.slug, members: Object.keys(patch) };
    record({ chain: row.project_id, name: "endpoint.changed", actor: actorOf(principal), subject: row.id, details });
    return changed;
  });
  return endpointView(needs, after, connection);
}

function patched(row: EndpointRow, { connection: _, ...patch }: EndpointPatch): EndpointMembers {
  const given = Object.entries(patch).filter(([, value]) => value !== undefined);
  const members = {
    name: row.name,
    upstream_url: row.upstream_url,
    methods: JSON.parse(row.methods) as string[],
    identifier: row.identifier,
    timeout_seconds: row.timeout_seconds,
    strip_prefix: row.strip_prefix === 1,
    preserve_query: row.preserve_query === 1,
    forward_headers: JSON.parse(row.forward_headers) as string[],
    blocked_headers: JSON.parse(row.blocked_headers) as string[],
    inject_headers: undefined,
    rate_limit_per_minute: row.rate_limit_per_minute,
    rate_limit_per_hour: row.rate_limit_per_hour,
    active: row.active === 1,
    ...(Object.fromEntries(given) as Partial<EndpointMembers>),
  };
  return { ...members, identifier: members.identifier === null ? null : checkedIdentifier(members.identifier) };
}

/** The values of added headers are shown to nobody: sent to another host, they would be. */
function demandSameOrigin(row: EndpointRow, upstream: string): void {
  if (new URL(row.upstream_url).origin === new URL(upstream).origin) return;
  throw new Refusal("invalid_input", {
    detail: "The endpoint adds headers whose values were given for another host.",
    errors: [{ path: "inject_headers", message: "has to be given again with an upstream_url of another origin" }],
    next: { action: "fix_input", detail: "Send `inject_headers` with the new `upstream_url`; `{}` adds none." },
  });
}

function changedMeanwhile(): Refusal {
  return new Refusal("conflict", {
    detail: "Somebody else changed this endpoint at the same time.",
    next: { action: "retry", detail: "Read the endpoint again and repeat the change." },
  });
}
