// The one listener: raw proxy doors first, everything else through the framework; drains on demand.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { getRequestListener, RequestError } from "@hono/node-server";
import { Hono } from "hono";
import type { House } from "../flows/house.ts";
import { admitStranger } from "../flows/steps/stranger.ts";
import { Refusal } from "../rules/refusal.ts";
import { addressOf } from "./address.ts";
import { accountEventRoutes } from "./api/account-events.ts";
import { accountRoutes } from "./api/accounts.ts";
import { auditRoutes } from "./api/audit.ts";
import { connectionRoutes } from "./api/connections.ts";
import { endpointRoutes } from "./api/endpoints.ts";
import { importRoutes } from "./api/import.ts";
import { mountApi } from "./api/mount.ts";
import { openApi } from "./api/openapi.ts";
import { projectRoutes } from "./api/projects.ts";
import { requestRoutes } from "./api/requests.ts";
import type { Route } from "./api/route.ts";
import { statsRoutes } from "./api/stats.ts";
import { tokenRoutes } from "./api/tokens.ts";
import { toolRoutes } from "./api/tools.ts";
import { answerBroken } from "./broken.ts";
import { mountOperations, type Operations } from "./machine/operations.ts";
import { mountConnect } from "./person/connect.ts";
import { mountDocs } from "./person/docs.ts";
import { mountFront } from "./person/front.ts";
import { newOccasion, type Occasion, problemAnswer, problemResponse, refusalOf } from "./problem.ts";
import { answer, doorOf, passThrough, strayName } from "./proxy/door.ts";

export const routes: readonly Route[] = [
  ...projectRoutes,
  ...tokenRoutes,
  ...connectionRoutes,
  ...accountRoutes,
  ...toolRoutes,
  ...endpointRoutes,
  ...importRoutes,
  ...accountEventRoutes,
  ...requestRoutes,
  ...statsRoutes,
  ...auditRoutes,
];

/** Idle time of a connection outside the proxy, and between the bytes of a request (design §10.17). */
const idleMs = 60_000;
const headersMs = 10_000;

export interface HttpOptions extends Operations {
  readonly version: string;
}

export function makeServer(house: House, options: HttpOptions): Server {
  const listener = getRequestListener(makeApp(house, options).fetch, {
    overrideGlobalObjects: false,
    // For HTTP/1.0 without Host; no URL is ever built from it.
    hostname: new URL(house.origin).host,
    errorHandler: (error) => {
      const occasion = newOccasion(house);
      return problemResponse(error instanceof RequestError ? badTarget(house) : refusalOf(error, occasion), occasion);
    },
  });
  const server = createServer({
    requestTimeout: 0,
    headersTimeout: headersMs,
    keepAliveTimeout: idleMs,
    connectionsCheckingInterval: 5_000,
    // Looked at below, so that the refusal says what is wrong.
    requireHostHeader: false,
  });
  server.on("request", (request, response) => {
    const occasion = newOccasion(house);
    // In the background, so that the end of the process waits for work whose caller has gone away already.
    house.background("request", async () => {
      try {
        await receive(house, { request, response, occasion }, listener);
      } catch (error) {
        answer(response, problemAnswer(refusalOf(error, occasion), occasion));
      }
    });
  });
  answerBroken(server, () => newOccasion(house));
  return server;
}

interface Received {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly occasion: Occasion;
}

type Listener = (request: IncomingMessage, response: ServerResponse) => Promise<unknown>;

