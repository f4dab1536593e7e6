// Finds what an endpoint needs to carry a call: itself, its connection, its account, its headers.

import type { HeaderRules } from "../../rules/endpoint.ts";
import type { ProjectId } from "../../rules/ids.ts";
import { parseId } from "../../rules/ids.ts";
import type { Principal } from "../../rules/policy.ts";
import { Refusal } from "../../rules/refusal.ts";
import { linkUrl } from "../../rules/unusable.ts";
import type { EndpointRow } from "../../store/gateway-rows.ts";
import type { AccountRow, ConnectionRow } from "../../store/schema.ts";
import type { House } from "../house.ts";
import { boundElsewhere, isBoundElsewhere } from "./addressed.ts";

/** The account of endpoints that name none, for callers that are bound to none (design §10.4). */
const sharedIdentifier = "shared";

export async function endpointNamed(
  { store }: Pick<House, "store">,
  project: ProjectId,
  name: string,
): Promise<EndpointRow> {
  const id = parseId("endpoint", name);
  const row = id === undefined ? await store.endpoints.bySlug(project, name) : await store.endpoints.find(project, id);
  if (row !== undefined) return row;
  throw new Refusal("not_found", {
    detail: "This project has no endpoint of that slug.",
    next: {
      action: "list_endpoints",
      method: "GET",
      detail: "`GET /v1/endpoints` lists the endpoints of the project.",
    },
  });
}

export async function livingEndpoint(
  needs: Pick<House, "store">,
  project: ProjectId,
  slug: string,
): Promise<EndpointRow> {
  const endpoint = await endpointNamed(needs, project, slug);
  if (endpoint.active === 1) return endpoint;
  throw new Refusal("endpoint_paused", {
    detail: `The endpoint ${endpoint.slug} is paused.`,
    next: { action: "contact_operator", detail: "An operator can make it active again with PATCH." },
  });
}

export async function connectionOf({ store }: Pick<House, "store">, endpoint: EndpointRow): Promise<ConnectionRow> {
  const connection = await store.connections.find(endpoint.connection_id);
  if (connection !== undefined && connection.project_id === endpoint.project_id) return connection;
  throw new Refusal("not_found", {
    detail: "The connection of this endpoint is gone.",
    next: { action: "contact_operator", detail: "An operator can give the endpoint another connection." },
  });
}

interface Asked {
  readonly endpoint: EndpointRow;
  readonly connection: ConnectionRow;
}

/** The account an endpoint names; else the one the caller's token is bound to; else `shared`. */
export async function endpointAccount(
  needs: Pick<House, "store" | "origin">,
  principal: Principal,
  { endpoint, connection }: Asked,
): Promise<AccountRow> {
  const { accounts } = needs.store;
  if (endpoint.identifier === null && principal.accountId !== null) {
    const bound = await accounts.find(endpoint.project_id, principal.accountId);
    if (bound?.connection_id === connection.id) return bound;
    throw new Refusal("forbidden", {
      detail: "The account of this token belongs to another connection than the endpoint's.",
      next: { action: "use_other_token", detail: `Use a token bound to an account of ${connection.name}.` },
    });
  }
  const identifier = endpoint.identifier ?? sharedIdentifier;
  const account = await accounts.byIdentifier(connection.id, identifier);
  if (account === undefined) throw notConnected(needs.origin, connection.name, identifier);
  if (isBoundElsewhere(principal, account)) throw boundElsewhere();
  return account;
}

function notConnected(origin: string, connection: string, identifier: string): Refusal {
  return new Refusal("account_pending", {
    detail: `Nobody has connected the account ${JSON.stringify(identifier)} of ${connection} yet.`,
    credential: true,
    next: {
      action: "connect",
      method: "POST",
      url: linkUrl(origin, connection, identifier),
      detail: "Make the account with PUT, then an authorization link, and have the person open it.",
    },
  });
}

/** Where the sealed values of an endpoint's headers lie. */
export function injectPlace(endpoint: Pick<EndpointRow, "id" | "project_id">): {
  readonly project: string;
  readonly table: string;
  readonly row: string;
  readonly column: string;
} {
  return { project: endpoint.project_id, table: "endpoints", row: endpoint.id, column: "inject_headers" };
}

export function headerRulesOf({ vault }: Pick<House, "vault">, endpoint: EndpointRow): HeaderRules {
  const sealed = endpoint.inject_headers;
  return {
    forward: JSON.parse(endpoint.forward_headers) as string[],
    blocked: JSON.parse(endpoint.blocked_headers) as string[],
    inject:
      sealed === null ? {} : (JSON.parse(vault.openText(injectPlace(endpoint), sealed)) as Record<string, string>),
  };
}
