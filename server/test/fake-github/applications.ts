// /applications/{client_id}/…: check, reset, revoke and narrow tokens with the client's own credentials (github-facts 3.4).

import type { Answer, Call } from "./call.ts";
import { Failure, failure } from "./call.ts";
import type { Ask, Reply } from "./exchange.ts";
import { asRecord, parseJson, pathSegments, reply } from "./exchange.ts";
import { finish } from "./finish.ts";
import { basicOf } from "./identity.ts";
import type { Client, Installation, Token } from "./model.ts";
import { narrow } from "./scoped.ts";
import { hashedToken, iso, simpleUser } from "./shapes/account.ts";
import { selectedVersion } from "./versions.ts";
import type { World } from "./world.ts";

const DOCS = "apps/oauth-applications";

export function serveApplications(world: World, ask: Ask): Reply {
  const [, , clientId = "", action = "", more] = pathSegments(ask.path) ?? [];
  if (world.client(clientId)?.tokenCheck === false) return reply(404, { "Content-Type": "text/plain" }, "Not Found");
  const route = { method: ask.method, path: ask.path, docs: DOCS, handle: (): Answer => ({ status: 404 }) };
  const call: Call = {
    world,
    ask,
    actor: { kind: "anonymous" },
    route,
    method: ask.method,
    params: {},
    query: ask.query,
    media: { param: null, header: "github.v3; format=json" },
    version: selectedVersion(world, ask) ?? "2022-11-28",
    linkPath: ask.path,
    now: world.clock.now(),
  };
  return finish(call, attempt(call, clientId, [ask.method, action, ...(more === undefined ? [] : [more])].join(" ")));
}

function attempt(call: Call, clientId: string, verb: string): Answer {
  try {
    const client = authenticate(call, clientId);
    call.actor = { kind: "client", client };
    return act(call, client, verb);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    return { status: error.status, json: error.body, headers: error.headers };
  }
}

/** 404 for a client that is not the one in the path, 401 for its wrong secret: neither tells which tokens exist. */
function authenticate(call: Call, clientId: string): Client {
  const basic = basicOf(call.ask.headers["authorization"]);
  const client = call.world.client(clientId);
  if (basic === null) throw failure(401, "Requires authentication", DOCS);
  if (client === undefined || basic.user !== clientId) throw failure(404, "Not Found", DOCS);
  if (basic.password !== client.clientSecret) throw failure(401, "Bad credentials");
  return client;
}

function act(call: Call, client: Client, verb: string): Answer {
  const { world } = call;
  if (!["POST token", "PATCH token", "DELETE token", "DELETE grant", "POST token scoped"].includes(verb))
    throw failure(404, "Not Found");
  const body = requestBody(call);
  const token = tokenIn(call, client, body);
  if (token === undefined) throw unknownToken(verb);
  switch (verb) {
    case "POST token":
      return { status: 200, json: authorizationJson(world, token) };
    case "PATCH token":
      token.dead = true;
      return { status: 200, json: authorizationJson(world, reissue(world, token)) };
    case "POST token scoped":
      return scoped(call, token, body);
    case "DELETE token":
      token.dead = true;
      return { status: 204 };
    default:
      world.tokens.revokeAll(token.user, client);
      return { status: 204 };
  }
}

function requestBody(call: Call): Record<string, unknown> {
  const text = call.ask.body.toString("utf8");
  const parsed = parseJson(text);
  if (text !== "" && parsed === undefined) throw failure(400, "Problems parsing JSON", DOCS);
  return asRecord(parsed);
}

function tokenIn(call: Call, client: Client, body: Record<string, unknown>): Token | undefined {
  const access = body["access_token"];
  if (typeof access !== "string" || access === "")
    throw failure(422, 'Invalid request.\n\n"access_token" wasn\'t supplied.', DOCS);
  const token = call.world.tokens.find(access);
  return token?.client === client ? token : undefined;
}

/** Documented: 404 for check and scoped; reset and both deletes list only 422 besides success. */
function unknownToken(verb: string): Failure {
  if (verb === "POST token" || verb === "POST token scoped") return failure(404, "Not Found", DOCS);
  return failure(422, "Validation Failed", DOCS);
}

function reissue(world: World, token: Token): Token {
  const { user, client, scopes, family, repositoryIds, permissions, fromDevice } = token;
  if (client === null) throw new Error("fake-github: only an app's token is reset");
  return world.tokens.issue({ user, client, scopes, family, repositoryIds, permissions, fromDevice });
}

function scoped(call: Call, token: Token, body: Record<string, unknown>): Answer {
  const narrowed = narrow(call.world, token, body);
  const made = call.world.tokens.narrowed(token, narrowed.repositoryIds, narrowed.permissions);
  const installation = scopedInstallation(call.world, narrowed.installation, made);
  return { status: 200, json: { ...authorizationJson(call.world, made), installation } };
}

function scopedInstallation(world: World, installation: Installation, token: Token): Record<string, unknown> {
  return {
    permissions: token.permissions ?? installation.permissions,
    repository_selection: token.repositoryIds === null && installation.repositories === "all" ? "all" : "selected",
    single_file_name: null,
    has_multiple_single_files: false,
    single_file_paths: [],
    repositories_url: `${world.origins.api}/user/repos`,
    account: simpleUser(world, installation.account),
  };
}

/** OpenAPI schema "authorization". */
function authorizationJson(world: World, token: Token): Record<string, unknown> {
  return {
    id: token.id,
    url: `${world.origins.api}/authorizations/${token.id}`,
    app: { name: token.client?.slug, url: world.origins.web, client_id: token.client?.clientId },
    token: token.access,
    hashed_token: hashedToken(token.access),
    token_last_eight: token.access.slice(-8),
    note: null,
    note_url: null,
    created_at: iso(token.createdAt),
    updated_at: iso(token.createdAt),
    scopes: token.scopes,
    fingerprint: null,
    expires_at: token.accessExpiresAt === null ? null : iso(token.accessExpiresAt),
    user: simpleUser(world, token.user),
  };
}
