// Real sockets on 127.0.0.1: reads a request, records it, lets faults interfere, writes the reply.

import type { IncomingMessage, Server, ServerResponse } from "node:http";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { Ask, Reply } from "./exchange.ts";
import type { FaultBook } from "./faults.ts";
import { delay, sendSpoiled, substitute } from "./faults.ts";
import type { Fault, OriginName, RecordedCall } from "./types.ts";

const KEEP_BYTES = 16 * 1024 * 1024;

export interface Line {
  origin: OriginName;
  handle(ask: Ask): Reply | Promise<Reply>;
  /** Who the log says this is. */
  describe(headers: Record<string, string>): Pick<RecordedCall, "tokenKind" | "token" | "login">;
}

interface Room {
  calls: RecordedCall[];
  faults: FaultBook;
  now(): number;
  closing: AbortSignal;
}

export async function listen(line: Line, room: Room): Promise<{ server: Server; origin: string }> {
  const server = createServer({ requestTimeout: 0, keepAliveTimeout: 65_000 }, (incoming, out) => {
    serve(line, room, incoming, out).catch((error: unknown) => {
      // A failure of the fake must not look like a failure GitHub could have.
      if (out.headersSent || out.destroyed) out.destroy();
      else
        out
          .writeHead(599, { "content-type": "text/plain" })
          .end(`fake-github broke: ${String(error)}\n${error instanceof Error ? error.stack : ""}`);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return { server, origin: `http://127.0.0.1:${port}` };
}

async function serve(line: Line, room: Room, incoming: IncomingMessage, out: ServerResponse): Promise<void> {
  const call = open(line, room, incoming);
  const head = askOf(line, incoming, call, Buffer.alloc(0));
  const fault = room.faults.take(head);
  if (fault?.kind === "reset-before") return reset(incoming);
  const body = await readBody(incoming, call);
  if (body === null) return;
  const ask: Ask = { ...head, body, bodyBytes: call.bodyBytes };
  if (fault !== null) await delay(fault, "before", room.closing);
  const instead = fault === null ? null : substitute(fault, room.now());
  const answer = instead ?? (await line.handle(ask));
  if (fault?.kind === "reset-after") return reset(incoming);
  if (fault !== null) await delay(fault, "after", room.closing);
  if (out.destroyed || room.closing.aborted) return;
  call.status = answer.status;
  await send(ask, answer, fault, out);
}

function open(line: Line, room: Room, incoming: IncomingMessage): RecordedCall {
  const headers = flatHeaders(incoming);
  const call: RecordedCall = {
    at: room.now(),
    origin: line.origin,
    method: incoming.method ?? "GET",
    path: incoming.url ?? "/",
    ...line.describe(headers),
    headers,
    rawHeaders: [...incoming.rawHeaders],
    body: "",
    bodyBytes: 0,
    status: null,
  };
  room.calls.push(call);
  return call;
}

function flatHeaders(incoming: IncomingMessage): Record<string, string> {
  const flat: Record<string, string> = {};
  for (const [name, values] of Object.entries(incoming.headersDistinct)) flat[name] = (values ?? []).join(", ");
  return flat;
}

function askOf(line: Line, incoming: IncomingMessage, call: RecordedCall, body: Buffer): Ask {
  const url = incoming.url ?? "/";
  const mark = url.indexOf("?");
  return {
    origin: line.origin,
    method: call.method,
    url,
    path: mark === -1 ? url : url.slice(0, mark),
    query: new URLSearchParams(mark === -1 ? "" : url.slice(mark + 1)),
    headers: call.headers,
    body,
    bodyBytes: 0,
  };
}

/** null when the client went away before its body was complete: GitHub processes no half request. */
async function readBody(incoming: IncomingMessage, call: RecordedCall): Promise<Buffer | null> {
  const kept: Buffer[] = [];
  let keptBytes = 0;
  try {
    for await (const chunk of incoming as AsyncIterable<Buffer>) {
      call.bodyBytes += chunk.length;
      const room = KEEP_BYTES - keptBytes;
      if (room <= 0) continue;
      kept.push(chunk.subarray(0, room));
      keptBytes += Math.min(room, chunk.length);
    }
  } catch {
    return null;
  }
  const body = Buffer.concat(kept);
  call.body = body.toString("utf8");
  return body;
}

function reset(incoming: IncomingMessage): void {
  incoming.socket.resetAndDestroy();
}

async function send(ask: Ask, answer: Reply, fault: Fault | null, out: ServerResponse): Promise<void> {
  const headers = answer.headers.flat();
  const bodiless = answer.status === 204 || answer.status === 304;
  if (!bodiless) headers.push("Content-Length", String(answer.body.length));
  out.writeHead(answer.status, headers);
  if (ask.method === "HEAD" || bodiless) {
    out.end();
    return;
  }
  if (fault?.kind === "slow-body" || fault?.kind === "truncate") await sendSpoiled(fault, out, answer.body);
  else out.end(answer.body);
}
