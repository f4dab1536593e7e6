// Makes everything once and hands it over: the only place where rooms meet by value.
import type { Server } from "node:http";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import type { Config } from "./config.ts";
import { type CheckpointSigner, makeCheckpointSigner } from "./crypto/checkpoint-signer.ts";
import type { Credential } from "./crypto/credential.ts";
import { hmac, sameText } from "./crypto/digest.ts";
import { tokenDigest } from "./crypto/gateway-token.ts";
import type { Random } from "./crypto/random.ts";
import { makeKeyRing } from "./crypto/seal.ts";
import { makeHeadroom } from "./ephemeral/headroom.ts";
import { makeEphemeral } from "./ephemeral/make.ts";
import type { House } from "./flows/house.ts";
import { sweep } from "./flows/sweep.ts";
import { type AuditReport, verifyAudit } from "./flows/verify-audit.ts";
import { makeServer } from "./http/server.ts";
import type { Log } from "./log.ts";
import { makeMetrics } from "./metrics.ts";
import { readiness } from "./readiness.ts";
import { refreshLeaseMs } from "./rules/account.ts";
import { idFrom } from "./rules/ids.ts";
import type { NamedKey } from "./settings.ts";
import { type Database, openDatabase, type Store } from "./store/store.ts";
import { makeInputCheck } from "./tools/validate.ts";
import { makeForward } from "./upstream/forward.ts";
import { makeGitHub } from "./upstream/github.ts";
import { type Lookup, makeGuard } from "./upstream/guard.ts";
import { makeOAuth } from "./upstream/oauth.ts";
import { presetNamed, presets } from "./upstream/presets.ts";
import { makeTransport } from "./upstream/transport.ts";
import { openAuditKey, proveRing } from "./vault/keys.ts";
import { makeVault } from "./vault/vault.ts";
import { version } from "./version.ts";

/** What the world outside hands in: time, randomness, names; tests hold them still. */
export interface World {
  readonly now: () => number;
  readonly random: Random;
  readonly sleep: (ms: number) => Promise<void>;
  readonly log: Log;
  readonly lookup?: Lookup;
  /** `refreshLeaseMs` but for tests that cannot wait a minute. */
  readonly leaseMs?: number;
  /** How often the house sweeps; tests do not wait for it either. */
  readonly sweepEveryMs?: number;
}

export interface Behalf {
  readonly house: House;
  readonly server: Server;
  /** `isEnding`: from then on it begins nothing new. */
  sweep(isEnding?: () => boolean): Promise<void>;
  verifyAudit(): Promise<AuditReport>;
  /** Ends what only waits: event streams and long polls, which their callers resume elsewhere. */
  beginEnd(): void;
  /** Ends every wait for an upstream but for a refresh: cut off, it could lose the pair that it was about to receive. */
  giveUp(): Promise<void>;
  /** Waits for what runs in the background, then closes upstream connections and the database. */
  close(): Promise<void>;
}

export type Needed = Pick<
  Config,
  "url" | "allowUpstream" | "trustedProxies" | "addressLimit" | "redis" | "metricsToken"
> & {
  readonly keys: readonly NamedKey[];
  readonly adminToken: Credential | null;
};

/** Only a root file knows where it lies: as TypeScript in a checkout, built in a package. */
const readingWorker = new URL(
  import.meta.url.endsWith(".ts") ? "./store/reading-worker.ts" : "./store/reading-worker.js",
  import.meta.url,
);

/** Opens the database behind the store, as the settings choose it. */
export function databaseOf(config: Pick<Config, "database">): Database {
  const { database } = config;
  return openDatabase(database.kind === "sqlite" ? database : { kind: "postgres", url: database.url.reveal() });
}

export interface Opened {
  readonly store: Store;
  readonly ring: ReturnType<typeof makeKeyRing>;
  readonly auditLink: (text: string) => string;
  readonly checkpointSigner: CheckpointSigner;
}

/** Proves the keys against a migrated database, then opens the store with its audit chain. Throws WrongKeys. */
export async function openStore(
  database: Database,
  keys: readonly NamedKey[],
  world: Pick<World, "now" | "random">,
): Promise<Opened> {
  const ring = makeKeyRing(keys, world.random);
  await proveRing(ring, database.meta, world.now());
  const auditKey = await openAuditKey(ring, database.meta, world.random);
  const auditLink = (text: string): string => hmac(auditKey, text);
  const newId = () => idFrom("event", world.random(16));
  const store = database.withChain({ link: auditLink, newId, now: world.now });
  await recordKey(store, ring.newest, world.now());
  return { ring, auditLink, checkpointSigner: makeCheckpointSigner(auditLink), store };
}

