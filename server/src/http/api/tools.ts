// `/v1/tools`: the catalogue, and running a tool.
import { z } from "zod";
import { executeTool } from "../../flows/execute-tool.ts";
import { listTools, readTool } from "../../flows/list-tools.ts";
import { type RefusalCode, refusals } from "../../rules/refusal.ts";
import { type Route, route } from "./route.ts";
import * as shape from "./schemas.ts";

const common = { tag: "Tools", scope: "tools", query: shape.none, body: shape.none } as const;
const named = z.strictObject({ name: z.string().max(64) });

/** Everything an account or upstream may answer. */
const callRefusals = (Object.keys(refusals) as RefusalCode[]).filter((code) => /^(account_|upstream_)/.test(code));

export const toolRoutes: readonly Route[] = [
  route({
    ...common,
    method: "GET",
    path: "/v1/tools",
    summary: "Find tools within your limits",
    params: shape.none,
    query: z.strictObject({ query: z.string().max(200).optional() }),
    answers: { "200": shape.pageOf(shape.tool) },
    refusals: [],
    run: async ({ principal, query }) =>
      Promise.resolve({ status: 200, body: listTools(principal, { query: query.query }) }),
  }),
  route({
    ...common,
    method: "GET",
    path: "/v1/tools/{name}",
    summary: "Show a tool",
    params: named,
    answers: { "200": shape.tool },
    refusals: ["not_found"],
    run: async ({ params }) => Promise.resolve({ status: 200, body: readTool(params.name) }),
  }),
  route({
    ...common,
    method: "POST",
    path: "/v1/tools/{name}/execute",
    summary: "Run a tool as a person",
    judgesAccess: true,
    params: named,
    body: shape.toolAsk,
    answers: { "200": shape.execution },
    refusals: [
      ...callRefusals,
      "rate_limited",
      "budget_exceeded",
      "not_found",
      "forbidden",
      "limit_not_allowed",
      "sso_required",
      "org_approval_required",
      "connection_misconfigured",
      "not_supported",
    ],
    run: async ({ house, principal, params, body, about }) => ({
      status: 200,
      body: await executeTool(house, principal, { name: params.name, ...body, input: body.input ?? {}, about }),
    }),
  }),
];
