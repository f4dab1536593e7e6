// Makes an endpoint: a proxy route of the project with an account behind it.
import type * as Wire from "@behalf/sdk";
import { actorOf, projectOf } from "../rules/caller.ts";
import type { Principal } from "../rules/policy.ts";
import { Refusal } from "../rules/refusal.ts";
import type { House } from "./house.ts";
import { checkedIdentifier, connectionNamed } from "./steps/addressed.ts";
import { type EndpointMembers, endpointColumns } from "./steps/checked-endpoint.ts";
import { endpointView } from "./steps/endpoint-view.ts";

type Needs = Pick<House, "store" | "vault" | "now" | "newId" | "mayReach" | "origin" | "presets">;

export interface EndpointRequest extends Omit<EndpointMembers, "inject_headers"> {
  readonly slug: string;
  readonly connection: string;
  readonly inject_headers: Readonly<Record<string, string>>;
}

export async function createEndpoint(needs: Needs, principal: Principal, ask: EndpointRequest): Promise<Wire.Endpoint> {
  const project = projectOf(principal);
  const connection = await connectionNamed(needs, principal, ask.connection);
  const now = needs.now();
  const of = { id: needs.newId("endpoint"), project_id: project };
  const identifier = ask.identifier === null ? null : checkedIdentifier(ask.identifier);
  const row = {
    ...of,
    slug: ask.slug,
    connection_id: connection.id,
    ...endpointColumns(needs, of, { ...ask, identifier }, { inject_names: "[]", inject_headers: null }),
    created_at: now,
    updated_at: now,
  };
  await needs.store.change(async (tables, record) => {
    if (!(await tables.endpoints.add(row))) throw slugTaken();
    const details = { slug: row.slug, upstream: row.upstream_url, connection: connection.name };
    record({ chain: project, name: "endpoint.created", actor: actorOf(principal), subject: row.id, details });
  });
  return endpointView(needs, row, connection);
}

function slugTaken(): Refusal {
  return new Refusal("conflict", {
    detail: "This project has an endpoint of that slug.",
    next: { action: "choose_slug", detail: "Choose another slug, or change the endpoint that is there with PATCH." },
  });
}
