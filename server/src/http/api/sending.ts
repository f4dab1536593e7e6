// Turns what a route answered into the framework's response: whole, or as a stream.
import type { Occasion, WireAnswer } from "../problem.ts";

export interface StreamedAnswer {
  readonly stream: AsyncIterable<string>;
  readonly contentType: string;
}

/** The request id in the header is the one in the problem and in the log. */
export function send(answer: WireAnswer, { requestId }: Occasion): Response {
  const headers = {
    ...answer.headers,
    "behalf-request-id": requestId,
    "x-content-type-options": "nosniff",
  };
  const hasBody = answer.body !== "" && answer.status !== 204;
  return new Response(hasBody ? answer.body : null, { status: answer.status, headers });
}

/** A reader that is slow is waited for; one that goes away ends the source, whose `finally` then runs. */
export function sendStream({ stream, contentType }: StreamedAnswer, { requestId }: Occasion): Response {
  const source = stream[Symbol.asyncIterator]();
  const encoder = new TextEncoder();
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      const next = await source.next();
      if (next.done === true) controller.close();
      else controller.enqueue(encoder.encode(next.value));
    },
    async cancel() {
      await source.return?.();
    },
  });
  const headers = {
    "cache-control": "no-store",
    "content-type": contentType,
    "behalf-request-id": requestId,
    "x-content-type-options": "nosniff",
    // nginx would hold events back until its buffer is full.
    "x-accel-buffering": "no",
  };
  return new Response(body, { status: 200, headers });
}
