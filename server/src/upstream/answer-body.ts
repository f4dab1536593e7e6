// Reads the body of an answer as the text or JSON it is, without trusting either.
import type { Answer } from "./exchange.ts";

export type JsonObject = Readonly<Record<string, unknown>>;

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Lower-case media type without parameters; empty when none was sent. */
export function mediaType(answer: Pick<Answer, "headers">): string {
  return (answer.headers["content-type"] ?? "").split(";", 1)[0]?.trim().toLowerCase() ?? "";
}

export function isJson(answer: Pick<Answer, "headers">): boolean {
  return /^application\/(?:[a-z0-9.-]+\+)?json$/.test(mediaType(answer));
}

export function textOf(answer: Answer): string {
  return new TextDecoder().decode(answer.body);
}

/** Undefined when the text is not JSON. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

/** The object in a JSON answer; undefined when it holds anything else. */
export function objectIn(answer: Answer): JsonObject | undefined {
  const value = isJson(answer) ? parseJson(textOf(answer)) : undefined;
  return isJsonObject(value) ? value : undefined;
}

/** Whether an answer is GitHub's own 404, and not that of a proxy, an older server or another product. */
export function isGitHubNotFound(answer: Answer): boolean {
  if (answer.status !== 404) return false;
  const body = objectIn(answer);
  return body?.["message"] === "Not Found" && typeof body["documentation_url"] === "string";
}
