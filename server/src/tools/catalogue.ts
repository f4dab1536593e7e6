// All tools there are, and how to find one.
import { githubTools } from "./github.ts";
import type { Tool } from "./tool.ts";

export const tools: readonly Tool[] = [...githubTools];

export function toolNamed(name: string): Tool | undefined {
  return tools.find((tool) => tool.name === name);
}

/** Tools in which every word of the query occurs, best first; those with some of the words when none has all. */
export function searchTools(query: string): readonly Tool[] {
  const words = query.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];
  if (words.length === 0) return tools;
  const ranked = tools
    .map((tool) => ({ tool, points: words.map((word) => pointsOf(tool, word)) }))
    .filter(({ points }) => points.some((value) => value > 0))
    .toSorted((one, other) => sum(other.points) - sum(one.points));
  const whole = ranked.filter(({ points }) => points.every((value) => value > 0));
  return (whole.length > 0 ? whole : ranked).map(({ tool }) => tool);
}

function pointsOf(tool: Tool, word: string): number {
  if (tool.name.toLowerCase().split("_").includes(word)) return 8;
  if (tool.name.toLowerCase().includes(word)) return 6;
  if (tool.title.toLowerCase().includes(word)) return 4;
  return tool.description.toLowerCase().includes(word) ? 1 : 0;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

type Permissions = Tool["permissions"];

/** What an input may need beyond its tool, as GitHub demands it: a workflow runs with the repository's secrets. */
const extraNeeds: readonly {
  readonly tool: string;
  readonly member: string;
  readonly startsWith: string;
  readonly permissions: Permissions;
  readonly scope: string;
}[] = [
  {
    tool: "github_file_create_update",
    member: "path",
    startsWith: ".github/workflows/",
    permissions: { workflows: "write" },
    scope: "workflow",
  },
];

/** Permissions (App; all of them) and OAuth scopes (one list: one of it suffices; every list counts) this very input needs. */
export function needsOf(
  tool: Tool,
  input: Readonly<Record<string, unknown>>,
): { readonly permissions: Permissions; readonly scopes: readonly (readonly string[])[] } {
  const extra = extraNeeds.filter((need) => {
    const value = input[need.member];
    return need.tool === tool.name && typeof value === "string" && value.startsWith(need.startsWith);
  });
  return {
    permissions: Object.assign({}, tool.permissions, ...extra.map((need) => need.permissions)) as Permissions,
    scopes: [...(tool.scopes.length > 0 ? [tool.scopes] : []), ...extra.map((need) => [need.scope])],
  };
}
