// An endpoint as the wire shows it: never the value of a header it adds.
import type * as Wire from "@behalf/sdk";
import { isOwnUpstream } from "../../rules/endpoint.ts";
import { uuidOf } from "../../rules/ids.ts";
import type { EndpointRow } from "../../store/gateway-rows.ts";
import type { ConnectionRow } from "../../store/schema.ts";
import type { Hosts } from "../../upstream/hosts.ts";
import type { House } from "../house.ts";
import { iso } from "./views.ts";

export function endpointView(
  { origin, presets }: Pick<House, "origin" | "presets">,
  row: EndpointRow,
  connection: ConnectionRow,
): Wire.Endpoint {
  return {
    id: row.id,
    slug: row.slug,
    name: row.name,
    url: endpointUrl(origin, row),
    upstream_url: row.upstream_url,
    methods: JSON.parse(row.methods) as string[],
    connection: connection.name,
    identifier: row.identifier,
    timeout_seconds: row.timeout_seconds,
    strip_prefix: row.strip_prefix === 1,
    preserve_query: row.preserve_query === 1,
    forward_headers: JSON.parse(row.forward_headers) as string[],
    blocked_headers: JSON.parse(row.blocked_headers) as string[],
    inject_headers: JSON.parse(row.inject_names) as string[],
    rate_limit_per_minute: row.rate_limit_per_minute,
    rate_limit_per_hour: row.rate_limit_per_hour,
    active: row.active === 1,
    warnings: warningsOf({ presets }, row, connection),
    created_at: iso(row.created_at),
    updated_at: iso(row.updated_at),
  };
}

/** Where callers send their requests. */
export function endpointUrl(origin: string, { project_id, slug }: Pick<EndpointRow, "project_id" | "slug">): string {
  return `${origin}/api/${uuidOf(project_id)}/proxy/${slug}`;
}

/** Whoever runs a host that is not the provider's gets to see the person's token: an operator should know. */
function warningsOf({ presets }: Pick<House, "presets">, row: EndpointRow, connection: ConnectionRow): Wire.Warning[] {
  const hosts = JSON.parse(connection.hosts) as Hosts;
  const origins = presets.find(({ name }) => name === connection.preset)?.upstreams ?? [];
  if (isOwnUpstream(row.upstream_url, { hosts: [hosts.api, hosts.web], origins })) return [];
  const detail =
    `${new URL(row.upstream_url).host} is none of the hosts of the connection ${connection.name}: ` +
    "whoever runs it receives the person's token. Make sure that this is meant.";
  return [{ code: "foreign_upstream", detail }];
}
