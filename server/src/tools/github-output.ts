// What GitHub's tools answer: the members worth knowing. GitHub sends more, and may add any time.
import type { JsonSchema } from "./tool.ts";

const string: JsonSchema = { type: "string" };
const maybeString: JsonSchema = { type: ["string", "null"] };
const integer: JsonSchema = { type: "integer" };
const boolean: JsonSchema = { type: "boolean" };

function object(properties: Readonly<Record<string, JsonSchema>>, required: readonly string[] = []): JsonSchema {
  return { type: "object", additionalProperties: true, required, properties };
}

export function listOf(items: JsonSchema): JsonSchema {
  return { type: "array", items };
}

const user = object({ login: string, id: integer, type: string, html_url: string });
const maybeUser: JsonSchema = { ...user, type: ["object", "null"] };
const label = object({ name: string, color: string, description: maybeString });

export const repository: JsonSchema = object(
  {
    id: integer,
    name: string,
    full_name: string,
    owner: user,
    private: boolean,
    visibility: string,
    description: maybeString,
    html_url: string,
    clone_url: string,
    default_branch: string,
    language: maybeString,
    fork: boolean,
    archived: boolean,
    stargazers_count: integer,
    forks_count: integer,
    open_issues_count: integer,
    created_at: maybeString,
    updated_at: maybeString,
    pushed_at: maybeString,
    permissions: object({ admin: boolean, push: boolean, pull: boolean }),
  },
  ["id", "name", "full_name"],
);

const entry = {
  type: string,
  name: string,
  path: string,
  sha: string,
  size: integer,
  html_url: maybeString,
  download_url: maybeString,
} as const;

export const contents: JsonSchema = {
  anyOf: [object({ ...entry, encoding: string, content: string }, ["type", "path", "sha"]), listOf(object(entry))],
};

export const fileCommit: JsonSchema = object(
  {
    content: { ...object(entry), type: ["object", "null"] },
    commit: object({ sha: string, message: string, html_url: string }),
  },
  ["commit"],
);

const thread = {
  id: integer,
  number: integer,
  title: string,
  state: string,
  body: maybeString,
  html_url: string,
  user: maybeUser,
  labels: listOf({ anyOf: [string, label] }),
  assignees: { ...listOf(user), type: ["array", "null"] },
  milestone: { ...object({ number: integer, title: string }), type: ["object", "null"] },
  created_at: string,
  updated_at: string,
  closed_at: maybeString,
} as const;

export const issue: JsonSchema = object(
  {
    ...thread,
    comments: integer,
    pull_request: { ...object({ url: string, html_url: string }), description: "Present when this is a pull request." },
  },
  ["id", "number", "title", "state", "html_url"],
);

const branch = object({ label: maybeString, ref: string, sha: string });

export const pullRequest: JsonSchema = object(
  { ...thread, draft: boolean, merged_at: maybeString, head: branch, base: branch },
  ["id", "number", "title", "state", "html_url", "head", "base"],
);
