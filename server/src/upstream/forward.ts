// Streams one call to the upstream and its answer back: bytes as they come, bounded memory, both ends cut together.
import type { ServerResponse } from "node:http";
import { Readable } from "node:stream";
import type { Dispatcher } from "undici";
import { isExact } from "../rules/paths.ts";
import { dispatchOptions } from "./dispatch-options.ts";
import type { Failure, FailureReason } from "./exchange.ts";
import type { Forward, ForwardAnswer, ForwardRequest } from "./forward-types.ts";
import { failed, failureOf } from "./outcome.ts";
import { Patience } from "./patience.ts";
import { printable, rawPairs } from "./raw-head.ts";
import { countedRelief, type Passed } from "./relief.ts";
import { Upload } from "./upload.ts";

interface ForwardOptions {
  /** The longest pause without a byte, either way. */
  readonly idleMs?: number;
  /** Frees the buffers that streams leave behind (relief.ts). */
  readonly relieve?: () => void;
}

/** What all calls share. */
interface Flow {
  readonly idleMs: number;
  readonly passed: Passed;
}

type Streamed = { readonly bytes: number; readonly complete: boolean };

/** More of an unwanted body than this costs more than a new connection. */
const discardBytesMax = 64 * 1024;

/** Makes the forwarder on the shared pool of transport.ts. */
export function makeForward(dispatcher: Dispatcher, options: ForwardOptions = {}): Forward {
  const { idleMs = 60_000, relieve = () => undefined } = options;
  const flow = { idleMs, passed: countedRelief(relieve) };
  return (request) => {
    if (request.signal.aborted) return Promise.resolve(failed("aborted", false, request.signal.reason));
    if (!isExact(request.base, request.target)) {
      return Promise.resolve(failed("blocked", false, new Error("The target would not stay under its base")));
    }
    return new Promise((resolve) => new StreamedCall(request, flow, resolve).start(dispatcher));
  };
}

/**
 * One call under way. It is at once undici's handler, the answer handed out and the abort listener: this is the hot path,
 * and one object is what one call may cost. undici's pause is advice only, so data may also come while paused.
 */
class StreamedCall implements Dispatcher.DispatchHandler, ForwardAnswer {
  readonly kind = "answer";
  status = 0;
  headers: readonly string[] = [];
  readonly times = { started: performance.now(), connected: 0, sent: 0, answered: 0 };

  readonly #request: ForwardRequest;
  readonly #flow: Flow;
  #answer: ((answer: ForwardAnswer | Failure) => void) | null;
  #controller: Dispatcher.DispatchController | null = null;
  #upload: Upload | null = null;
  readonly #patience = new Patience(() => this.#end("timeout"));
  #isSent = false;
  #statusText = "";
  /** What came before `stream` was called; at most what one socket read holds. */
  #early: Buffer[] = [];
  #response: ServerResponse | null = null;
  #passed: ((streamed: Streamed) => void) | null = null;
  #bytes = 0;
  #discarded = -1;
  #upstream: "open" | "ended" | "dead" = "open";
  #isDrainAwaited = false;

  constructor(request: ForwardRequest, flow: Flow, answer: (answer: ForwardAnswer | Failure) => void) {
    this.#request = request;
    this.#flow = flow;
    this.#answer = answer;
  }

