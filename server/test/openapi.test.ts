// The published document is OpenAPI 3.1, says everything the route table says, and comes out the same every time.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import metaSchema from "ajv/dist/refs/json-schema-2020-12/schema.json" with { type: "json" };
import { ZodObject, type ZodType } from "zod";
import { openApi } from "../src/http/api/openapi.ts";
import { examples } from "../src/http/api/openapi-examples.ts";
import { routes } from "../src/http/server.ts";
import { scopes } from "../src/rules/policy.ts";
import { type RefusalCode, refusals } from "../src/rules/refusal.ts";
import { openHouse } from "./support/house.ts";

type Json = Record<string, unknown>;

const about = { origin: "https://behalf.example", version: "1.2.3" };
const document = openApi(routes, about) as unknown as Json;
const paths = document["paths"] as Record<string, Record<string, Json>>;
const operations = Object.entries(paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
);

/** Those of the route table; the others are the doors beside it. */
const ofRoutes = operations.filter(({ path }) => path.startsWith("/v1/"));
const doors = operations.filter(({ path }) => !path.startsWith("/v1/"));

/** What the parser of the route itself knows. */
function membersOf(type: ZodType): string[] {
  assert.equal(type instanceof ZodObject, true, "a body and a query are objects");
  return Object.keys((type as ZodObject).shape);
}

function operationOf(row: { readonly path: string; readonly method: string }): Json {
  const operation = paths[row.path]?.[row.method.toLowerCase()];
  assert.notEqual(operation, undefined, `${row.method} ${row.path} is not in the document`);
  return operation ?? {};
}

/** Every object in it, with the way to it. */
function objectsIn(value: unknown, at = "#"): [string, Json][] {
  if (typeof value !== "object" || value === null) return [];
  const below = Object.entries(value).flatMap(([name, member]) => objectsIn(member, `${at}/${name}`));
  return Array.isArray(value) ? below : [[at, value as Json], ...below];
}

function assertOnly(value: object, allowed: readonly string[], where: string): void {
  assert.deepEqual(
    Object.keys(value).filter((name) => !allowed.includes(name) && !name.startsWith("x-")),
    [],
    where,
  );
}

test("the frame is that of OpenAPI 3.1", () => {
  assertOnly(
    document,
    [
      "openapi",
      "info",
      "jsonSchemaDialect",
      "servers",
      "paths",
      "webhooks",
      "components",
      "security",
      "tags",
      "externalDocs",
    ],
    "#",
  );
  assert.match(String(document["openapi"]), /^3\.1\.\d+$/);
  const info = document["info"] as Json;
  assertOnly(info, ["title", "summary", "description", "termsOfService", "contact", "license", "version"], "#/info");
  assert.deepEqual([typeof info["title"], info["version"]], ["string", "1.2.3"]);
  const license = info["license"] as Json;
  // `identifier` and `url` exclude each other.
  assert.equal(license["identifier"] !== undefined && license["url"] !== undefined, false);
  const tags = document["tags"] as { name: string; description: string }[];
  for (const { name, description } of tags) assert.notEqual(name, description, `${name} is not described`);
  const used = new Set(operations.flatMap(({ operation }) => operation["tags"] as string[]));
  assert.deepEqual([...used].toSorted(), tags.map(({ name }) => name).toSorted());
  assert.deepEqual(document["servers"], [{ url: about.origin }]);
  const { securitySchemes } = document["components"] as { securitySchemes: Json };
  for (const needed of document["security"] as Json[])
    for (const name of Object.keys(needed)) assert.equal(name in securitySchemes, true, name);
  for (const path of Object.keys(paths)) assert.match(path, /^(\/[a-z0-9-]+(\.[a-z]+)?|\/\{[a-z_]+\})+$/, path);
});

const streams = ["text/event-stream", "application/jsonl", "text/csv"];

function assertContents(response: Json, isOfRoute: boolean, where: string): void {
  const allowed = /[23]\d\d$/.test(where) ? ["application/json", ...streams] : ["application/problem+json"];
  for (const [type, content] of Object.entries((response["content"] ?? {}) as Record<string, Json>)) {
    if (isOfRoute) assert.equal(allowed.includes(type), true, `${where} ${type}`);
    assertOnly(content, ["schema", "example", "examples", "encoding"], where);
  }
}

test("every operation has what an operation has, and an id of its own", () => {
  for (const { path, method, operation } of operations) {
    const where = `${method} ${path}`;
    assert.equal(["get", "head", "post", "put", "patch", "delete", "options"].includes(method), true, where);
    assertOnly(
      operation,
      [
        "tags",
        "summary",
        "description",
        "operationId",
        "parameters",
        "requestBody",
        "responses",
        "deprecated",
        "security",
      ],
      where,
    );
    assert.match(String(operation["operationId"]), /^[a-z][A-Za-z]+$/, where);
    assert.equal(String(operation["summary"]).length > 5, true, where);
    for (const [status, response] of Object.entries(operation["responses"] as Record<string, Json>)) {
      assert.match(status, path.startsWith("/v1/") ? /^[2-5]\d\d$/ : /^([2-5]\d\d|default)$/, where);
      assertOnly(response, ["description", "headers", "content", "links"], `${where} ${status}`);
      assert.equal(typeof response["description"], "string");
      assertContents(response, path.startsWith("/v1/"), `${where} ${status}`);
    }
  }
  const ids = operations.map(({ operation }) => operation["operationId"]);
  assert.equal(new Set(ids).size, ids.length, ids.join(" "));
});

