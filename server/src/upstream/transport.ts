// Buffered exchanges with the outside, and the one pool of connections that they share with the streaming proxy.

import type { Dispatcher } from "undici";
import { Agent } from "undici";
import type { Exchange, ExchangeRequest, Transport } from "./exchange.ts";
import type { Guard } from "./guard.ts";
import { failed, failureOf } from "./outcome.ts";
import { Patience } from "./patience.ts";

export interface TransportOptions {
  readonly guard: Pick<Guard, "connect">;
  /** Version of this product, for `User-Agent: behalf/<version>`: GitHub turns requests without one away. */
  readonly version: string;
  /** Connections to one origin; further requests wait. */
  readonly connectionsMax?: number;
  /** How long an idle connection is kept; upstream's own `Keep-Alive` hint wins. */
  readonly keepAliveMs?: number;
}

const bytesMaxByDefault = 8 * 1024 * 1024;

/** Makes the pool and the transport on it. `dispatcher` is for forward.ts only. */
export function makeTransport(options: TransportOptions): Transport & { readonly dispatcher: Dispatcher } {
  const dispatcher = new Agent({
    allowH2: false,
    connect: options.guard.connect,
    connections: options.connectionsMax ?? 1024,
    pipelining: 1,
    // Below the shortest common idle limit of load balancers (10 s): a connection closed under a request fails the request.
    keepAliveTimeout: options.keepAliveMs ?? 8_000,
    keepAliveMaxTimeout: 60_000,
    maxHeaderSize: 64 * 1024,
    // Timers are ours: undici's are up to a second late and do not count while a request waits for a connection.
    headersTimeout: 0,
    bodyTimeout: 0,
  });
  const userAgent = `behalf/${options.version}`;
  return {
    dispatcher,
    exchange(request) {
      if (request.signal?.aborted === true) return Promise.resolve(failed("aborted", false, request.signal.reason));
      return new Promise((resolve) => new BufferedCall(request, resolve).start(dispatcher, userAgent));
    },
    cut: () => dispatcher.destroy(),
    close: () => (dispatcher.destroyed ? Promise.resolve() : dispatcher.close()),
  };
}

/** One exchange under way: undici's handler, its timer and its abort listener in one object. */
class BufferedCall implements Dispatcher.DispatchHandler {
  readonly #request: ExchangeRequest;
  readonly #resolve: (exchange: Exchange) => void;
  readonly #chunks: Buffer[] = [];
  #controller: Dispatcher.DispatchController | null = null;
  readonly #patience = new Patience(() => this.#end("timeout"));
  #isSent = false;
  #isSettled = false;
  #bytes = 0;
  #status = 0;
  #headers: Record<string, string> = {};

  constructor(request: ExchangeRequest, resolve: (exchange: Exchange) => void) {
    this.#request = request;
    this.#resolve = resolve;
  }

  start(dispatcher: Dispatcher, userAgent: string): void {
    const { url, method, body, headers, signal } = this.#request;
    const hasAgent = Object.keys(headers).some((name) => name.toLowerCase() === "user-agent");
    this.#patience.start(this.#request.timeoutMs);
    signal?.addEventListener("abort", this.#onAbort);
    dispatcher.dispatch(
      {
        origin: url.origin,
        path: url.pathname + url.search,
        method,
        headers: hasAgent ? headers : { "user-agent": userAgent, ...headers },
        body: body ?? null,
      },
      this,
    );
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#isSettled) controller.abort(new Error("Ended before it was sent"));
    else this.#isSent = true;
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: Readonly<Record<string, string | string[] | undefined>>,
  ): void {
    // 1xx: a word on the way, not the answer.
    if (status < 200) return;
    this.#status = status;
    this.#headers = joined(headers);
    this.#patience.start(this.#request.timeoutMs);
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#bytes += chunk.length;
    if (this.#bytes > (this.#request.bytesMax ?? bytesMaxByDefault)) this.#end("too_large");
    else this.#chunks.push(chunk);
  }

  onResponseEnd(): void {
    const body = Buffer.concat(this.#chunks);
    this.#settle({ kind: "answer", status: this.#status, headers: this.#headers, body });
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.#settle(failureOf(error, this.#isSent));
  }

  readonly #onAbort = (): void => this.#end("aborted");

  #end(reason: "timeout" | "aborted" | "too_large"): void {
    const cause = new Error(`The exchange ended: ${reason}`);
    this.#settle(failed(reason, this.#isSent, cause));
    this.#controller?.abort(cause);
  }

  #settle(exchange: Exchange): void {
    if (this.#isSettled) return;
    this.#isSettled = true;
    this.#patience.stop();
    this.#request.signal?.removeEventListener("abort", this.#onAbort);
    this.#resolve(exchange);
  }
}

/** Headers with repeated fields joined (RFC 9110 §5.3); cookies of an upstream are never ours to keep. */
function joined(headers: Readonly<Record<string, string | string[] | undefined>>): Record<string, string> {
  const pairs = Object.entries(headers).filter(([name]) => name !== "set-cookie");
  return Object.fromEntries(
    pairs.map(([name, value]) => [name, Array.isArray(value) ? value.join(", ") : (value ?? "")]),
  );
}
