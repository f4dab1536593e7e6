// `/v1/presets` and `/v1/connections`.
import { z } from "zod";
import { changeConnection } from "../../flows/change-connection.ts";
import { createConnection } from "../../flows/create-connection.ts";
import { deleteConnection } from "../../flows/delete-connection.ts";
import { listConnections } from "../../flows/list-connections.ts";
import { listPresets } from "../../flows/list-presets.ts";
import { readConnection } from "../../flows/read-connection.ts";
import { parseCursor } from "../../rules/cursor.ts";
import * as own from "./connection-shapes.ts";
import { type Route, route } from "./route.ts";
import * as shape from "./schemas.ts";

const common = { tag: "Connections", scope: "admin", query: shape.none, body: shape.none } as const;
const named = z.strictObject({ name: z.string().max(64) });

export const connectionRoutes: readonly Route[] = [
  route({
    ...common,
    method: "GET",
    path: "/v1/presets",
    summary: "List the providers we know",
    params: shape.none,
    answers: { "200": shape.pageOf(own.preset) },
    refusals: [],
    run: async ({ house }) => Promise.resolve({ status: 200, body: listPresets(house) }),
  }),
  route({
    ...common,
    method: "POST",
    path: "/v1/connections",
    summary: "Make a connection; the answer carries the exact redirect URI to register",
    params: shape.none,
    body: own.connectionAsk,
    answers: { "201": own.connection },
    refusals: ["conflict"],
    run: async ({ house, principal, body }) => ({ status: 201, body: await createConnection(house, principal, body) }),
  }),
  route({
    ...common,
    method: "GET",
    path: "/v1/connections",
    summary: "List the connections",
    params: shape.none,
    query: shape.pageQuery,
    answers: { "200": shape.pageOf(own.connection) },
    refusals: [],
    run: async ({ house, principal, query }) => ({
      status: 200,
      body: await listConnections(house, principal, { limit: query.limit, after: parseCursor(query.cursor ?? "") }),
    }),
  }),
  route({
    ...common,
    method: "GET",
    path: "/v1/connections/{name}",
    summary: "Show a connection",
    params: named,
    answers: { "200": own.connection },
    refusals: ["not_found"],
    run: async ({ house, principal, params }) => ({
      status: 200,
      body: await readConnection(house, principal, params.name),
    }),
  }),
  route({
    ...common,
    method: "PATCH",
    path: "/v1/connections/{name}",
    summary: "Change a connection; scopes apply from the next authorization on",
    params: named,
    body: own.connectionPatch,
    answers: { "200": own.connection },
    refusals: ["not_found", "conflict"],
    run: async ({ house, principal, params, body }) => ({
      status: 200,
      body: await changeConnection(house, principal, { name: params.name, patch: body }),
    }),
  }),
  route({
    ...common,
    method: "DELETE",
    path: "/v1/connections/{name}",
    summary:
      "Delete a connection; with `accounts=revoke` its accounts are revoked and deleted first (202 while that lasts)",
    params: named,
    query: z.strictObject({ accounts: z.enum(["revoke"]).optional() }),
    answers: { "202": null, "204": null },
    refusals: ["not_found", "conflict"],
    run: async ({ house, principal, params, query }) => {
      const gone = await deleteConnection(house, principal, {
        name: params.name,
        revokeAccounts: query.accounts === "revoke",
      });
      return { status: gone ? 204 : 202 };
    },
  }),
];
