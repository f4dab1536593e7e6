// Reads a JSON body: bounded, well-formed UTF-8, nothing else.
import { Refusal } from "../rules/refusal.ts";

const bytesMax = 1024 * 1024;

function badBody(detail: string): Refusal {
  return new Refusal("invalid_request", {
    detail,
    next: { action: "fix_request", detail: "Send one JSON object, encoded as UTF-8." },
  });
}

/** The raw bytes of a body of at most 1 MiB (design §6). */
export async function readBytes(request: Request): Promise<Uint8Array> {
  const declared = Number(request.headers.get("content-length") ?? "0");
  if (declared > bytesMax) throw tooLarge();
  const chunks: Uint8Array[] = [];
  let size = 0;
  if (request.body === null) return Buffer.concat(chunks);
  try {
    for await (const chunk of request.body as AsyncIterable<Uint8Array>) {
      size += chunk.byteLength;
      if (size > bytesMax) throw tooLarge();
      chunks.push(chunk);
    }
  } catch (error) {
    if (error instanceof Refusal) throw error;
    // The client went away in the middle, or what it sent is no chunked body: no fault of ours.
    throw badBody("The body ended before it was whole.");
  }
  return Buffer.concat(chunks);
}

function tooLarge(): Refusal {
  return new Refusal("payload_too_large", {
    detail: "A body may have 1 MiB.",
    next: { action: "fix_request", detail: "Send less; large files go through the proxy, which streams." },
  });
}

/** The JSON value of a body; an empty body is an empty object. */
export function parseJson(bytes: Uint8Array, contentType: string | null): unknown {
  if (bytes.byteLength === 0) return {};
  if (!/^application\/json\s*(;|$)/i.test(contentType ?? "")) {
    throw new Refusal("unsupported_media_type", {
      detail: "The body has to be JSON.",
      next: { action: "fix_request", detail: "Send `Content-Type: application/json`." },
    });
  }
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes)) as unknown;
  } catch {
    throw badBody("The body is not well-formed JSON in UTF-8.");
  }
}
