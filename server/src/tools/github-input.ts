// The parameters GitHub's tools share, as JSON Schema. Patterns avoid look-ahead: several model hosts refuse it.
import type { JsonSchema } from "./tool.ts";

export const owner: JsonSchema = {
  type: "string",
  minLength: 1,
  maxLength: 100,
  pattern: "^[A-Za-z0-9_-]+$",
  description: "Login of the user or organisation that owns the repository, e.g. `octocat`.",
};

export const repo: JsonSchema = {
  type: "string",
  minLength: 1,
  maxLength: 100,
  // At least one character that is no dot.
  pattern: "^\\.*[A-Za-z0-9_-][A-Za-z0-9._-]*$",
  description: "Name of the repository without its owner, e.g. `hello-world`.",
};

export const username: JsonSchema = { ...owner, description: "Login of the user, e.g. `octocat`." };

// A segment starts with a character that is no dot, or with a dot and something else: `.`, `..`, empty segments,
// backslashes and controls have no way in.
const inner = "[^/\\\\\\u0000-\\u001f\\u007f]";
const first = "[^./\\\\\\u0000-\\u001f\\u007f]";
const segment = `(?:\\.?${first}${inner}*|\\.\\.${inner}+)`;
const path = `${segment}(?:/${segment})*`;

export const filePath: JsonSchema = {
  type: "string",
  minLength: 1,
  maxLength: 4096,
  pattern: `^${path}$`,
  description: "Path of the file from the root of the repository, without a leading slash, e.g. `src/index.ts`.",
};

export const anyPath: JsonSchema = {
  type: "string",
  maxLength: 4096,
  pattern: `^(?:${path})?$`,
  description:
    "Path of a file or directory from the root of the repository, without a leading slash, e.g. `src/index.ts`. Empty for the root directory.",
};

/** GitHub itself breaks Base64 into lines, so what it gave can be sent back as it is. */
export const base64: JsonSchema = {
  type: "string",
  maxLength: 1_048_576,
  pattern: "^(?:[A-Za-z0-9+/]{4}\\r?\\n?)*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?\\r?\\n?$",
  contentEncoding: "base64",
  description: "New content of the file, encoded as Base64, text as well as binary.",
};

export const sha: JsonSchema = {
  type: "string",
  pattern: "^[0-9a-fA-F]{1,64}$",
  description:
    "Blob `sha` of the file that is replaced, as github_file_contents_get gave it. Required for an update, absent for a new file.",
};

/** A branch, tag or commit; GitHub knows which names are good. */
export function reference(description: string): JsonSchema {
  return { type: "string", minLength: 1, maxLength: 255, description };
}

export function text(lengthMax: number, description: string): JsonSchema {
  return { type: "string", maxLength: lengthMax, description };
}

export function filledText(lengthMax: number, description: string): JsonSchema {
  return { type: "string", minLength: 1, maxLength: lengthMax, description };
}

export function flag(description: string): JsonSchema {
  return { type: "boolean", description };
}

export function oneOf(values: readonly string[], description: string): JsonSchema {
  return { type: "string", enum: values, description };
}

export function person(description: string): JsonSchema {
  return {
    type: "object",
    additionalProperties: false,
    required: ["name", "email"],
    properties: {
      name: filledText(255, "Name."),
      email: filledText(254, "E-mail address."),
      date: { ...instant, description: "When, in ISO 8601. Default: now." },
    },
    description,
  };
}

export const instant: JsonSchema = {
  type: "string",
  maxLength: 40,
  pattern: "^\\d{4}-\\d{2}-\\d{2}T\\d{2}:\\d{2}:\\d{2}(?:\\.\\d{1,9})?(?:Z|[+-]\\d{2}:\\d{2})$",
  description: "A time in ISO 8601, e.g. `2026-01-31T09:30:00Z`.",
};

export const direction: JsonSchema = oneOf(["asc", "desc"], "Ascending or descending.");

export const paging = {
  per_page: { type: "integer", minimum: 1, maximum: 100, description: "Results per page. Default 30." },
  page: { type: "integer", minimum: 1, maximum: 1_000_000, description: "Which page, from 1. Default 1." },
} as const satisfies Record<string, JsonSchema>;

/** The input of a tool: these members and no others. */
export function inputOf(required: readonly string[], properties: Readonly<Record<string, JsonSchema>>): JsonSchema {
  return { type: "object", additionalProperties: false, required, properties };
}