test("parameters: those of the path are exactly its braces, names are unique, each has a schema", () => {
  for (const { path, method, operation } of operations) {
    const where = `${method} ${path}`;
    const parameters = operation["parameters"] as { name: string; in: string; required: boolean; schema: Json }[];
    for (const one of parameters) {
      assertOnly(one, ["name", "in", "required", "schema", "description", "deprecated", "style", "explode"], where);
      assert.equal(["path", "query", "header"].includes(one.in), true, where);
      assert.equal(one.in === "path" ? one.required : typeof one.required === "boolean", true, where);
      assert.equal(typeof one.schema, "object", where);
    }
    const names = parameters.map((one) => `${one.in} ${one.name.toLowerCase()}`);
    assert.equal(new Set(names).size, names.length, where);
    const braces = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
    assert.deepEqual(
      parameters.filter((one) => one.in === "path").map((one) => one.name),
      braces,
      where,
    );
  }
});

test("every reference leads somewhere, and every schema is one of JSON Schema 2020-12 that compiles", () => {
  const schemas: [string, Json][] = [];
  for (const [at, value] of objectsIn(document)) {
    const reference = value["$ref"];
    if (typeof reference === "string") {
      assert.equal(reference.startsWith("#/"), true, `${at}: ${reference}`);
      const found = reference
        .slice(2)
        .split("/")
        .reduce<unknown>((left, name) => (left as Json | undefined)?.[name], document);
      assert.equal(typeof found, "object", `${at}: ${reference} leads nowhere`);
    }
    // A path's own name may be `schema` too; only what stands at a content, a parameter or the components is one.
    if (typeof value["schema"] === "object") schemas.push([at, value["schema"] as Json]);
  }
  schemas.push(...Object.entries((document["components"] as { schemas: Record<string, Json> }).schemas));
  assert.equal(schemas.length > 100, true);
  const ajv = new Ajv2020({
    strict: true,
    strictTypes: false,
    allowUnionTypes: true,
    formats: { uri: true, "date-time": true },
  });
  const meta = new Ajv2020({ strict: false }).compile({ $ref: metaSchema.$id });
  ajv.addSchema(document, "https://behalf.example/openapi.json").addKeyword("openapi").addKeyword("info");
  for (const [at, schema] of schemas) {
    if ("$ref" in schema) continue;
    assert.equal(meta(schema), true, at);
    ajv.compile(schema);
  }
});

test("every route is there with its scope, answers and refusals, and nothing else is", () => {
  assert.equal(ofRoutes.length, routes.length);
  for (const row of routes) {
    const where = `${row.method} ${row.path}`;
    const operation = operationOf(row);
    const responses = operation["responses"] as Record<string, { description: string; content?: Json }>;
    assert.equal(operation["summary"], row.summary);
    assert.match(String(operation["description"]), new RegExp(`\`${row.scope}\``), where);
    assert.equal(scopes.includes(row.scope), true, where);
    for (const [status, type] of Object.entries(row.answers))
      assert.equal(responses[status]?.content !== undefined, type !== null, `${where} ${status}`);
    const everywhere: RefusalCode[] = [
      "unauthenticated",
      "token_expired",
      "scope_missing",
      "invalid_request",
      "invalid_input",
      "not_found",
      "method_not_allowed",
      "internal",
      "unavailable",
    ];
    for (const code of [...row.refusals, ...everywhere]) {
      const told = responses[refusals[code].status]?.description.split(", ") ?? [];
      assert.equal(told.includes(code), true, `${where} does not say ${code}`);
    }
    const named = Object.entries(responses).filter(([status]) => Number(status) >= 400);
    for (const [status, { description }] of named)
      for (const code of description.split(", "))
        assert.equal(refusals[code as RefusalCode].status, Number(status), `${where} ${code}`);
  }
});

test("bodies and queries are described where they are taken, closed against other members, and only there", () => {
  for (const row of routes) {
    const where = `${row.method} ${row.path}`;
    const operation = operationOf(row);
    const body = operation["requestBody"] as
      | { required: boolean; content: Record<string, { schema: Json }> }
      | undefined;
    assert.equal(body !== undefined, row.method !== "GET" && membersOf(row.body).length > 0, where);
    const parameters = operation["parameters"] as { name: string; in: string }[];
    const query = parameters.filter((one) => one.in === "query").map((one) => one.name);
    assert.deepEqual(query.toSorted(), membersOf(row.query).toSorted(), where);
    assert.equal(
      parameters.some((one) => one.name === "Idempotency-Key"),
      row.method !== "GET",
      where,
    );
    if (body === undefined) continue;
    assert.deepEqual(Object.keys(body.content), ["application/json"], where);
    const schema = body.content["application/json"]?.schema ?? {};
    assert.equal(schema["additionalProperties"], false, where);
    // A body that may be left out must not be called required.
    assert.equal(body.required, !row.body.safeParse({}).success, `${where}: is the body required?`);
  }
});

