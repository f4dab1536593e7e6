// Limits and calls at once, counted in Redis.
import type { HeldSlot, ShareAnswer, ShareAsk, ShareCounter, SlotCounter } from "./counter.ts";
import type { RedisLink } from "./redis.ts";

export function redisCounters(redis: RedisLink): ShareCounter & SlotCounter {
  return {
    async ask(ask) {
      return answerOf(await redis.run("share", `limit:${ask.key}`, shareArgs(ask)));
    },
    async takeSlots({ key, most, ids, others, leaseMs }) {
      return Number(await redis.run("takeSlots", slotKey(key), [most, leaseMs, ids.length, ...ids, ...others]));
    },
    async keepSlots(slots, leaseMs) {
      await Promise.all(
        byKey(slots).map(async ([key, ids]) => redis.run("keepSlots", slotKey(key), [leaseMs, ...ids])),
      );
    },
    async freeSlots(slots) {
      await Promise.all(byKey(slots).map(async ([key, ids]) => redis.run("freeSlots", slotKey(key), ids)));
    },
  };
}

function byKey(slots: readonly HeldSlot[]): readonly (readonly [key: string, ids: readonly string[]])[] {
  return [...Map.groupBy(slots, ({ key }) => key)].map(([key, held]) => [key, held.map(({ id }) => id)]);
}

function slotKey(key: string): string {
  return `slots:${key}`;
}

function shareArgs(ask: ShareAsk): (string | number)[] {
  return [
    ask.most,
    ask.windowMs,
    ask.sliceMs,
    ask.lifeMs,
    ask.want,
    ask.newOrigin,
    ask.returns.length,
    ...ask.returns.flatMap(({ origin, slice, units }) => [origin, slice, units]),
    ...ask.known.flatMap(({ origin, used, forMs }) => [origin, used, Math.ceil(forMs)]),
  ];
}

function answerOf(reply: unknown): ShareAnswer {
  const [origin, slice, granted, own, used, endsInMs, freeInMs] = Array.isArray(reply) ? reply.map(Number) : [];
  if (freeInMs === undefined || !Number.isSafeInteger(freeInMs)) throw new TypeError("Redis answered something else");
  return {
    origin: origin ?? 0,
    slice: slice ?? 0,
    granted: granted ?? 0,
    own: own ?? 0,
    used: used ?? 0,
    endsInMs: endsInMs ?? 0,
    freeInMs,
  };
}
