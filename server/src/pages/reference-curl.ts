// A request one can paste: each operation as a call of curl, with values that fit its schemas. Pure.
import type { MediaObject, OperationObject, ParameterObject, SchemaObject } from "./reference-document.ts";

/** What stands in paths, so that one example goes on where another ended. */
const known: Readonly<Record<string, string>> = {
  name: "github",
  identifier: "user_gh_456",
  slug: "github",
  path: "user/repos",
  project: "$PROJECT",
};

export interface Call {
  readonly origin: string;
  readonly method: string;
  readonly path: string;
  readonly operation: OperationObject;
}

export function curlOf({ origin, method, path, operation }: Call): string {
  const verb = method.toUpperCase();
  const filled = path.replaceAll(/\{(\w+)\}/g, (_, name: string) => valueInPath(path, name));
  const flag = verb === "HEAD" ? " -I" : ["GET", "POST"].includes(verb) ? "" : ` -X ${verb}`;
  const body = operation.requestBody?.content["application/json"];
  const needsPost = verb === "POST" && body === undefined ? " -X POST" : "";
  const stream = Object.keys(operation.responses["200"]?.content ?? {}).includes("text/event-stream") ? " -N" : "";
  const lines = [
    `curl${stream}${flag}${needsPost} ${quoted(origin + filled + queryOf(operation))}`,
    ...bearerOf(operation),
    ...naming(operation),
    ...bodyLines(body),
  ];
  return lines.join(" \\\n  ");
}

function valueInPath(path: string, name: string): string {
  if (name === "name" && path.startsWith("/v1/tools")) return "github_issue_create";
  return known[name] ?? `$${name.toUpperCase()}`;
}

/** Double quotes where the shell has to fill something in. */
function quoted(text: string): string {
  return text.includes("$") || text.includes("&") || text.includes("?") ? `"${text}"` : text;
}

function queryOf({ parameters }: OperationObject): string {
  const needed = parameters.filter((one) => one.in === "query" && one.required);
  return needed.length === 0
    ? ""
    : `?${needed.map(({ name, schema }) => `${name}=${String(sample(schema))}`).join("&")}`;
}

function bearerOf({ security, tags }: OperationObject): string[] {
  if (security?.length === 0) return [];
  const name = security === undefined ? "TOKEN" : "BEHALF_METRICS_TOKEN";
  return [`-H "Authorization: Bearer $${tags.includes("Projects") ? "BEHALF_ADMIN_TOKEN" : name}"`];
}

/** The person, where headers name one. */
function naming({ parameters }: OperationObject): string[] {
  const has = (name: string): boolean => parameters.some((one: ParameterObject) => one.name === name);
  return has("connection_name") ? [`-H "connection_name: ${known["name"]}"`, '-H "identifier: user_gh_456"'] : [];
}

function bodyLines(media: MediaObject | undefined): string[] {
  if (media?.schema === undefined) return [];
  const text = JSON.stringify(media.example ?? sample(media.schema), null, 2).replaceAll("\n", "\n  ");
  return ["-H 'Content-Type: application/json'", `-d '${text.replaceAll("'", String.raw`'\''`)}'`];
}

/** Only what has to be there. */
function sample(schema: SchemaObject): unknown {
  if (schema.const !== undefined) return schema.const;
  if (schema.enum !== undefined) return schema.enum[0];
  if (schema.anyOf?.[0] !== undefined) return sample(schema.anyOf[0]);
  return samples[String(schema.type)]?.(schema) ?? "…";
}

const samples: Readonly<Record<string, (schema: SchemaObject) => unknown>> = {
  object({ properties = {}, required = [] }) {
    const needed = Object.entries(properties).filter(([name]) => required.includes(name));
    return Object.fromEntries(needed.map(([name, member]) => [name, known[name] ?? sample(member)]));
  },
  array: ({ items = {}, minItems = 0 }) => (minItems > 0 ? [sample(items)] : []),
  integer: ({ minimum }) => minimum ?? 1,
  number: ({ minimum }) => minimum ?? 1,
  boolean: () => true,
  string: ({ format }) => (format === "uri" ? "https://app.example.com" : "…"),
};
