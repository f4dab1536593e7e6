// The raw doors: `/proxy/…`, `/api/v3/…`, `/api/graphql` and `/api/{project}/proxy/{slug}/…`, on Node's own request and response, beside the framework.
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Readable } from "node:stream";
import { authenticate } from "../../flows/authenticate.ts";
import { callEndpoint } from "../../flows/call-endpoint.ts";
import { type Door, forwardCall } from "../../flows/forward-call.ts";
import type { House } from "../../flows/house.ts";
import type { Naming } from "../../flows/steps/resolve-account.ts";
import { endpointMethods } from "../../rules/endpoint.ts";
import { mayUse, type Principal } from "../../rules/policy.ts";
import { proxyStatus } from "../../rules/proxy-status.ts";
import { Refusal } from "../../rules/refusal.ts";
import { traceIdOf } from "../../rules/trace.ts";
import { addressOf } from "../address.ts";
import { type Occasion, proxyAnswer, refusalOf } from "../problem.ts";

/** Bodies up to this are read first, so that a call can be repeated after a 401 that a new credential cures (design §10.2). */
const keptBodyMax = 64 * 1024;
const bodyIdleMs = 60_000;

/** What a raw URL stands before. */
export type RawDoor =
  | { readonly surface: "proxy" | "github"; readonly door: Door }
  | { readonly surface: "endpoint"; readonly project: string; readonly slug: string; readonly prefix: string };

const doors = [
  { surface: "proxy", door: { prefix: "/proxy" } },
  { surface: "github", door: { prefix: "/api/v3" } },
  { surface: "github", door: { prefix: "/api/graphql" } },
] as const;

/** The door a raw URL stands before: matched on the bytes of the wire, before anything is normalised. */
export function doorOf(url: string): RawDoor | undefined {
  const door = doors.find(
    ({ door: { prefix } }) => url.startsWith(prefix) && ["", "/", "?"].includes(url.charAt(prefix.length)),
  );
  return door ?? (url.startsWith("/api/") ? endpointDoor(url) : undefined);
}

function endpointDoor(url: string): RawDoor | undefined {
  const [prefix, project = "", slug = ""] = /^\/api\/([^/?]+)\/proxy(?:\/([^/?]*)|(?=\?|$))/.exec(url) ?? [];
  return prefix === undefined ? undefined : { surface: "endpoint", project, slug, prefix };
}

export interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly occasion: Occasion;
}

export async function passThrough(house: House, door: RawDoor, exchange: Exchange): Promise<void> {
  const { request, response, occasion } = exchange;
  const gone = new AbortController();
  response.once("close", () => {
    // With a reason: making an AbortError for each costs more than the rest of the door.
    if (!response.writableFinished) gone.abort("gone");
  });
  const started = house.elapsed();
  let isCounted = false;
  try {
    const entered = await enter(house, door, { exchange, signal: gone.signal });
    // From here on the flow counts and records the call, whatever comes of it.
    isCounted = true;
    await entered();
  } catch (error) {
    if (!isCounted) countTurnedAway(house, door, { error, seconds: (house.elapsed() - started) / 1000 });
    if (gone.signal.aborted) return;
    answer(response, proxyAnswer(refusalOf(error, occasion), occasion, door.surface));
    // What the caller still sends is read and dropped, so that it gets to read our answer.
    request.resume();
  }
}

interface TurnedAway {
  readonly error: unknown;
  readonly seconds: number;
}

function countTurnedAway({ metrics }: House, { surface }: RawDoor, { error, seconds }: TurnedAway): void {
  const isOurs = error instanceof Refusal;
  metrics.refusal(isOurs ? error.code : "internal");
  metrics.call({ surface, status: isOurs ? proxyStatus(error, surface).status : 500, seconds });
}