async function receive(house: House, received: Received, listener: Listener): Promise<void> {
  const { request, response, occasion } = received;
  const url = request.url ?? "";
  // A request line without a version is HTTP/0.9, or a path that broke off at its line break: the rest came as headers (promise 12).
  if (request.httpVersionMajor < 1) return answer(response, problemAnswer(versionless(), occasion));
  if (!hasOneHost(request)) return answer(response, problemAnswer(badTarget(house), occasion));
  const door = doorOf(url);
  if (door !== undefined) {
    // The proxy keeps its own time: a call may wait for upstream longer than a connection may idle.
    request.socket.setTimeout(0);
    return passThrough(house, door, received);
  }
  const refusal = misdirected(house, request);
  if (refusal !== undefined) return answer(response, problemAnswer(refusal, occasion));
  if (personPath.test(url)) await admitStranger(house, addressOf(house, { incoming: request }));
  const home = homeUrl(house.origin, request);
  if (home !== undefined)
    return answer(response, { status: 308, headers: { location: home, "cache-control": "no-store" }, body: "" });
  const started = house.elapsed();
  response.once("close", () => {
    const surface = url.startsWith("/v1") ? "api" : "page";
    house.metrics.call({ surface, status: response.statusCode, seconds: (house.elapsed() - started) / 1000 });
  });
  // For the body only: a tool call may refresh, call and call again, and its answer must find somebody there.
  const hasBody = request.headers["content-length"] !== undefined || request.headers["transfer-encoding"] !== undefined;
  request.socket.setTimeout(hasBody ? idleMs : 0);
  request.once("end", () => request.socket.setTimeout(0));
  await listener(request, response);
}

function versionless(): Refusal {
  return new Refusal("invalid_request", {
    detail: "The request line names no version of HTTP.",
    next: { action: "fix_request", detail: "Look for a line break in the path." },
  });
}

/** RFC 9112 §3.2: exactly one, which only HTTP/1.0 may leave out. */
function hasOneHost({ rawHeaders, httpVersion }: IncomingMessage): boolean {
  let hosts = 0;
  for (let at = 0; at < rawHeaders.length; at += 2) {
    if (rawHeaders[at]?.length === 4 && rawHeaders[at]?.toLowerCase() === "host") hosts += 1;
  }
  return hosts === 1 || (hosts === 0 && httpVersion === "1.0");
}

function badTarget(house: House): Refusal {
  return new Refusal("invalid_request", {
    detail: "The path or the Host header is malformed.",
    next: { action: "fix_request", detail: `Send one Host header and a percent-encoded path to ${house.origin}.` },
  });
}

function misdirected(house: House, request: IncomingMessage): Refusal | undefined {
  const url = request.url ?? "";
  if (!url.startsWith("/") || url.startsWith("//")) {
    return new Refusal("invalid_request", {
      detail: "The request target has to be a path.",
      next: { action: "fix_request", detail: `Send requests to ${house.origin}.` },
    });
  }
  const isNaming = ["connection_name", "behalf-connection"].some((name) => request.headers[name] !== undefined);
  return isNaming ? strayName() : undefined;
}

const personPath = /^\/(?:$|\?|connect\/|oauth\/callback|errors|docs)/;

/** A person who came by another host name is sent to the one that cookies and redirect URIs know. */
function homeUrl(origin: string, request: IncomingMessage): string | undefined {
  const { method, url = "", headers } = request;
  if (method !== "GET" || !personPath.test(url)) return undefined;
  return headers.host === undefined || headers.host === new URL(origin).host ? undefined : origin + url;
}

function makeApp(house: House, options: HttpOptions): Hono {
  const { version } = options;
  const app = new Hono({ strict: true });
  app.route("/", mountOperations(options));
  const api = openApi(routes, { origin: house.origin, version });
  const document = JSON.stringify(api);
  app.get(
    "/openapi.json",
    () =>
      new Response(document, { headers: { "content-type": "application/json", "x-content-type-options": "nosniff" } }),
  );
  app.route("/", mountFront(house, version));
  app.route("/", mountDocs(house.origin, api));
  app.route("/", mountConnect(house));
  app.route("/", mountApi(house, routes));
  const nothing = {
    detail: "There is nothing at this path.",
    next: { action: "read_docs", method: "GET", url: `${house.origin}/openapi.json` },
  };
  app.notFound(() => problemResponse(new Refusal("not_found", nothing), newOccasion(house)));
  app.onError((error) => {
    const occasion = newOccasion(house);
    return problemResponse(refusalOf(error, occasion), occasion);
  });
  return app;
}
