// Finds the route of a raw path; %2F inside a segment stays inside it until decoded.
import type { Route } from "./call.ts";
import { failure } from "./call.ts";
import { pathSegments } from "./exchange.ts";
import type { World } from "./world.ts";

export interface Found {
  route: Route;
  params: Record<string, string>;
  linkPath: string;
}

/** These two were recorded answering 200 with a slash at the end; everything else is 404. */
const SLASH_ALLOWED = /^\/(repos\/[^/]+\/[^/]+|repositories\/\d+)\/(contents|git\/refs)\/$/;

export function findRoute(world: World, routes: Route[], method: string, rawPath: string): Found | null {
  if (rawPath.endsWith("/") && rawPath !== "/" && !SLASH_ALLOWED.test(rawPath)) return null;
  const segments = pathSegments(rawPath.replace(/^\//, "").replace(/\/$/, ""));
  if (segments === null) throw failure(400, "Bad Request");
  const { path, linkPath } = byRepositoryId(world, segments, rawPath);
  if (path === null) return null;
  for (const route of routes) {
    if (route.method !== method) continue;
    const params = match(route.path.slice(1).split("/"), path);
    if (params !== null) return { route, params, linkPath };
  }
  return null;
}

/** /repositories/{id}/… is the same resource; Link headers always use that form (recorded in paginate-issues). */
function byRepositoryId(
  world: World,
  segments: string[],
  rawPath: string,
): { path: string[] | null; linkPath: string } {
  const [first, second = "", third = ""] = segments;
  if (first === "repositories") {
    const repo = world.repositoryById(Number(second));
    return {
      path: repo === undefined ? null : ["repos", repo.owner.login, repo.name, ...segments.slice(2)],
      linkPath: rawPath,
    };
  }
  const repo = first === "repos" ? world.repository(second, third) : undefined;
  if (repo === undefined) return { path: segments, linkPath: rawPath };
  return { path: segments, linkPath: `/repositories/${repo.id}${rawPath.replace(/^\/repos\/[^/]+\/[^/]+/, "")}` };
}

function match(pattern: string[], path: string[]): Record<string, string> | null {
  const params: Record<string, string> = {};
  for (const [index, part] of pattern.entries()) {
    if (index === pattern.length - 1 && (part === "{path}" || part === "{ref}")) {
      params[part.slice(1, -1)] = path.slice(index).join("/");
      return path.length >= index ? params : null;
    }
    const segment = path[index];
    if (segment === undefined) return null;
    if (part.startsWith("{")) params[part.slice(1, -1)] = segment;
    else if (part !== segment) return null;
  }
  return path.length === pattern.length ? params : null;
}