/** The chain needs the ring, so a key is recorded once the chain is open: at the latest by the next start. */
async function recordKey(store: Store, id: string, now: number): Promise<void> {
  if ((await store.meta.find(`key_added:${id}`)) !== undefined) return;
  await store.change(async (tables, record) => {
    const first = await tables.meta.putOnce(`key_added:${id}`, String(now));
    const actor = { kind: "system", task: "start" } as const;
    if (first) record({ chain: "instance", name: "key.added", actor, subject: id });
  });
}

export async function compose(config: Needed, database: Database, world: World): Promise<Behalf> {
  const { now, random, sleep, log } = world;
  const { store, ring, auditLink, checkpointSigner } = await openStore(database, config.keys, world);
  const guard = makeGuard(config.allowUpstream, world.lookup);
  const transport = makeTransport({ guard, version });
  const oauth = makeOAuth({ transport, now });
  const leaseMs = world.leaseMs ?? refreshLeaseMs;
  const holder = idFrom("event", random(16));
  const keeping = { ring, store, oauth, presetNamed, now, random, sleep, holder, origin: config.url, leaseMs };
  const vault = makeVault({ ...keeping, warn: (message, fields) => log.warn(message, fields) });
  const background = makeBackground(log);
  const collect = makeCollector();
  const ending = new AbortController();
  const headroom = makeHeadroom();
  const warn = (message: string, fields: Readonly<Record<string, unknown>>): void => log.warn(message, fields);
  const { log: records, reading, ...requestLog } = database.requestLog({ worker: readingWorker, warn, now });
  const redis = config.redis === null ? null : { url: config.redis.reveal() };
  const { counters, totals } = database;
  const monotonic = (): number => performance.now();
  const ephemeral = makeEphemeral({ redis, counters, totals, monotonic, random, warn });
  const metrics = makeMetrics(version, {
    headroom: () => headroom.least(now()),
    dropped: () => records.dropped,
    pool: () => database.connections(),
  });
  const house: House = {
    store,
    vault,
    oauth,
    github: makeGitHub({ transport }),
    forward: makeForward(transport.dispatcher, { relieve: () => collect({ type: "minor" }) }),
    presets,
    log,
    auditLink,
    checkpointSigner,
    reading,
    metrics,
    records,
    ephemeral,
    headroom,
    addressLimit: config.addressLimit,
    now,
    elapsed: monotonic,
    newId: (kind) => idFrom(kind, random(16)),
    origin: config.url,
    adminDigest: config.adminToken === null ? null : tokenDigest(config.adminToken.reveal()),
    mayReach: (url) => guard.mayName(url) === "ok",
    checkInput: makeInputCheck(),
    background: background.run,
    trustedProxies: config.trustedProxies,
    ending: ending.signal,
  };
  return {
    house,
    server: makeServer(house, {
      version,
      checks: async () => readiness({ database, ephemeral, keyIds: ring.ids }),
      metrics: metrics.text,
      isMetricsToken: metricsCheck(config.metricsToken),
    }),
    sweep: async (isEnding = () => false) => sweep({ ...house, leaseMs, isEnding }),
    verifyAudit: async () => verifyAudit({ store, auditLink, checkpointSigner }),
    beginEnd: () => ending.abort("ending"),
    async giveUp() {
      await vault.settle();
      await transport.cut();
    },
    async close() {
      await vault.settle();
      await background.settle();
      await transport.close();
      await ephemeral.close();
      await requestLog.close();
      await database.close();
    },
  };
}

type Collect = (what: { readonly type: "minor" } | { readonly type: "major"; readonly flavor: "last-resort" }) => void;

/** Asks for a collection: of young garbage, about a millisecond, or of everything. Node offers no other way. */
export function makeCollector(): Collect {
  let collect: Collect | undefined;
  return (what) => {
    if (collect === undefined) {
      setFlagsFromString("--expose-gc");
      collect = runInNewContext("gc") as Collect;
      setFlagsFromString("--no-expose-gc");
    }
    collect(what);
  };
}

function metricsCheck(token: Credential | null): ((presented: string) => boolean) | null {
  return token === null ? null : (presented) => sameText(presented, token.reveal());
}

function makeBackground(log: Log): { run: House["background"]; settle: () => Promise<void> } {
  const running = new Set<Promise<unknown>>();
  return {
    run(name, task) {
      const work = task()
        .catch((error: unknown) => log.warn("A background task failed", { task: name, error }))
        .finally(() => running.delete(work));
      running.add(work);
    },
    async settle() {
      await Promise.allSettled(running);
    },
  };
}