  start(dispatcher: Dispatcher): void {
    const { body, signal, timeoutMs, meter } = this.#request;
    if (body instanceof Readable) this.#upload = new Upload(body, this.#taken);
    else if (meter !== undefined && body !== null) meter.bytesIn += body.length;
    // The time limit counts from the end of the body; until then only a standstill ends the call.
    this.#patience.start(this.#upload === null ? timeoutMs : this.#flow.idleMs);
    signal.addEventListener("abort", this);
    dispatcher.dispatch(dispatchOptions(this.#request, this.#upload ?? body), this);
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#upstream === "dead") controller.abort(new Error("Ended before it was sent"));
    else this.#isSent = true;
    this.times.connected = performance.now();
  }

  onBodySent(): void {
    if (this.#upload !== null) this.#patience.refresh();
  }

  onRequestSent(): void {
    this.times.sent = performance.now();
    if (this.#upload !== null && this.#answer !== null) this.#patience.start(this.#request.timeoutMs);
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number, _headers: unknown, text?: string): void {
    // 1xx: a word on the way, not the answer.
    if (status < 200) return;
    controller.pause();
    this.times.answered = performance.now();
    this.status = status;
    this.headers = rawPairs(controller.rawHeaders);
    this.#statusText = text ?? "";
    this.#patience.start(this.#flow.idleMs);
    this.#settleAnswer(this);
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#discarded >= 0) this.#throwAway(chunk);
    else if (this.#response === null) this.#early.push(chunk);
    else this.#pass(this.#response, chunk);
  }

  onResponseEnd(): void {
    this.#upstream = "ended";
    this.#upload?.destroy();
    if (this.#response !== null) this.#response.end();
    else if (this.#discarded >= 0) this.#finish(false);
  }

  onResponseError(_controller: Dispatcher.DispatchController | null, error: Error): void {
    this.#upstream = "dead";
    this.#upload?.destroy();
    this.#settleAnswer(failureOf(error, this.#isSent));
    this.#cut();
  }

  /** Abort of the caller's signal, which may also come when all is done (an EventListener object costs no closure). */
  handleEvent(): void {
    const isComplete = this.#upstream === "ended" && this.#response?.writableFinished === true;
    if (isComplete) this.#finish(true);
    else this.#end("aborted");
  }

  stream(response: ServerResponse, headers: readonly string[]): Promise<Streamed> {
    this.#response = response;
    return new Promise((resolve) => {
      this.#passed = resolve;
      if (this.#upstream === "dead" || response.destroyed) this.#end("aborted");
      else this.#startStream(response, headers);
    });
  }

  discard(): void {
    if (this.#upstream !== "open") {
      this.#finish(false);
      return;
    }
    this.#discarded = 0;
    this.#controller?.resume();
  }

  #startStream(response: ServerResponse, headers: readonly string[]): void {
    response.on("close", this.#onClose);
    try {
      // Nothing is added: without upstream's own `Date` there is none.
      response.sendDate = false;
      response.writeHead(this.status, printable(this.#statusText), headers as string[]);
    } catch {
      this.#end("aborted");
      return;
    }
    for (const chunk of this.#early) this.#pass(response, chunk);
    this.#early = [];
    if (this.#upstream === "ended") response.end();
    else if (!this.#isDrainAwaited) this.#controller?.resume();
    // A head without a body byte yet must not wait for the first one (server-sent events).
    if (this.#bytes === 0 && !response.writableEnded) response.flushHeaders();
  }

  #pass(response: ServerResponse, chunk: Buffer): void {
    this.#bytes += chunk.length;
    if (this.#request.meter !== undefined) this.#request.meter.bytesOut += chunk.length;
    this.#flow.passed(chunk.length);
    this.#patience.refresh();
    if (response.write(chunk) || this.#isDrainAwaited) return;
    this.#isDrainAwaited = true;
    this.#controller?.pause();
    response.once("drain", this.#onDrain);
  }

  #throwAway(chunk: Buffer): void {
    this.#discarded += chunk.length;
    if (this.#discarded > discardBytesMax) this.#end("aborted");
  }

  readonly #taken = (bytes: number): void => {
    if (this.#request.meter !== undefined) this.#request.meter.bytesIn += bytes;
    this.#flow.passed(bytes);
  };

  readonly #onDrain = (): void => {
    this.#isDrainAwaited = false;
    this.#patience.refresh();
    if (this.#upstream === "open") this.#controller?.resume();
  };

  readonly #onClose = (): void => this.handleEvent();

  /** Our own end of the call: time is up, the caller left, or the answer is not wanted. */
  #end(reason: FailureReason): void {
    const cause = new Error(`The call ended: ${reason}`);
    this.#settleAnswer(failed(reason, this.#isSent, cause));
    if (this.#upstream === "open") {
      this.#upstream = "dead";
      this.#upload?.destroy();
      this.#controller?.abort(cause);
    }
    this.#cut();
  }

  /** The caller must see that the body is not whole; over HTTP/1.0 only a reset says so. */
  #cut(): void {
    const response = this.#response;
    if (response !== null && !response.destroyed) {
      if (response.req.httpVersionMinor === 0) response.socket?.resetAndDestroy();
      response.destroy();
    }
    this.#finish(false);
  }

  #settleAnswer(answer: ForwardAnswer | Failure): void {
    const settle = this.#answer;
    this.#answer = null;
    settle?.(answer);
  }

  #finish(complete: boolean): void {
    this.#patience.stop();
    this.#request.signal.removeEventListener("abort", this);
    this.#response?.off("close", this.#onClose).off("drain", this.#onDrain);
    const pass = this.#passed;
    this.#passed = null;
    pass?.({ bytes: this.#bytes, complete });
  }
}
