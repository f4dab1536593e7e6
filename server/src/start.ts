// From settings to a listening server, and from a signal to a clean end.
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { setTimeout as sleepFor } from "node:timers/promises";
import { makeFirstToken } from "./admin-token.ts";
import { makeCollector } from "./background.ts";
import { type Behalf, compose, type World } from "./compose.ts";
import { type Config, originAt } from "./config.ts";
import { systemRandom } from "./crypto/random.ts";
import { type Drain, makeDrain, within } from "./http/drain.ts";
import { makeKeysFile, readKeysFile } from "./keys-file.ts";
import { createLog } from "./log.ts";
import { databaseOf } from "./opening.ts";
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

const everyMsByDefault = 15_000;

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
  if (isNew) return makeKeysFile(file, systemRandom);
  // It may also have made the keys and sealed with them since we looked for the file.
  const late = readKeysFile(file);
  if (late !== undefined) return late;
  throw new WrongKeys(
    `The database ${file} holds sealed values, and its keys are missing. Set BEHALF_KEYS, or bring back behalf.keys beside it.`,
  );
}

export async function start(config: Config, world: World): Promise<Running> {
  const database = databaseOf(config);
  try {
    const { wasEmpty } = await database.migrate();
    const keys = await keysFor(config, database, wasEmpty);
    return await listen(config, { database, keys, world });
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

/** Made only once we listen: a start that fails after it would have spent the one time the token is shown. */
async function firstTokenFor(config: Config, { house }: Behalf, { random, now }: World): Promise<string | undefined> {
  if (config.adminToken !== null || config.database.kind === "postgres") return undefined;
  return makeFirstToken({ store: house.store, random, now });
}

async function listen(config: Config, { database, keys, world }: Prepared): Promise<Running> {
  // Port 0 is known only once we listen, and every URL we build needs it: so a probe finds one first.
  const port = config.port === 0 ? await freePort(config.host) : config.port;
  const url = config.url.endsWith(":0") ? originAt(config.host, port) : config.url;
  const behalf = await compose({ ...config, url, keys }, database, world);
  // What only the start needed would stay: 20 MB of an idle server. Now, for it takes some 60 ms.
  makeCollector()({ type: "major", flavor: "last-resort" });
  const drain = makeDrain(behalf.server);
  const open = async (): Promise<string | undefined> => {
    behalf.server.listen(port, config.host);
    await once(behalf.server, "listening");
    return firstTokenFor(config, behalf, world);
  };
  const firstToken = await open().catch(async (error: unknown) => {
    // A process that listens does not end by itself, and a rotation waits for one that did not sign off.
    behalf.server.close();
    behalf.server.closeAllConnections();
    await behalf.close();
    throw error;
  });
  const stopSweeping = sweepRegularly(behalf, world);
  const stopNoting = noteRegularly(behalf, world);
  let ending: Promise<void> | undefined;
  const stop = async (): Promise<void> => {
    ending ??= end(behalf, { drain, stopSweeping, stopNoting, drainMs: config.drainSeconds * 1000, world });
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

function sweepRegularly(behalf: Behalf, { log, sweepEveryMs = everyMsByDefault }: World): () => Promise<void> {
  let isEnding = false;
  const sweep = async (): Promise<void> =>
    behalf.sweep(() => isEnding).catch((error: unknown) => log.error("The sweep failed", { error }));
  const stop = regularly(sweepEveryMs, sweep);
  return async () => {
    isEnding = true;
    await stop();
  };
}

/** Not a chore of the sweep: behind a slow one this server would fall silent, and a rotation forget it. */
function noteRegularly({ house }: Behalf, { log, sweepEveryMs = everyMsByDefault }: World): () => Promise<void> {
  const note = async (): Promise<void> =>
    house.vault
      .noteKeys()
      .catch((error: unknown) => log.error("This server could not say which keys it has", { error }));
  return regularly(sweepEveryMs, note);
}

/** Now and then, never twice at once. Answers what ends it, which waits for the round under way. */
function regularly(everyMs: number, work: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> = Promise.resolve();
  let isBusy = false;
  const round = (): void => {
    if (isBusy) return;
    isBusy = true;
    running = work().finally(() => {
      isBusy = false;
    });
  };
  round();
  const timer = setInterval(round, everyMs).unref();
  return async () => {
    clearInterval(timer);
    await running;
  };
}

interface Ending {
  readonly drain: Drain;
  readonly stopSweeping: () => Promise<void>;
  readonly stopNoting: () => Promise<void>;
  readonly drainMs: number;
  readonly world: World;
}

/** Requests and what runs in the background get the drain time together; only a refresh may need longer (design §10.1). */
async function end(behalf: Behalf, { drain, stopSweeping, stopNoting, drainMs, world }: Ending): Promise<void> {
  const deadline = performance.now() + drainMs;
  behalf.beginEnd();
  const swept = stopSweeping();
  const cut = await drain({ ms: drainMs, giveUp: async () => behalf.giveUp() });
  if (cut > 0) {
    const seconds = drainMs / 1000;
    world.log.warn("The drain time is over; what still ran was cut", { seconds, requests: cut });
  }
  const closed = swept
    .then(async () => behalf.checkpoint())
    // A database that is away keeps no checkpoint, and no process from ending.
    .catch((error: unknown) => world.log.warn("The audit got no checkpoint at the end", { error }))
    // Until then it holds its place: what still runs may seal. After the last note it signs off.
    .then(stopNoting)
    .then(async () => behalf.close());
  if (!(await within(deadline - performance.now(), closed))) await behalf.giveUp();
  await closed;
}
