// Makes everything once and hands it over: the only place where rooms meet by value.
import type { Server } from "node:http";
import { type Background, makeBackground, makeCollector } from "./background.ts";
import type { Config } from "./config.ts";
import type { Credential } from "./crypto/credential.ts";
import { sameText } from "./crypto/digest.ts";
import { tokenDigest } from "./crypto/gateway-token.ts";
import type { Random } from "./crypto/random.ts";
import type { Ephemeral } from "./ephemeral/ephemeral.ts";
import { makeHeadroom } from "./ephemeral/headroom.ts";
import { type EphemeralNeeds, makeEphemeral } from "./ephemeral/make.ts";
import { checkpointAudit } from "./flows/checkpoint-audit.ts";
import type { House } from "./flows/house.ts";
import { sweep } from "./flows/sweep.ts";
import { type AuditReport, verifyAudit } from "./flows/verify-audit.ts";
import { makeServer } from "./http/server.ts";
import type { Log } from "./log.ts";
import { type Metrics, makeMetrics } from "./metrics.ts";
import { type Opened, openStore } from "./opening.ts";
import { readiness } from "./readiness.ts";
import { refreshLeaseMs } from "./rules/account.ts";
import { idFrom } from "./rules/ids.ts";
import type { NamedKey } from "./settings.ts";
import type { OpenedRequestLog } from "./store/request-open.ts";
import type { Database } from "./store/store.ts";
import { makeInputCheck } from "./tools/validate.ts";
import { makeForward } from "./upstream/forward.ts";
import { makeGitHub } from "./upstream/github.ts";
import { type Lookup, makeGuard } from "./upstream/guard.ts";
import { makeOAuth } from "./upstream/oauth.ts";
import { presetNamed, presets } from "./upstream/presets.ts";
import type { OAuth } from "./upstream/provider.ts";
import { makeTransport } from "./upstream/transport.ts";
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
  /** Signs where every chain of the audit ends now, and says it in the log. */
  checkpoint(): Promise<void>;
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

export async function compose(config: Needed, database: Database, world: World): Promise<Behalf> {
  const holder = idFrom("event", world.random(16));
  // First of all: a rotation that ends while we prove our keys must know that we are coming.
  await database.rings.note(
    holder,
    config.keys.map(({ id }) => id),
  );
  const opened = await openStore(database, config.keys, world).catch(async (error: unknown) => {
    await database.rings.forget(holder).catch(() => undefined);
    throw error;
  });
  const made = build(config, database, { world, opened, holder });
  const { house, ending, transport, background, requestLog } = made;
  const { vault, ephemeral, log } = house;
  const leaseMs = world.leaseMs ?? refreshLeaseMs;
  return {
    house,
    server: makeServer(house, {
      version,
      checks: async () => readiness({ database, ephemeral, keyIds: opened.ring.ids }),
      metrics: house.metrics.text,
      isMetricsToken: metricsCheck(config.metricsToken),
    }),
    sweep: async (isEnding = () => false) => {
      const more = [
        ["checkpoints of the audit", async () => checkpointAudit(house, "due")],
        ["limits past their time", async () => database.counters?.eraseEnded()],
        ["records past their time", requestLog.erase],
      ] as const;
      await sweep({ ...house, leaseMs, isEnding, more });
    },
    checkpoint: async () => void (await checkpointAudit(house, "now")),
    verifyAudit: async () => verifyAudit(house),
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
      await vault.forgetKeys().catch((error: unknown) => log.warn("This server could not sign off", { error }));
      await requestLog.close();
      await database.close();
    },
  };
}

interface Made {
  readonly house: House;
  readonly ending: AbortController;
  readonly transport: ReturnType<typeof makeTransport>;
  readonly background: Background;
  readonly requestLog: Pick<OpenedRequestLog, "erase" | "close">;
}

function build(
  config: Needed,
  database: Database,
  { world, opened, holder }: { readonly world: World; readonly opened: Opened; readonly holder: string },
): Made {
  const { now, random, sleep, log } = world;
  const { ring, ...kept } = opened;
  const warn = (message: string, fields: Readonly<Record<string, unknown>>): void => log.warn(message, fields);
  const guard = makeGuard(config.allowUpstream, world.lookup);
  const transport = makeTransport({ guard, version });
  const headroom = makeHeadroom();
  const { log: records, reading, ...requestLog } = database.requestLog({ worker: readingWorker, warn, now });
  const metrics = makeMetrics(version, {
    headroom: () => headroom.least(now()),
    dropped: () => records.dropped,
    pool: () => database.connections(),
  });
  const oauth = counted(makeOAuth({ transport, now }), metrics);
  const leaseMs = world.leaseMs ?? refreshLeaseMs;
  const keeping = { ring, store: kept.store, oauth, presetNamed, now, random, sleep, warn, leaseMs };
  const background = makeBackground(log);
  const collect = makeCollector();
  const ending = new AbortController();
  const house: House = {
    ...kept,
    vault: makeVault({ ...keeping, holder, origin: config.url }),
    oauth,
    github: makeGitHub({ transport }),
    forward: makeForward(transport.dispatcher, { relieve: () => collect({ type: "minor" }) }),
    presets,
    log,
    reading,
    metrics,
    records,
    ephemeral: ephemeralOf(config, database, { random, warn }),
    headroom,
    addressLimit: config.addressLimit,
    now,
    elapsed: () => performance.now(),
    newId: (kind) => idFrom(kind, random(16)),
    origin: config.url,
    adminDigest: config.adminToken === null ? null : tokenDigest(config.adminToken.reveal()),
    mayReach: (url) => guard.mayName(url) === "ok",
    checkInput: makeInputCheck(),
    background: background.run,
    trustedProxies: config.trustedProxies,
    ending: ending.signal,
  };
  return { house, ending, transport, background, requestLog };
}

function ephemeralOf(
  config: Needed,
  { counters, totals }: Database,
  powers: Pick<EphemeralNeeds, "random" | "warn">,
): Ephemeral {
  const redis = config.redis === null ? null : { url: config.redis.reveal() };
  return makeEphemeral({ ...powers, redis, counters, totals, monotonic: () => performance.now() });
}

/** Every refresh is an exchange with the provider, whoever asked for it. */
function counted(oauth: OAuth, metrics: Metrics): OAuth {
  return {
    ...oauth,
    async refresh(provider, refresh) {
      const answer = await oauth.refresh(provider, refresh);
      metrics.refresh(answer.kind);
      return answer;
    },
  };
}

function metricsCheck(token: Credential | null): ((presented: string) => boolean) | null {
  return token === null ? null : (presented) => sameText(presented, token.reveal());
}
