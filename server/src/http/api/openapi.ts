// The OpenAPI 3.1 document of `/v1`, made from the route table: what is not in the table is not in the API. Doors beside it are added.
import { z } from "zod";
import type {
  ApiDocument,
  MediaObject,
  OperationObject,
  ParameterObject,
  ResponseObject,
  SchemaObject,
} from "../../pages/reference-document.ts";
import { type RefusalCode, refusals } from "../../rules/refusal.ts";
import { doorPaths } from "./openapi-doors.ts";
import { examples } from "./openapi-examples.ts";
import { components, failures, headersNamed } from "./openapi-parts.ts";
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
  "rate_limited",
  "unavailable",
  "internal",
];

const tags: Readonly<Record<string, string>> = {
  Projects: "A project is a tenant's environment, live or test; everything else belongs to exactly one.",
  Tokens: "Gateway tokens are what callers present. A token is shown once and kept as a digest.",
  Connections: "How Behalf talks to one OAuth provider: preset, client, scopes, hosts, verification.",
  Accounts: "One person's grant under a connection, addressed by connection and identifier.",
  Tools: "Named operations with JSON Schemas, for agents.",
  Endpoints: "Proxy routes: a slug, an upstream, the account behind it, methods, headers and limits.",
  Requests: "The live log: one record for each proxied call and each tool call, kept 7 days, without bodies.",
  Audit: "Who did what for whom, in a chain of hashes that shows any edit.",
  Proxy: "Raw calls: Behalf puts the person's credential in, and streams both ways.",
  Operations: "What machines ask of the server. Nothing here tells of any project.",
};

export function openApi(
  routes: readonly Route[],
  about: { readonly origin: string; readonly version: string },
): ApiDocument {
  const paths: Record<string, Record<string, OperationObject>> = {};
  for (const row of routes) paths[row.path] = { ...paths[row.path], [row.method.toLowerCase()]: operation(row) };
  const all = { ...paths, ...doorPaths() };
  const used = new Set(Object.values(all).flatMap((methods) => Object.values(methods).flatMap((one) => one.tags)));
  return {
    openapi: "3.1.0",
    info: {
      title: "Behalf",
      version: about.version,
      summary: "Software agents use GitHub on people's behalf without ever holding their keys.",
      license: { name: "Apache-2.0", identifier: "Apache-2.0" },
    },
    servers: [{ url: about.origin }],
    security: [{ gatewayToken: [] }],
    tags: [...used].map((name) => ({ name, description: tags[name] ?? name })),
    paths: all,
    components,
  };
}

function schemaOf(type: z.ZodType, io: "input" | "output"): SchemaObject {
  const { $schema: _, ...schema } = z.toJSONSchema(type, { io, unrepresentable: "any" });
  return schema as SchemaObject;
}

function parametersOf(type: z.ZodType, place: "path" | "query"): ParameterObject[] {
  const { properties = {}, required = [] } = schemaOf(type, "input");
  return Object.entries(properties).map(([name, { description, ...schema }]) => ({
    name,
    in: place,
    required: place === "path" || required.includes(name),
    ...(description === undefined ? {} : { description }),
    schema,
  }));
}

const project: ParameterObject = {
  name: "Behalf-Project",
  in: "header",
  required: false,
  schema: { type: "string" },
  description: "Names the project of an instance token.",
};
const idempotencyKey: ParameterObject = {
  name: "Idempotency-Key",
  in: "header",
  required: false,
  schema: { type: "string", minLength: 1, maxLength: 255 },
  description: "The write is done once; the same key and body again get the recorded answer for 24 hours.",
};
const lastEventId: ParameterObject = {
  name: "Last-Event-ID",
  in: "header",
  required: false,
  schema: { type: "string" },
  description: "Where a client left off: the stream goes on behind that event.",
};

/** `POST /v1/connections/{name}/accounts/{identifier}/link` → `postConnectionsNameAccountsIdentifierLink`. */
function operationIdOf({ method, path }: Route): string {
  const words = path.replace(/^\/v1/, "").split(/[^A-Za-z]+/);
  return method.toLowerCase() + words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join("");
}

function operation(row: Route): OperationObject {
  const body = schemaOf(row.body, "input");
  const hasBody = row.method !== "GET" && Object.keys(body.properties ?? {}).length > 0;
  return {
    operationId: operationIdOf(row),
    summary: row.summary,
    description: `Needs the scope \`${row.scope}\`.`,
    tags: [row.tag],
    parameters: [
      ...parametersOf(row.params, "path"),
      ...parametersOf(row.query, "query"),
      project,
      ...(row.produces === "text/event-stream" ? [lastEventId] : []),
      ...(row.method === "GET" ? [] : [idempotencyKey]),
    ],
    ...(hasBody ? { requestBody: requestBody(row, body) } : {}),
    responses: { ...successes(row), ...refusalsOf(row) },
  };
}

function exampleOf({ method, path }: Route): { readonly body?: unknown; readonly answer?: unknown } {
  return examples[`${method} ${path}`] ?? {};
}

function requestBody(row: Route, schema: SchemaObject): NonNullable<OperationObject["requestBody"]> {
  const { body } = exampleOf(row);
  const media: MediaObject = { schema, ...(body === undefined ? {} : { example: body }) };
  return { required: !row.body.safeParse({}).success, content: { "application/json": media } };
}

const readHeaders = headersNamed({ "Behalf-Request-Id": "RequestId" });
const writeHeaders = { ...readHeaders, ...headersNamed({ "Idempotency-Replayed": "Replayed" }) };

function successes(row: Route): Record<string, ResponseObject> {
  const entries = Object.entries(row.answers);
  const shown = entries.find(([, type]) => type !== null)?.[0];
  return Object.fromEntries(
    entries.map(([status, type]) => {
      const answer: ResponseObject = {
        description: status === "202" ? "Under way" : "Done",
        headers: row.method === "GET" ? readHeaders : writeHeaders,
        ...(type === null ? {} : { content: contentOf(row, type, status === shown) }),
      };
      return [status, answer];
    }),
  );
}

/** OpenAPI 3.1 describes a stream as the text it is; what each event or line holds stands beside it. */
function contentOf(row: Route, type: z.ZodType, isShown: boolean): Record<string, MediaObject> {
  const schema = schemaOf(type, "output");
  if (row.produces !== undefined) {
    const each = schema.type === "string" ? {} : { "x-item-schema": schema };
    return { [row.produces]: { schema: { type: "string" }, ...each } };
  }
  const { answer } = exampleOf(row);
  return { "application/json": { schema, ...(isShown && answer !== undefined ? { example: answer } : {}) } };
}

function refusalsOf(row: Route): Record<string, ResponseObject> {
  const statusesOf = (code: RefusalCode): readonly number[] => [refusals[code].status];
  return failures([...commonRefusals, ...row.refusals], { shape: "Problem", marked: false, statusesOf });
}
