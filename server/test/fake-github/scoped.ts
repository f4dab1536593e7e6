// POST /applications/{client_id}/token/scoped: a narrower user token for named repositories and permissions (github-facts 3.4).
import { failure } from "./call.ts";
import { isRecord } from "./exchange.ts";
import type { Installation, Repository, Token } from "./model.ts";
import type { Level } from "./types.ts";
import type { World } from "./world.ts";

const DOCS = "apps/apps#create-a-scoped-access-token";
const RANK: Record<string, number> = { read: 1, write: 2, admin: 3 };

export interface Narrowed {
  installation: Installation;
  repositoryIds: number[] | null;
  permissions: Record<string, Level> | null;
}

export function narrow(world: World, token: Token, body: Record<string, unknown>): Narrowed {
  const target = body["target"];
  const targetId = body["target_id"];
  const installation = world.installations.find(
    (one) =>
      one.client === token.client &&
      (one.account.id === targetId ||
        (typeof target === "string" && one.account.login.toLowerCase() === target.toLowerCase())),
  );
  if (token.kind !== "ghu" || installation === undefined) throw failure(404, "Not Found", DOCS);
  return {
    installation,
    repositoryIds: repositoriesIn(world, installation, body),
    permissions: permissionsIn(installation, body["permissions"]),
  };
}

function repositoriesIn(world: World, installation: Installation, body: Record<string, unknown>): number[] | null {
  const ids = Array.isArray(body["repository_ids"]) ? body["repository_ids"] : null;
  const names = Array.isArray(body["repositories"]) ? body["repositories"] : null;
  if (ids === null && names === null) return null;
  const wanted = [
    ...(ids ?? []).map((id) => world.repositoryById(Number(id))),
    ...(names ?? []).map((name) => world.repository(installation.account.login, String(name))),
  ];
  const reachable = wanted.filter(
    (repo): repo is Repository => repo !== undefined && selects(world, installation, repo),
  );
  if (reachable.length === wanted.length) return reachable.map((repo) => repo.id);
  throw failure(
    422,
    "There is at least one repository that does not exist or is not accessible to the parent installation.",
    DOCS,
  );
}

function selects(world: World, installation: Installation, repo: Repository): boolean {
  return world.installationFor(installation.client, repo) === installation;
}

function permissionsIn(installation: Installation, asked: unknown): Record<string, Level> | null {
  if (!isRecord(asked)) return null;
  const narrowed: Record<string, Level> = {};
  for (const [name, level] of Object.entries(asked)) {
    const held = installation.permissions[name];
    const known = level === "read" || level === "write" || level === "admin";
    if (!known || held === undefined || (RANK[level] ?? 9) > (RANK[held] ?? 0)) {
      throw failure(422, "The permissions requested are not granted to this installation.", DOCS);
    }
    narrowed[name] = level;
  }
  return { metadata: "read", ...narrowed };
}
