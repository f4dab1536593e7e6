// Turns a tool and its checked input into a request. No input can leave the path its template gives it.
import { Refusal } from "../rules/refusal.ts";
import type { Tool } from "./tool.ts";

export interface ToolRequest {
  readonly method: Tool["method"];
  /** Below the API root, encoded. */
  readonly path: string;
  readonly query: readonly (readonly [string, string])[];
  /** Absent when the request has no body. */
  readonly json?: Readonly<Record<string, unknown>>;
  /** The repository it acts on, for limits and the log; null when it names none. */
  readonly repository: { readonly owner: string; readonly name: string } | null;
}

export function requestOf(tool: Tool, input: Readonly<Record<string, unknown>>): ToolRequest {
  const inPath = [...tool.path.matchAll(/\{\+?(\w+)\}/g)].map(([, name = ""]) => name);
  const rest = Object.entries(input).filter(
    ([name, value]) => value !== undefined && !inPath.includes(name) && !tool.query.includes(name),
  );
  const { owner, repo } = input;
  const inRepository = tool.path.startsWith("/repos/{owner}/{repo}") && typeof owner === "string";
  return {
    method: tool.method,
    path: filled(tool.path, input),
    query: tool.query.flatMap((name) => pairOf(name, input[name])),
    ...(tool.method === "GET" || (tool.method === "DELETE" && rest.length === 0)
      ? {}
      : { json: Object.fromEntries(rest) }),
    repository: inRepository && typeof repo === "string" ? { owner, name: repo } : null,
  };
}

function filled(template: string, input: Readonly<Record<string, unknown>>): string {
  const path = template.replaceAll(/\{(\+?)(\w+)\}/g, (_, many: string, name: string) => {
    const value = input[name];
    if (typeof value !== "string" && typeof value !== "number") throw unfit(name, "is required");
    // Only a path may be empty: it then names the root.
    if (many === "+" && value === "") return "";
    const segments = many === "+" ? String(value).split("/") : [String(value)];
    return segments.map((segment) => encoded(name, segment)).join("/");
  });
  // GitHub answers 404 to a trailing slash.
  return path.length > 1 && path.endsWith("/") ? path.slice(0, -1) : path;
}

function encoded(name: string, segment: string): string {
  // A URL parser takes `%2e` for a dot as well, and whoever decodes once too often finds a separator in `%2f`.
  const climbs = /^(?:\.|%2e){1,2}$/i.test(segment) || /%2f|%5c/i.test(segment);
  if (segment === "" || climbs) throw unfit(name, "has an empty or climbing segment");
  if (!segment.isWellFormed() || /[/\\\p{Cc}]/u.test(segment)) throw unfit(name, "has a character no path may have");
  return encodeURIComponent(segment);
}

function pairOf(name: string, value: unknown): [string, string][] {
  if (value === undefined) return [];
  if (typeof value === "string") return [[name, value.toWellFormed()]];
  if (typeof value === "number" || typeof value === "boolean") return [[name, String(value)]];
  throw unfit(name, "does not fit into a query");
}

function unfit(name: string, message: string): Refusal {
  return new Refusal("invalid_input", {
    errors: [{ path: `/${name}`, message }],
    next: { action: "fix_input", detail: "Correct what `errors` names; the tool's input_schema says what fits." },
  });
}
