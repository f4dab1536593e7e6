// The OpenAPI 3.1 document of `/v1`, made from the route table: what is not in the table is not in the API.
import { z } from "zod";
import { type RefusalCode, refusals } from "../../rules/refusal.ts";
import type { Route } from "./route.ts";

/** What every route may answer besides its own. */
const commonRefusals: readonly RefusalCode[] = [
  "unauthenticated",
  "token_expired",
  "scope_missing",
  "limit_not_allowed",
  "project_required",
  "not_found",
  "invalid_request",
  "invalid_input",
  "method_not_allowed",
  "payload_too_large",
  "unsupported_media_type",
  "idempotency_conflict",
  "conflict",
  "outcome_unknown",
  "unavailable",
  "internal",
];

const problem = {
  type: "object",
  required: ["type", "title", "status", "code", "request_id"],
  properties: {
    type: { type: "string", format: "uri" },
    title: { type: "string" },
    status: { type: "integer" },
    code: { type: "string", enum: Object.keys(refusals) },
    detail: { type: "string" },
    next: {
      type: "object",
      required: ["action"],
      properties: {
        action: { type: "string" },
        detail: { type: "string" },
        method: { type: "string" },
        url: { type: "string" },
      },
    },
    errors: {
      type: "array",
      items: { type: "object", properties: { path: { type: "string" }, message: { type: "string" } } },
    },
    request_id: { type: "string" },
  },
};

export function openApi(
  routes: readonly Route[],
  about: { readonly origin: string; readonly version: string },
): object {
  const paths: Record<string, Record<string, object>> = {};
  for (const row of routes) paths[row.path] = { ...paths[row.path], [row.method.toLowerCase()]: operation(row) };
  return {
    openapi: "3.1.0",
    info: { title: "Behalf", version: about.version, license: { name: "Apache-2.0", identifier: "Apache-2.0" } },
    servers: [{ url: about.origin }],
    security: [{ gatewayToken: [] }],
    paths,
    components: {
      schemas: { Problem: problem },
      securitySchemes: { gatewayToken: { type: "http", scheme: "bearer" } },
    },
  };
}

function schemaOf(type: z.ZodType, io: "input" | "output"): Record<string, unknown> {
  const { $schema: _, ...schema } = z.toJSONSchema(type, { io, unrepresentable: "any" });
  return schema;
}

function parametersOf(type: z.ZodType, place: "path" | "query"): object[] {
  const schema = schemaOf(type, "input") as { properties?: Record<string, object>; required?: string[] };
  return Object.entries(schema.properties ?? {}).map(([name, property]) => ({
    name,
    in: place,
    required: place === "path" || (schema.required ?? []).includes(name),
    schema: property,
  }));
}

const headerParameters = [
  {
    name: "Behalf-Project",
    in: "header",
    required: false,
    schema: { type: "string" },
    description: "Names the project of an instance token.",
  },
];
const idempotencyKey = {
  name: "Idempotency-Key",
  in: "header",
  required: false,
  schema: { type: "string", minLength: 1, maxLength: 255 },
  description: "The write is done once; the same key and body again get the recorded answer for 24 hours.",
};

/** `POST /v1/connections/{name}/accounts/{identifier}/link` → `postConnectionsNameAccountsIdentifierLink`. */
function operationIdOf({ method, path }: Route): string {
  const words = path.replace(/^\/v1/, "").split(/[^A-Za-z]+/);
  return method.toLowerCase() + words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join("");
}

function operation(row: Route): object {
  const body = schemaOf(row.body, "input") as { properties?: object };
  const hasBody = row.method !== "GET" && Object.keys(body.properties ?? {}).length > 0;
  return {
    operationId: operationIdOf(row),
    summary: row.summary,
    description: `Needs the scope \`${row.scope}\`.`,
    tags: [row.tag],
    parameters: [
      ...parametersOf(row.params, "path"),
      ...parametersOf(row.query, "query"),
      ...headerParameters,
      ...(row.method === "GET" ? [] : [idempotencyKey]),
    ],
    ...(hasBody
      ? {
          requestBody: { required: !row.body.safeParse({}).success, content: { "application/json": { schema: body } } },
        }
      : {}),
    responses: { ...successes(row), ...failures(row) },
  };
}

function successes(row: Route): Record<string, object> {
  const entries = Object.entries(row.answers).map(([status, type]) => {
    const content = type === null ? {} : { content: { "application/json": { schema: schemaOf(type, "output") } } };
    return [status, { description: status === "202" ? "Under way" : "Done", ...content }] as const;
  });
  return Object.fromEntries(entries);
}

function failures(row: Route): Record<string, object> {
  const byStatus = new Map<number, Set<RefusalCode>>();
  for (const code of [...commonRefusals, ...row.refusals]) {
    const { status } = refusals[code];
    byStatus.set(status, (byStatus.get(status) ?? new Set()).add(code));
  }
  const content = { "application/problem+json": { schema: { $ref: "#/components/schemas/Problem" } } };
  return Object.fromEntries(
    [...byStatus].map(([status, codes]) => [String(status), { description: [...codes].join(", "), content }]),
  );
}
