// From settings to a listening server, and from a signal to a clean end.
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { setTimeout as sleepFor } from "node:timers/promises";
import { makeFirstToken } from "./admin-token.ts";
import { type Behalf, compose, databaseOf, openStore, type World } from "./compose.ts";
import { type Config, originAt } from "./config.ts";
import { systemRandom } from "./crypto/random.ts";
import { makeKeysFile, readKeysFile } from "./keys-file.ts";
import { createLog } from "./log.ts";
import type { NamedKey } from "./settings.ts";
import type { Database } from "./store/store.ts";
import { WrongKeys } from "./vault/keys.ts";

export interface Running {
  readonly behalf: Behalf;
  readonly origin: string;
  /** The first admin token, when this start made it. */
  readonly firstToken: string | undefined;
  /** Ends gracefully; calling it again changes nothing (design §10.17). */
  stop(): Promise<void>;
}

const sweepEveryMs = 15_000;

export function systemWorld(config: { readonly logLevel: Config["logLevel"] }): World {
  const write = (line: string): void => void process.stderr.write(line);
  return {
    now: () => Date.now(),
    random: systemRandom,
    sleep: async (ms) => sleepFor(ms),
    log: createLog({ level: config.logLevel, write, now: () => Date.now() }),
  };
}

/** The key ring: from the settings, or beside the SQLite file; made only while that database is new and empty. */
export async function keysFor(config: Config, database: Database, wasEmpty: boolean): Promise<readonly NamedKey[]> {
  if (config.keys !== null) return config.keys;
  if (config.database.kind === "postgres") throw new WrongKeys("BEHALF_KEYS is needed with PostgreSQL.");
  const { file } = config.database;
  const there = readKeysFile(file);
  if (there !== undefined) return there;
  // Another process may have migrated a moment ago: empty is what counts, not who was first.
  const isNew = wasEmpty || (await database.meta.sealingKeys()).length === 0;
  if (!isNew) {
    throw new WrongKeys(
      `The database ${file} holds sealed values, and its keys are missing. Set BEHALF_KEYS, or bring back behalf.keys beside it.`,
    );
  }
  return makeKeysFile(file, systemRandom);
}

export async function start(config: Config, world: World): Promise<Running> {
  const database = databaseOf(config);
  try {
    const { wasEmpty } = await database.migrate();
    const keys = await keysFor(config, database, wasEmpty);
    const firstToken = await firstTokenFor(config, { database, keys, world });
    return await listen(config, { database, keys, world, firstToken });
  } catch (error) {
    await database.close();
    throw error;
  }
}

interface Prepared {
  readonly database: Database;
  readonly keys: readonly NamedKey[];
  readonly world: World;
}

async function firstTokenFor(config: Config, { database, keys, world }: Prepared): Promise<string | undefined> {
  if (config.adminToken !== null || config.database.kind === "postgres") return undefined;
  const { store } = await openStore(database, keys, world);
  return makeFirstToken({ store, random: world.random, now: world.now });
}

async function listen(
  config: Config,
  prepared: Prepared & { readonly firstToken: string | undefined },
): Promise<Running> {
  const { database, keys, world, firstToken } = prepared;
  // Port 0 is known only once we listen, and every URL we build needs it: so a probe finds one first.
  const port = config.port === 0 ? await freePort(config.host) : config.port;
  const url = config.url.endsWith(":0") ? originAt(config.host, port) : config.url;
  const behalf = await compose({ ...config, url, keys }, database, world);
  behalf.server.listen(port, config.host);
  await once(behalf.server, "listening");
  const stopSweeping = sweepRegularly(behalf, world);
  let ending: Promise<void> | undefined;
  const stop = async (): Promise<void> => {
    ending ??= end(behalf, { stopSweeping, drainMs: config.drainSeconds * 1000, world });
    return ending;
  };
  return { behalf, origin: url, firstToken, stop };
}

async function freePort(host: string): Promise<number> {
  const { createServer } = await import("node:net");
  const probe = createServer().listen(0, host);
  await once(probe, "listening");
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, "close");
  return port;
}

function sweepRegularly(behalf: Behalf, { log }: World): () => Promise<void> {
  let running: Promise<void> = Promise.resolve();
  let isBusy = false;
  const round = (): void => {
    if (isBusy) return;
    isBusy = true;
    running = behalf
      .sweep()
      .catch((error: unknown) => log.error("The sweep failed", { error }))
      .finally(() => {
        isBusy = false;
      });
  };
  round();
  const timer = setInterval(round, sweepEveryMs);
  return async () => {
    clearInterval(timer);
    await running;
  };
}

interface Ending {
  readonly stopSweeping: () => Promise<void>;
  readonly drainMs: number;
  readonly world: World;
}

/** No accepted request is cut before its time: no new ones, idle connections closed, the rest gets the drain time. */
async function end(behalf: Behalf, { stopSweeping, drainMs, world }: Ending): Promise<void> {
  const { server } = behalf;
  const closed = once(server, "close");
  server.close();
  server.closeIdleConnections();
  // A connection that falls idle while we drain would hold us up until its keep-alive ends.
  const closer = setInterval(() => server.closeIdleConnections(), 50);
  const cut = setTimeout(() => {
    world.log.warn("The drain time is over; what still ran was cut", { seconds: drainMs / 1000 });
    server.closeAllConnections();
  }, drainMs);
  await Promise.all([closed, stopSweeping()]);
  clearInterval(closer);
  clearTimeout(cut);
  await behalf.close();
}
