// Reads Accept as GitHub does: its own media types, plain JSON, or 415.

import type { Media } from "./call.ts";
import { failure } from "./call.ts";

const PARAMS = new Set(["raw", "html", "text", "full", "object", "diff", "patch", "sha"]);

export function mediaOf(accept: string | undefined): Media {
  const types = (accept ?? "*/*").split(",").map((one) => one.split(";")[0]?.trim().toLowerCase() ?? "");
  for (const type of types) {
    const custom = /^application\/vnd\.github(?:\.v3)?(?:\.([a-z]+))?(?:\+json)?$/.exec(type);
    if (custom !== null) return named(custom[1], type.endsWith("+json"));
  }
  if (
    types.some(
      (type) => type === "*/*" || type === "application/*" || type.endsWith("json") || type.startsWith("text/"),
    )
  )
    return named(undefined, true);
  if (types.includes("application/octet-stream")) return { param: "octet-stream", header: "github.v3; format=json" };
  if (types.some((type) => type.startsWith("application/vnd.github"))) return named(undefined, true);
  throw failure(415, "Unsupported 'Accept' header: Must accept 'application/json'.");
}

function named(param: string | undefined, isJson: boolean): Media {
  if (param === undefined || !PARAMS.has(param)) return { param: null, header: "github.v3; format=json" };
  return { param, header: `github.v3; param=${param}${isJson ? "; format=json" : ""}` };
}
