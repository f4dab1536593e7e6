// A strict stand-in for github.com, api.github.com, uploads.github.com and the storage hosts, for tests only.
// It fails on what the real one fails on, and shares no code with the product.
import { serveApi } from "./api.ts";
import { approve } from "./approve.ts";
import { FaultBook } from "./faults.ts";
import { describeCaller } from "./identity.ts";
import { API_ROUTES, UPLOAD_ROUTES } from "./routes/index.ts";
import type { Line } from "./sockets.ts";
import { listen } from "./sockets.ts";
import { serveStorage } from "./storage.ts";
import type { FakeGitHub, FakeGitHubOptions, OriginName, RecordedCall } from "./types.ts";
import { serveWeb } from "./web.ts";
import { World } from "./world.ts";

export type * from "./types.ts";

export async function startFakeGitHub(options: FakeGitHubOptions = {}): Promise<FakeGitHub> {
  const world = new World(options);
  const calls: RecordedCall[] = [];
  const faults = new FaultBook();
  const closing = new AbortController();
  const room = { calls, faults, now: () => world.clock.now(), closing: closing.signal };
  const handlers: Record<OriginName, Line["handle"]> = {
    web: (ask) => serveWeb(world, ask),
    api: (ask) => serveApi(world, API_ROUTES, ask),
    uploads: (ask) => serveApi(world, UPLOAD_ROUTES, ask),
    storage: (ask) => serveStorage(world, ask),
  };
  const names: OriginName[] = ["web", "api", "uploads", "storage"];
  const lines = names.map(
    (origin): Line => ({ origin, handle: handlers[origin], describe: (headers) => describeCaller(world, headers) }),
  );
  const opened = await Promise.all(lines.map(async (line) => listen(line, room)));
  for (const [index, name] of names.entries()) world.origins[name] = opened[index]?.origin ?? "";

  return {
    ...world.origins,
    ...seeding(world),
    ...playing(world),
    clock: world.clock,
    calls,
    callsTo: (origin, method, path) =>
      calls.filter(
        (call) =>
          call.origin === origin &&
          (method === undefined || call.method === method) &&
          (path === undefined || call.path.search(path) !== -1),
      ),
    fault: (spec) => faults.add(spec),
    close: async () => {
      closing.abort();
      for (const { server } of opened) server.closeAllConnections();
      await Promise.all(
        opened.map(async ({ server }) => new Promise<void>((resolve) => server.close(() => resolve()))),
      );
    },
  };
}

type Seeding = Pick<
  FakeGitHub,
  "client" | "user" | "repository" | "rename" | "renameUser" | "installation" | "uninstall" | "personalToken"
>;

function seeding(world: World): Seeding {
  return {
    client: (spec) => world.addClient(spec),
    user: ({ login, ...more }) => {
      const { id } = world.addAccount(login, "User", more);
      return { id, login };
    },
    repository: (spec) => ({ id: world.addRepository(spec).id }),
    rename: (owner, name, newName) => {
      const repo = world.repository(owner, name);
      if (repo === undefined) throw new Error(`fake-github: no repository ${owner}/${name}`);
      world.rename(repo, newName);
    },
    renameUser: (login, newLogin) => {
      const user = world.knownUser(login);
      for (const repo of world.repositories) {
        const level = repo.collaborators.get(login.toLowerCase());
        repo.collaborators.delete(login.toLowerCase());
        if (level !== undefined) repo.collaborators.set(newLogin.toLowerCase(), level);
      }
      user.login = newLogin;
    },
    installation: (spec) => ({ id: world.addInstallation(spec).id }),
    uninstall: (id) => {
      const index = world.installations.findIndex((one) => one.id === id);
      if (index !== -1) world.installations.splice(index, 1);
    },
    personalToken: ({ login, scopes, expiresInMs }) => {
      const expiresAt = expiresInMs === undefined ? null : world.clock.now() + expiresInMs;
      return world.tokens.personal(world.knownUser(login), scopes ?? [], expiresAt).access;
    },
  };
}

type Playing = Pick<FakeGitHub, "approve" | "approveDevice" | "revokeGrant" | "revokeToken" | "liveTokens">;

function playing(world: World): Playing {
  return {
    approve,
    approveDevice: (userCode, login, decision) => {
      const device = world.codes.deviceByUserCode(userCode);
      if (device === undefined) throw new Error(`fake-github: no device code ${userCode}`);
      device.outcome = decision?.deny === true ? "denied" : world.knownUser(login);
    },
    revokeGrant: (login, clientId) => world.tokens.revokeAll(world.knownUser(login), world.knownClient(clientId)),
    revokeToken: (value) => {
      const token = world.tokens.known(value);
      if (token !== undefined) token.dead = true;
    },
    liveTokens: (login, clientId) =>
      world.tokens
        .live(world.knownUser(login), clientId === undefined ? null : world.knownClient(clientId))
        .map(({ access, refresh }) => ({ access, refresh })),
  };
}
