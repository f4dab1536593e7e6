// One request in, one reply out: what every origin's handler speaks.
import type { OriginName } from "./types.ts";

export interface Ask {
  origin: OriginName;
  method: string;
  /** Raw, with query. */
  url: string;
  /** Raw, without query. */
  path: string;
  query: URLSearchParams;
  headers: Record<string, string>;
  /** At most 16 MiB of it; bodyBytes counts all. */
  body: Buffer;
  bodyBytes: number;
}

export interface Reply {
  status: number;
  headers: [string, string][];
  body: Buffer;
}

export function reply(status: number, headers: Record<string, string>, body: string | Buffer = ""): Reply {
  return { status, headers: Object.entries(headers), body: Buffer.from(body) };
}

export function htmlReply(status: number, body: string): Reply {
  // A consent page needs no script and no foreign resource; the form posts back to us.
  return reply(
    status,
    { "Content-Type": "text/html; charset=utf-8", "Content-Security-Policy": "default-src 'none'" },
    body,
  );
}

/** The segments of a raw path, decoded one by one; null when an escape is broken. */
export function pathSegments(path: string): string[] | null {
  try {
    return path.split("/").map((segment) => decodeURIComponent(segment));
  } catch {
    return null;
  }
}

/** Fields of a form-encoded or JSON body; anything that is not text is dropped. */
export function bodyFields(ask: Ask): URLSearchParams {
  const type = ask.headers["content-type"] ?? "";
  const text = ask.body.toString("utf8");
  if (!type.includes("json")) return new URLSearchParams(text);
  const fields = new URLSearchParams();
  for (const [name, value] of Object.entries(asRecord(parseJson(text)))) {
    if (typeof value === "string" || typeof value === "number") fields.set(name, String(value));
  }
  return fields;
}

export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function asRecord(value: unknown): Record<string, unknown> {
  return isRecord(value) ? value : {};
}
