// POST /graphql: viewer, repository and rateLimit; refusals inside the query are HTTP 200 with errors.
import { visible } from "../access.ts";
import type { Answer, Call, Route } from "../call.ts";
import { failure, json, jsonBody } from "../call.ts";
import { asRecord } from "../exchange.ts";
import { identityKey } from "../identity.ts";
import { nodeId } from "../shapes/account.ts";
import { fullName } from "../world.ts";
import type { Field } from "./graphql-parse.ts";
import { parseSelection } from "./graphql-parse.ts";

interface GraphError {
  type?: string;
  path?: string[];
  message: string;
}

function graphql(call: Call): Answer {
  // Anonymous GraphQL does not exist; the text is GitHub's.
  if (call.actor.kind !== "user")
    throw failure(
      401,
      "This endpoint requires you to be authenticated.",
      "https://docs.github.com/graphql/guides/forming-calls-with-graphql#authenticating-with-graphql",
    );
  const body = jsonBody(call);
  if (typeof body["query"] !== "string")
    return json(200, { errors: [{ message: "A query attribute must be specified and must be a string." }] });
  const fields = parseSelection(body["query"], asRecord(body["variables"]));
  if (fields === null) return json(200, { errors: [{ message: "Parse error on the query" }] });
  const errors: GraphError[] = [];
  const data: Record<string, unknown> = {};
  for (const field of fields) data[field.alias] = resolve(call, field, errors);
  const unknown = errors.some((error) => error.type === undefined);
  return json(200, { ...(unknown ? {} : { data }), ...(errors.length === 0 ? {} : { errors }) });
}

function resolve(call: Call, field: Field, errors: GraphError[]): unknown {
  const source = sourceOf(call, field, errors);
  if (source === null) return null;
  const picked: Record<string, unknown> = {};
  for (const inner of field.selection) {
    if (inner.name in source) picked[inner.alias] = source[inner.name];
    else errors.push({ message: `Field '${inner.name}' doesn't exist on type '${field.name}'` });
  }
  return picked;
}

function sourceOf(call: Call, field: Field, errors: GraphError[]): Record<string, unknown> | null {
  if (call.actor.kind !== "user") return null;
  const { user } = call.actor;
  if (field.name === "viewer") {
    return {
      login: user.login,
      databaseId: user.id,
      id: nodeId("User", user.id),
      name: user.name,
      url: `${call.world.origins.web}/${user.login}`,
    };
  }
  if (field.name === "rateLimit") {
    const { limit, remaining, used, reset } = call.world.rate.count(identityKey(call.actor), "graphql", 0);
    return { limit, remaining, used, cost: 1, resetAt: new Date(reset * 1000).toISOString() };
  }
  if (field.name === "repository") return repositorySource(call, field, errors);
  errors.push({ message: `Field '${field.name}' doesn't exist on type 'Query'` });
  return null;
}

function repositorySource(call: Call, field: Field, errors: GraphError[]): Record<string, unknown> | null {
  const owner = String(field.args["owner"]);
  const name = String(field.args["name"]);
  const repo = call.world.repository(owner, name);
  if (repo === undefined || !visible(call.world, call.actor, repo)) {
    errors.push({
      type: "NOT_FOUND",
      path: [field.alias],
      message: `Could not resolve to a Repository with the name '${owner}/${name}'.`,
    });
    return null;
  }
  return {
    id: nodeId("Repository", repo.id),
    databaseId: repo.id,
    name: repo.name,
    nameWithOwner: fullName(repo),
    isPrivate: repo.private,
    url: `${call.world.origins.web}/${fullName(repo)}`,
  };
}

export const graphqlRoutes: Route[] = [{ method: "POST", path: "/graphql", docs: "graphql", handle: graphql }];
