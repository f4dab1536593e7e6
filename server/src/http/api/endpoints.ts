// `/v1/endpoints`: the proxy routes of a project.
import type * as Wire from "@behalf/sdk";
import { z } from "zod";
import { changeEndpoint } from "../../flows/change-endpoint.ts";
import { createEndpoint } from "../../flows/create-endpoint.ts";
import { deleteEndpoint } from "../../flows/delete-endpoint.ts";
import { listEndpoints } from "../../flows/list-endpoints.ts";
import { readEndpoint } from "../../flows/read-endpoint.ts";
import { testEndpoint } from "../../flows/test-endpoint.ts";
import { parseCursor } from "../../rules/cursor.ts";
import { endpointMethods } from "../../rules/endpoint.ts";
import { type Route, route } from "./route.ts";
import * as shape from "./schemas.ts";

const headerName = z.string().regex(/^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}$/);
const headerNames = z.array(headerName).max(50);
const perMinute = z.number().int().min(1).max(1_000_000).nullable();
const perHour = z.number().int().min(1).max(10_000_000).nullable();
const members = {
  name: shape.plainText(64),
  upstream_url: shape.url,
  methods: z.array(z.enum(endpointMethods)).min(1).max(endpointMethods.length),
  connection: shape.name,
  identifier: shape.identifier.nullable(),
  timeout_seconds: z.number().int().min(1).max(300),
  strip_prefix: z.boolean(),
  preserve_query: z.boolean(),
  forward_headers: headerNames,
  blocked_headers: headerNames,
  inject_headers: z
    .record(headerName, z.string().regex(/^[\x20-\x7e]{1,2048}$/))
    .refine((headers) => Object.keys(headers).length <= 50, "must have at most 50 headers"),
  rate_limit_per_minute: perMinute,
  rate_limit_per_hour: perHour,
  active: z.boolean(),
};

const endpointAsk = z.strictObject({
  slug: shape.name,
  ...members,
  methods: members.methods.default(["GET", "POST", "PATCH", "DELETE"]),
  identifier: members.identifier.default(null),
  timeout_seconds: members.timeout_seconds.default(30),
  strip_prefix: members.strip_prefix.default(true),
  preserve_query: members.preserve_query.default(true),
  forward_headers: headerNames.default([]),
  blocked_headers: headerNames.default([]),
  inject_headers: members.inject_headers.default({}),
  rate_limit_per_minute: perMinute.default(null),
  rate_limit_per_hour: perHour.default(null),
  active: members.active.default(true),
});
const endpointPatch = z.strictObject(members).partial();

const endpoint = z.object({
  id: z.string(),
  slug: z.string(),
  name: z.string(),
  url: z.string(),
  upstream_url: z.string(),
  methods: z.array(z.string()),
  connection: z.string(),
  identifier: z.string().nullable(),
  timeout_seconds: z.number(),
  strip_prefix: z.boolean(),
  preserve_query: z.boolean(),
  forward_headers: z.array(z.string()),
  blocked_headers: z.array(z.string()),
  inject_headers: z.array(z.string()),
  rate_limit_per_minute: z.number().nullable(),
  rate_limit_per_hour: z.number().nullable(),
  active: z.boolean(),
  warnings: z.array(z.object({ code: z.string(), detail: z.string() })),
  created_at: z.string(),
  updated_at: z.string(),
}) satisfies z.ZodType<Wire.Endpoint>;

const testAsk = z.strictObject({
  method: z.enum(endpointMethods).default("GET"),
  path: z.string().min(1).max(4096).default("/"),
  /** True: call upstream too, with GET or HEAD only. */
  call: z.boolean().default(false),
});
const testReport = z.object({
  ok: z.boolean(),
  steps: z.array(z.object({ step: z.string(), ok: z.boolean(), detail: z.string() })),
  request: z
    .object({ method: z.string(), url: z.string(), headers: z.array(z.tuple([z.string(), z.string()])) })
    .nullable(),
  answer: z
    .object({
      status: z.number(),
      milliseconds: z.number(),
      content_type: z.string().nullable(),
      bytes: z.number(),
    })
    .nullable(),
}) satisfies z.ZodType<Wire.EndpointTest>;

const none = { params: shape.none, query: shape.none, body: shape.none } as const;
const one = { ...none, params: z.strictObject({ slug: z.string().max(64) }) } as const;
const common = { tag: "Endpoints", scope: "admin" } as const;

export const endpointRoutes: readonly Route[] = [
  route({
    ...common,
    ...none,
    method: "POST",
    path: "/v1/endpoints",
    summary: "Make a proxy route with an account behind it",
    body: endpointAsk,
    answers: { "201": endpoint },
    refusals: ["not_found", "conflict"],
    run: async ({ house, principal, body }) => ({ status: 201, body: await createEndpoint(house, principal, body) }),
  }),
  route({
    ...common,
    ...none,
    method: "GET",
    path: "/v1/endpoints",
    summary: "List the endpoints of the project",
    query: shape.pageQuery,
    answers: { "200": shape.pageOf(endpoint) },
    refusals: [],
    run: async ({ house, principal, query }) => ({
      status: 200,
      body: await listEndpoints(house, principal, { limit: query.limit, after: parseCursor(query.cursor ?? "") }),
    }),
  }),
  route({
    ...common,
    ...one,
    method: "GET",
    path: "/v1/endpoints/{slug}",
    summary: "Show an endpoint, by slug or id",
    answers: { "200": endpoint },
    refusals: ["not_found"],
    run: async ({ house, principal, params }) => ({
      status: 200,
      body: await readEndpoint(house, principal, params.slug),
    }),
  }),
  route({
    ...common,
    ...one,
    method: "PATCH",
    path: "/v1/endpoints/{slug}",
    summary: "Change members of an endpoint; `active: false` pauses it",
    body: endpointPatch,
    answers: { "200": endpoint },
    refusals: ["not_found", "conflict"],
    run: async ({ house, principal, params, body }) => ({
      status: 200,
      body: await changeEndpoint(house, principal, { name: params.slug, patch: body }),
    }),
  }),
  route({
    ...common,
    ...one,
    method: "DELETE",
    path: "/v1/endpoints/{slug}",
    summary: "Delete an endpoint",
    answers: { "204": null },
    refusals: ["not_found"],
    run: async ({ house, principal, params }) => {
      await deleteEndpoint(house, principal, params.slug);
      return { status: 204 };
    },
  }),
  route({
    ...common,
    ...one,
    method: "POST",
    path: "/v1/endpoints/{slug}/test",
    summary: "Say what would happen to a call at each step; with `call: true` make it and say what came back",
    body: testAsk,
    answers: { "200": testReport },
    refusals: ["not_found"],
    run: async ({ house, principal, params, body, about }) => ({
      status: 200,
      body: await testEndpoint(house, principal, {
        name: params.slug,
        ...body,
        signal: about.signal,
        facts: about,
      }),
    }),
  }),
];
