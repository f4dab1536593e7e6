// A tool is a value: what an agent can do by name. Adding one adds data and no code.

/** JSON Schema (2020-12), as data. */
export type JsonSchema = { readonly [keyword: string]: unknown };

export interface Tool {
  /** `github_…`, at most 64 characters (limit of several model hosts). */
  readonly name: string;
  readonly title: string;
  /** For an agent: what it does, and the trap to know before calling. */
  readonly description: string;
  /** Which kind of provider answers it. */
  readonly provider: "github";
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** Template below the API root, e.g. `/repos/{owner}/{repo}/contents/{+path}`; `{+x}` keeps slashes, each segment encoded. */
  readonly path: string;
  /** Input members that go into the query; every other member not in the path goes into the JSON body. */
  readonly query: readonly string[];
  readonly input: JsonSchema;
  readonly output: JsonSchema;
  /** GitHub permissions (App) it needs, and OAuth scopes (OAuth App) of which one suffices. */
  readonly permissions: Readonly<Record<string, "read" | "write">>;
  readonly scopes: readonly string[];
  /** True when it changes something at GitHub. */
  readonly changes: boolean;
  /** False when it also works without a connected account. */
  readonly needsAccount: boolean;
}