/** Strict about formats, as a client's validator may be. */
function checkerOf(schema: object): ValidateFunction {
  const ajv = new Ajv2020({ strict: false, formats: { uri: true, "date-time": true } });
  return ajv.compile(schema);
}

test("streams have the content type they are sent with, and say what each event is; nothing else streams", () => {
  for (const row of routes) {
    const where = `${row.method} ${row.path}`;
    const { content } =
      (operationOf(row)["responses"] as Record<string, { content?: Record<string, Json> }>)["200"] ?? {};
    const types = Object.keys(content ?? {});
    if (row.produces === undefined) {
      assert.equal(types.length === 0 || types[0] === "application/json", true, where);
      continue;
    }
    assert.deepEqual(types, [row.produces], where);
    const media = content?.[row.produces] ?? {};
    assert.deepEqual(media["schema"], { type: "string" }, where);
    // Events are JSON of a shape; lines of an export may be text.
    if (row.produces === "text/event-stream") assert.equal((media["x-item-schema"] as Json)["type"], "object", where);
    const parameters = operationOf(row)["parameters"] as { name: string }[];
    assert.equal(
      parameters.some(({ name }) => name === "Last-Event-ID"),
      row.produces === "text/event-stream",
      where,
    );
  }
});

type Shown = { readonly schema: object; readonly example?: unknown };

function jsonOf(content: unknown): Shown | undefined {
  return (content as { readonly content?: Record<string, Shown> } | undefined)?.content?.["application/json"];
}

function assertShown(media: Shown | undefined, example: unknown, where: string): void {
  assert.deepEqual(media?.example, example, where);
  if (media === undefined || example === undefined) return;
  const check = checkerOf(media.schema);
  assert.equal(check(example), true, `${where}: ${JSON.stringify(check.errors)}`);
}

test("every example belongs to a route, which takes it, and fits the schema it stands beside", () => {
  for (const [key, { body, answer }] of Object.entries(examples)) {
    const row = routes.find(({ method, path }) => `${method} ${path}` === key);
    assert.notEqual(row, undefined, `there is no route ${key}`);
    if (row === undefined) continue;
    assertShown(jsonOf(operationOf(row)["requestBody"]), body, key);
    if (body !== undefined)
      assert.equal(row.body.safeParse(body).success, true, `${key}: the route refuses its example`);
    const answers = Object.values(operationOf(row)["responses"] as Record<string, unknown>).map(jsonOf);
    assertShown(
      answers.find((one) => one?.example !== undefined),
      answer,
      key,
    );
  }
});

test("the raw doors and what machines ask are described too, with the failure table of endpoints", () => {
  const described = [...new Set(doors.map(({ path }) => path))];
  assert.deepEqual(described, [
    "/api/{project}/proxy/{slug}/{path}",
    "/proxy/{path}",
    "/api/v3/{path}",
    "/api/graphql",
    "/healthz",
    "/readyz",
    "/metrics",
  ]);
  const codesOf = (path: string, method: string, status: number): string[] => {
    const responses = paths[path]?.[method]?.["responses"] as Record<string, { description: string }>;
    return responses[status]?.description.split(", ") ?? [];
  };
  const wanted: readonly (readonly [number, RefusalCode])[] = [
    [401, "unauthenticated"],
    [403, "scope_missing"],
    [404, "not_found"],
    [404, "endpoint_paused"],
    [405, "method_not_allowed"],
    [429, "rate_limited"],
    [502, "account_expired"],
    [502, "account_revoked"],
    [502, "connection_misconfigured"],
    [504, "upstream_timeout"],
  ];
  for (const method of ["get", "head", "post", "put", "patch", "delete", "options"])
    for (const [status, code] of wanted)
      assert.equal(
        codesOf("/api/{project}/proxy/{slug}/{path}", method, status).includes(code),
        true,
        `${method} ${status} ${code}`,
      );
  // Clients of the other doors repeat a 5xx: an account that cannot be used is 403 there.
  assert.equal(codesOf("/proxy/{path}", "get", 403).includes("account_expired"), true);
  assert.equal(codesOf("/proxy/{path}", "get", 502).includes("account_expired"), false);
});

test("it comes out the same every time, and is what the server serves", async () => {
  assert.deepEqual(openApi(routes, about), document);
  assert.equal(JSON.stringify(openApi(routes, about)), JSON.stringify(document));
  const house = await openHouse();
  try {
    const served = await house.call("GET", "/openapi.json", { token: "none" });
    assert.equal(served.status, 200);
    assert.match(served.headers.get("content-type") ?? "", /^application\/json/);
    assert.deepEqual(served.json.paths, document["paths"]);
    assert.deepEqual(served.json.servers, [{ url: house.origin }]);
  } finally {
    await house.close();
  }
});
