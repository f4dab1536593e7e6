// The api.github.com and uploads.github.com origins: admission, routing, and the headers GitHub puts on every answer.
import { serveApplications } from "./applications.ts";
import type { Answer, Call, Route } from "./call.ts";
import { Failure, failure } from "./call.ts";
import type { Ask, Reply } from "./exchange.ts";
import { reply } from "./exchange.ts";
import { finish } from "./finish.ts";
import { actorOf } from "./identity.ts";
import { mediaOf } from "./media.ts";
import type { Actor } from "./model.ts";
import { findRoute } from "./router.ts";
import { selectedVersion } from "./versions.ts";
import type { World } from "./world.ts";

const NO_ROUTE: Route = { method: "GET", path: "/", docs: "", handle: () => ({ status: 404 }) };

/** user-agent-required: the text GitHub answers with, as HTML. */
const NO_USER_AGENT =
  "\r\nRequest forbidden by administrative rules. Please make sure your request has a User-Agent header (https://docs.github.com/en/rest/overview/resources-in-the-rest-api#user-agent-required). Check https://developer.github.com for other possible causes.\r\n";

export function serveApi(world: World, routes: Route[], ask: Ask): Reply {
  if ((ask.headers["user-agent"] ?? "") === "") {
    return reply(403, { "Cache-Control": "no-cache", "Content-Type": "text/html; charset=utf-8" }, NO_USER_AGENT);
  }
  if (ask.method === "OPTIONS") return preflight();
  if (ask.path.startsWith("/applications/")) return serveApplications(world, ask);
  const method = ask.method === "HEAD" ? "GET" : ask.method;
  const call: Call = {
    world,
    ask,
    actor: { kind: "anonymous" },
    route: NO_ROUTE,
    method,
    params: {},
    query: ask.query,
    media: { param: null, header: "github.v3; format=json" },
    version: selectedVersion(world, ask) ?? "2022-11-28",
    linkPath: ask.path,
    now: world.clock.now(),
  };
  return finish(call, answer(call, routes));
}

function answer(call: Call, routes: Route[]): Answer {
  try {
    call.actor = admit(call.world, call.ask);
    checkVersion(call);
    call.media = mediaOf(call.ask.headers["accept"]);
    const found = findRoute(call.world, routes, call.method, call.ask.path);
    if (found === null) throw failure(404, "Not Found");
    call.route = found.route;
    call.params = found.params;
    call.linkPath = found.linkPath;
    return call.route.handle(call);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    return { status: error.status, json: error.body, headers: error.headers };
  }
}

function admit(world: World, ask: Ask): Actor {
  const actor = actorOf(world, ask.headers["authorization"]);
  if (actor === null) throw failure(401, "Bad credentials");
  return actor;
}

/** api-versions: 400 for an unknown version, 410 for a retired one. */
function checkVersion(call: Call): void {
  const asked = call.ask.headers["x-github-api-version"];
  if (asked === undefined || selectedVersion(call.world, call.ask) !== null) return;
  const docs = "https://docs.github.com/rest/about-the-rest-api/api-versions";
  if (call.world.options.retiredApiVersions?.includes(asked) === true) {
    throw failure(410, `The API version '${asked}' is no longer supported.`, docs);
  }
  throw failure(400, `'${asked}' is not a supported version. Supported versions: 2022-11-28, 2026-03-10.`, docs);
}

function preflight(): Reply {
  return reply(204, {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "GET, POST, PATCH, PUT, DELETE",
    "Access-Control-Allow-Headers":
      "Authorization, Content-Type, If-Match, If-Modified-Since, If-None-Match, If-Unmodified-Since, X-GitHub-OTP, X-Requested-With, User-Agent, GraphQL-Features, X-GitHub-Api-Version",
    "Access-Control-Max-Age": "86400",
  });
}
