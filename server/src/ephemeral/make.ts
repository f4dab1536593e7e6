// Makes what processes share for a moment: in memory for a process that is alone, else in Redis, else in SQL.
import type { SharedCounters, TotalCounters, Warn } from "./counter.ts";
import type { Ephemeral, Limiter, Slots } from "./ephemeral.ts";
import { localCounter } from "./local-counter.ts";
import { makeMemoryLimiter } from "./memory-limiter.ts";
import { makeMemorySlots } from "./memory-slots.ts";
import { type Place, Places } from "./places.ts";
import { Reach, type ReachNeeds } from "./reach.ts";
import { openRedis, type RedisChoice, type RedisLink, redisPatienceMs } from "./redis.ts";
import { redisCounters } from "./redis-counters.ts";
import { SharedLimiter } from "./shared-limiter.ts";
import { SharedSlots } from "./shared-slots.ts";
import { SharedTotals } from "./totals.ts";

const sqlPatienceMs = 2000;
/** Origins are positive and fit an integer of any database; 0 is the one in SQL. */
const originMax = 2 ** 31;

export interface EphemeralNeeds {
  readonly redis: RedisChoice | null;
  /** Null where no other process can reach the database (SQLite): memory is exact there. */
  readonly counters: SharedCounters | null;
  readonly totals: TotalCounters;
  /** Milliseconds of a clock that only goes forward. */
  readonly monotonic: () => number;
  readonly random: (bytes: number) => Uint8Array;
  readonly warn: Warn;
  /** `slotLeaseMs` but for tests that cannot wait for it. */
  readonly leaseMs?: number | undefined;
}

interface Counting {
  readonly limiter: Limiter;
  readonly slots: Slots;
  ping(): Promise<boolean | null>;
  close(): Promise<void>;
}

export function makeEphemeral(needs: EphemeralNeeds): Ephemeral {
  const totals = new SharedTotals({ counters: needs.totals, monotonic: needs.monotonic, warn: needs.warn });
  const isAlone = needs.redis === null && needs.counters === null;
  const counting = isAlone ? countingAlone(needs) : countingTogether(needs);
  return {
    limiter: counting.limiter,
    slots: counting.slots,
    totals,
    ping: counting.ping,
    async close() {
      await Promise.all([counting.close(), totals.close()]);
    },
  };
}

function countingAlone({ monotonic }: EphemeralNeeds): Counting {
  return {
    limiter: makeMemoryLimiter(monotonic),
    slots: makeMemorySlots(),
    ping: async () => Promise.resolve(null),
    close: async () => Promise.resolve(),
  };
}

function countingTogether(needs: EphemeralNeeds): Counting {
  const { counters, monotonic, random, warn, leaseMs } = needs;
  const found: Place[] = [];
  const onLost = (): void => {
    places.tell(limiter.told());
    slots.keep();
  };
  const common = { monotonic, warn, onLost, onBack: () => slots.keep() };
  const redis = needs.redis === null ? null : redisPlace(needs.redis, common);
  if (redis !== null) found.push(redis.place);
  if (counters !== null) {
    const reach = new Reach({
      name: "The database",
      probe: counters.ping,
      patienceMs: sqlPatienceMs,
      atOnce: counters.atOnce,
      ...common,
    });
    found.push({ reach, counter: counters });
  }
  const newOrigin = (): number => originFrom(random);
  const places = new Places(found, localCounter(newOrigin(), monotonic), monotonic);
  const limiter = new SharedLimiter({ places, monotonic, newOrigin });
  const slots = new SharedSlots({ places: found, newId: () => newId(random), leaseMs });
  return {
    limiter,
    slots,
    ping: async () => (redis === null ? null : answers(redis.link)),
    async close() {
      await places.close();
      await Promise.all([limiter.close(), slots.close()]);
      await Promise.all(found.map(async ({ reach }) => reach.close()));
      await redis?.link.close();
    },
  };
}

function redisPlace(
  choice: RedisChoice,
  common: Omit<ReachNeeds, "name" | "probe" | "patienceMs">,
): { place: Place; link: RedisLink } {
  const link = openRedis(choice, (error) => reach.lost(error));
  const reach = new Reach({ name: "Redis", probe: link.ping, patienceMs: redisPatienceMs, ...common });
  return { place: { reach, counter: redisCounters(link) }, link };
}

function originFrom(random: (bytes: number) => Uint8Array): number {
  return 1 + (Buffer.from(random(4)).readUInt32BE() % (originMax - 1));
}

function newId(random: (bytes: number) => Uint8Array): string {
  return Buffer.from(random(12)).toString("base64url");
}

async function answers(redis: RedisLink): Promise<boolean> {
  try {
    await redis.ping();
    return true;
  } catch {
    return false;
  }
}
