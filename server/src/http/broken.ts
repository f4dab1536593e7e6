// What is no proper HTTP is refused in words too: Node's own answers have no body, and nobody would learn what to do.
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { Refusal } from "../rules/refusal.ts";
import { type Occasion, problemAnswer, problemOf, type WireAnswer } from "./problem.ts";

interface Broken {
  readonly line: string;
  readonly detail: string;
  readonly next: string;
}

const malformed: Broken = {
  line: "400 Bad Request",
  detail: "This is not well-formed HTTP/1.1.",
  next: "Check the request line, the headers and how the body is framed; https ends before this port.",
};

const known: Readonly<Record<string, Broken>> = {
  HPE_HEADER_OVERFLOW: {
    line: "431 Request Header Fields Too Large",
    detail: "The headers have more than 16 KiB.",
    next: "Send fewer or shorter headers.",
  },
  ERR_HTTP_REQUEST_TIMEOUT: {
    line: "408 Request Timeout",
    detail: "The headers took longer than 10 seconds.",
    next: "Send the headers at once.",
  },
};

export function answerBroken(server: Server, newOccasion: () => Occasion): void {
  server.on("clientError", (error: NodeJS.ErrnoException, socket) => {
    // Bytes in the middle of an answer that has begun would be taken for a part of it.
    const begun = (socket as Duplex & { readonly _httpMessage?: ServerResponse | null })._httpMessage?.headersSent;
    if (error.code === "ECONNRESET" || !socket.writable || begun === true) return void socket.destroy();
    const broken = known[error.code ?? ""] ?? malformed;
    end(socket, broken.line, wireOf(broken, newOccasion()));
  });
  server.on("checkExpectation", (_: IncomingMessage, response: ServerResponse) => {
    const broken = {
      line: "417 Expectation Failed",
      detail: "The only expectation that is met is 100-continue.",
      next: "Leave the header Expect out.",
    };
    const { status, headers, body } = wireOf(broken, newOccasion());
    response.writeHead(status, { ...headers, "content-length": String(Buffer.byteLength(body)) }).end(body);
  });
  server.on("connect", (_: IncomingMessage, socket: Duplex) => {
    // Node has let go of this socket: without a listener of ours a reset by the client would end the process.
    socket.on("error", () => socket.destroy());
    const allow = ["GET", "POST", "PUT", "PATCH", "DELETE"];
    const next = { action: "fix_request", detail: "Send requests here; this is no tunnel to elsewhere." };
    end(
      socket,
      "405 Method Not Allowed",
      problemAnswer(new Refusal("method_not_allowed", { allow, next }), newOccasion()),
    );
  });
}

/** The catalogue knows one code for what is malformed; HTTP knows a status for each way of it. */
function wireOf({ line, detail, next }: Broken, occasion: Occasion): WireAnswer {
  const status = Number(line.slice(0, 3));
  const refusal = new Refusal("invalid_request", { detail, next: { action: "fix_request", detail: next } });
  return {
    ...problemAnswer(refusal, occasion),
    status,
    body: JSON.stringify({ ...problemOf(refusal, occasion), status }),
  };
}

function end(socket: Duplex, line: string, { headers, body }: WireAnswer): void {
  const fields = { ...headers, connection: "close", "content-length": String(Buffer.byteLength(body)) };
  const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.end(`HTTP/1.1 ${line}\r\n${lines.join("")}\r\n${body}`);
}
