// Real sockets on loopback for the tests of upstream/: an upstream, a small gateway in front of it, a raw client.

import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import { createServer } from "node:http";
import type { AddressInfo, Server, Socket } from "node:net";
import { connect, createServer as createSocketServer } from "node:net";
import type { TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { Credential } from "../../src/crypto/credential.ts";
import { requestHeaders, responseHeaders } from "../../src/rules/headers.ts";
import { makeForward } from "../../src/upstream/forward.ts";
import type { ForwardAnswer, ForwardRequest } from "../../src/upstream/forward-types.ts";
import type { Allowed, Lookup } from "../../src/upstream/guard.ts";
import { makeGuard } from "../../src/upstream/guard.ts";
import { makeTransport } from "../../src/upstream/transport.ts";

export const loopback: Allowed = { hosts: [], ranges: [{ address: "127.0.0.0", prefix: 8 }] };

async function listening(server: Server, t: TestContext): Promise<number> {
  const sockets = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    sockets.add(socket.on("error", () => {}).on("close", () => sockets.delete(socket)));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return (server.address() as AddressInfo).port;
}

/** An HTTP server; answers with its origin. */
export async function serve(t: TestContext, listener: RequestListener): Promise<string> {
  const server = createServer({ requestTimeout: 0 }, listener);
  return `http://127.0.0.1:${await listening(server, t)}`;
}

/** A server that speaks raw bytes; answers with its origin. */
export async function serveRaw(t: TestContext, onSocket: (socket: Socket) => void): Promise<string> {
  return `http://127.0.0.1:${await listening(createSocketServer(onSocket), t)}`;
}

export function outbound(t: TestContext, allowed: Allowed = loopback, lookup?: Lookup) {
  const transport = makeTransport({ guard: makeGuard(allowed, lookup, 2000), version: "0.0.0-test" });
  t.after(() => transport.dispatcher.destroy());
  return transport;
}

export interface Seen {
  streamed: { bytes: number; complete: boolean } | undefined;
  failure: { reason: string; sent: boolean } | undefined;
}

interface GatewayOptions {
  readonly idleMs?: number;
  readonly timeoutMs?: number;
  readonly token?: string;
  /** Waits between head and body, as a door with work to do. */
  readonly pauseMs?: number;
}

/** A door as small as can be: forwards everything to `base`, and notes what became of it. */
export async function gateway(t: TestContext, base: string, options: GatewayOptions = {}) {
  const { dispatcher } = outbound(t);
  const forward = makeForward(dispatcher, { idleMs: options.idleMs ?? 60_000 });
  const seen: Seen[] = [];
  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const one: Seen = { streamed: undefined, failure: undefined };
    seen.push(one);
    const gone = new AbortController();
    response.on("close", () => gone.abort());
    const hasBody = "content-length" in request.headers || "transfer-encoding" in request.headers;
    const answer = await forward({
      base,
      method: request.method ?? "GET",
      target: request.url ?? "/",
      headers: requestHeaders(request.rawHeaders),
      body: hasBody ? request : null,
      credential: options.token === undefined ? null : new Credential(options.token),
      timeoutMs: options.timeoutMs ?? 5000,
      signal: gone.signal,
    });
    if (answer.kind === "failed") {
      one.failure = { reason: answer.reason, sent: answer.sent };
      if (!response.destroyed) response.writeHead(502).end(answer.reason);
      return;
    }
    if (options.pauseMs !== undefined) await sleep(options.pauseMs);
    one.streamed = await answer.stream(
      response,
      responseHeaders(answer.headers, (url) => url),
    );
  };
  const origin = await serve(t, (request, response) => void handle(request, response));
  return { origin, seen, dispatcher };
}

/** Sends bytes and collects bytes until the other side closes. */
export async function talk(origin: string, text: string): Promise<string> {
  const { port } = new URL(origin);
  const chunks: Buffer[] = [];
  await new Promise<void>((resolve) => {
    const socket = connect(Number(port), "127.0.0.1", () => socket.write(text, "latin1"));
    socket.on("data", (chunk: Buffer) => chunks.push(chunk));
    socket.on("error", () => {});
    socket.on("close", () => resolve());
  });
  return Buffer.concat(chunks).toString("latin1");
}

export function get(path: string, ...headers: readonly string[]): string {
  return `${[`GET ${path} HTTP/1.1`, "Host: gateway", "Connection: close", ...headers].join("\r\n")}\r\n\r\n`;
}

/** Waits until something is true, at most two seconds. */
export async function until(isTrue: () => boolean): Promise<void> {
  for (let tries = 0; tries < 200 && !isTrue(); tries += 1) await sleep(10);
  if (!isTrue()) throw new Error("It never became true");
}

export function ask(base: string, more: Partial<ForwardRequest> = {}): ForwardRequest {
  const plain = { method: "GET", target: "/", headers: [], body: null, credential: null, timeoutMs: 5000 };
  return { base, ...plain, signal: new AbortController().signal, ...more };
}

export function asAnswer(answer: Awaited<ReturnType<ReturnType<typeof makeForward>>>): ForwardAnswer {
  if (answer.kind === "failed") throw new Error(`failed: ${answer.reason}`, { cause: answer.cause });
  return answer;
}