/** Lets a call in by its token; what it answers carries the call on. */
async function enter(
  house: House,
  door: RawDoor,
  { exchange, signal }: { readonly exchange: Exchange; readonly signal: AbortSignal },
): Promise<() => Promise<void>> {
  const { request, response, occasion } = exchange;
  const { headers } = request;
  if (door.surface !== "proxy" && headers["connection_name"] !== undefined) throw strayName();
  const project = door.surface === "endpoint" ? door.project : single(headers["behalf-project"]);
  const address = addressOf(house, { incoming: request });
  const principal = await authenticate(house, { authorization: headers.authorization, project, address });
  demandScope(principal);
  const method = allowedMethod(request);
  const target = (request.url ?? "").slice((door.surface === "endpoint" ? door : door.door).prefix.length);
  const common = {
    facts: {
      requestId: occasion.requestId,
      traceId: traceIdOf(single(headers["traceparent"])),
      address,
    },
    method,
    target: target.startsWith("/") ? target : `/${target}`,
    headers: request.rawHeaders,
    body: await bodyOf(request),
    signal,
  };
  if (door.surface === "endpoint") {
    const call = { ...common, slug: door.slug, prefix: door.prefix, bare: !target.startsWith("/") };
    return async () => callEndpoint(house, principal, { call, response });
  }
  const call = { ...common, door: door.door, naming: namingOf(request) };
  return async () => forwardCall(house, principal, { call, response });
}

function demandScope(principal: Principal): void {
  const verdict = mayUse(principal, "proxy");
  if (verdict.kind === "allow") return;
  throw new Refusal(verdict.code, {
    detail: verdict.detail,
    next: { action: "use_other_token", detail: 'Use a token with the scope "proxy".' },
  });
}

function allowedMethod({ method = "GET" }: IncomingMessage): string {
  if (method !== "TRACE" && method !== "CONNECT") return method;
  throw new Refusal("method_not_allowed", {
    allow: endpointMethods,
    next: { action: "fix_request", detail: `Use one of ${endpointMethods.join(", ")}.` },
  });
}

/** Clients that normalise paths turn `/proxy/../v1/…` into a call of another door with a proxy call's bearer (promise 12). */
export function strayName(): Refusal {
  return new Refusal("invalid_request", {
    detail: "A header that names a connection belongs to calls of /proxy only.",
    next: { action: "fix_request", detail: "Check the path: it may have been shortened by `..` on its way here." },
  });
}

function single(value: string | readonly string[] | undefined): string | undefined {
  return typeof value === "string" ? value : value?.[0];
}

/** `connection_name` and `identifier` raw (Scalekit), or `Behalf-Connection` and `Behalf-Identifier` percent-encoded (design §10.19). */
function namingOf(request: IncomingMessage): Naming {
  const { headers } = request;
  const encoded = single(headers["behalf-identifier"]);
  // Node hands header bytes over as latin1; callers send UTF-8.
  const raw = single(headers["identifier"]);
  return {
    connection: single(headers["behalf-connection"]) ?? single(headers["connection_name"]),
    identifier: encoded === undefined ? (raw === undefined ? undefined : utf8(raw)) : decoded(encoded),
  };
}

function utf8(latin1: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(Buffer.from(latin1, "latin1"));
  } catch {
    return latin1;
  }
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new Refusal("invalid_request", {
      detail: "Behalf-Identifier is not well percent-encoded.",
      next: { action: "fix_request", detail: "Percent-encode the identifier once, as UTF-8." },
    });
  }
}

async function bodyOf(request: IncomingMessage): Promise<Readable | Uint8Array | null> {
  const length = request.headers["content-length"];
  if (length === undefined) return request.headers["transfer-encoding"] === undefined ? null : request;
  if (Number(length) > keptBodyMax) return request;
  // Read here, so timed here: the sender of a body that stalls must not hold a connection for ever (design §10.17).
  request.socket.setTimeout(bodyIdleMs);
  const chunks: Uint8Array[] = [];
  for await (const chunk of request as AsyncIterable<Uint8Array>) chunks.push(chunk);
  request.socket.setTimeout(0);
  return Buffer.concat(chunks);
}

export function answer(
  response: ServerResponse,
  wire: { readonly status: number; readonly headers: Readonly<Record<string, string>>; readonly body: string },
): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  response.writeHead(wire.status, { ...wire.headers, "content-length": String(Buffer.byteLength(wire.body)) });
  response.end(wire.body);
}
