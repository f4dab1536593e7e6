// Ends the listener so that no accepted request is cut before its time (design §10.17).
import { once } from "node:events";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import { Server as Listener, type Socket } from "node:net";

export interface Draining {
  readonly ms: number;
  /** When the time is over: ends what the requests wait for, so that they can still answer. */
  readonly giveUp: () => Promise<void>;
}

/** Clients that call without a pause hear within this time that their connection ends with the next answer. */
const farewellMs = 100;
const lookEveryMs = 50;

/** Answers how many requests were cut. */
export type Drain = (draining: Draining) => Promise<number>;

/** Made before the server listens: it keeps track of what runs. */
export function makeDrain(server: Server): Drain {
  const running = new Set<ServerResponse>();
  const sockets = new Set<Socket>();
  let isEnding = false;
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  server.prependListener("request", (_request: IncomingMessage, response: ServerResponse) => {
    running.add(response);
    response.once("close", () => running.delete(response));
    if (isEnding) response.shouldKeepAlive = false;
  });
  return async ({ ms, giveUp }) => {
    isEnding = true;
    const closed = once(server, "close");
    for (const response of running) response.shouldKeepAlive = false;
    const farewell = Math.min(farewellMs, ms);
    // Only the listener: http's own close also ends idle connections, and with them calls that are on their way.
    Listener.prototype.close.call(server);
    await within(farewell, closed);
    // Whoever connected and never spoke would hold us up to the end.
    for (const socket of sockets) if (socket.bytesRead === 0) socket.destroy();
    const closer = setInterval(() => server.closeIdleConnections(), lookEveryMs);
    const isDone = await within(ms - farewell, closed);
    const cut = running.size;
    if (!isDone) {
      await giveUp();
      await within(farewellMs, closed);
      server.closeAllConnections();
      await closed;
    }
    clearInterval(closer);
    return cut;
  };
}

/** Whether it ended in this time. */
export async function within(ms: number, work: Promise<unknown>): Promise<boolean> {
  const { promise: late, resolve } = Promise.withResolvers<boolean>();
  const timer = setTimeout(resolve, Math.max(ms, 0), false);
  try {
    return await Promise.race([work.then(() => true), late]);
  } finally {
    clearTimeout(timer);
  }
}
