// Reads what GitHub says in the body of a refusal (docs: troubleshooting-the-rest-api).
import { publicText } from "./upstream-text.ts";

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** `message` of an error body; empty when there is none. Raw: show it through publicText only. */
export function messageIn(body: unknown): string {
  const message = isRecord(body) ? body["message"] : undefined;
  return typeof message === "string" ? message : "";
}

const codeWords: Readonly<Record<string, string>> = {
  missing: "does not exist",
  missing_field: "is required",
  invalid: "is not valid",
  already_exists: "exists already",
  unprocessable: "cannot be processed",
};

/** `errors` of a validation failure: objects with resource, field and code, or bare sentences. */
export function errorsIn(body: unknown): { path: string; message: string }[] {
  const errors = isRecord(body) ? body["errors"] : undefined;
  const list: readonly unknown[] = Array.isArray(errors) ? errors : errors === undefined ? [] : [errors];
  return list.slice(0, 20).flatMap((error) => {
    if (typeof error === "string") return [{ path: "", message: publicText(error) }];
    if (!isRecord(error)) return [];
    const field =
      typeof error["field"] === "string" && /^[A-Za-z0-9_.-]{1,64}$/.test(error["field"]) ? error["field"] : "";
    const code = typeof error["code"] === "string" ? (codeWords[error["code"]] ?? "does not fit") : "does not fit";
    return [{ path: field === "" ? "" : `/${field}`, message: publicText(error["message"]) || code }];
  });
}
