// What this process knows of the limits that GitHub sets its accounts. A process that knows nothing learns it from one answer.
import type { Block } from "../rules/headroom.ts";
import type { RateFacts } from "../rules/request-record.ts";

/** Accounts remembered; the one that was silent longest is forgotten first. */
const accountsMax = 10_000;

/** A longer refusal than this is a broken header or clock: limits renew every hour. */
const longestMs = 3_600_000;

interface Known {
  readonly rates: Map<string, RateFacts>;
  blocks: readonly Block[];
}

export interface Headroom {
  /** `key` names the account and the person behind it. */
  learn(key: string, told: { readonly rate: RateFacts | null; readonly block: Block | null }): void;
  /** Why a call would be refused by GitHub now; null when nothing is known against it. */
  blockOf(key: string, resource: string, now: number): Block | null;
  /** The least that is left, over all accounts of each resource: for metrics. */
  least(now: number): ReadonlyMap<string, number>;
}

export function makeHeadroom(): Headroom {
  const accounts = new Map<string, Known>();

  function known(key: string): Known {
    const there = accounts.get(key) ?? { rates: new Map<string, RateFacts>(), blocks: [] };
    accounts.delete(key);
    accounts.set(key, there);
    if (accounts.size > accountsMax) accounts.delete(accounts.keys().next().value ?? "");
    return there;
  }

  return {
    learn(key, { rate, block }) {
      if (rate === null && block === null) return;
      const account = known(key);
      // Answers come back in any order: of two in one window the one with less left is the later one.
      const before = rate === null ? undefined : account.rates.get(rate.resource);
      const isOlder =
        before !== undefined && rate !== null && before.resetAt === rate.resetAt && before.remaining < rate.remaining;
      if (rate !== null && !isOlder) account.rates.set(rate.resource, rate);
      if (block !== null)
        account.blocks = [...account.blocks.filter(({ resource }) => resource !== block.resource), block];
    },
    blockOf(key, resource, now) {
      const blocks = accounts.get(key)?.blocks ?? [];
      const living = blocks.filter((block) => block.until > now && block.until - now <= longestMs);
      return living.find((block) => block.resource === null || block.resource === resource) ?? null;
    },
    least(now) {
      const least = new Map<string, number>();
      for (const { rates } of accounts.values()) {
        for (const { resource, remaining, resetAt } of rates.values()) {
          if (resetAt > now) least.set(resource, Math.min(remaining, least.get(resource) ?? remaining));
        }
      }
      return least;
    },
  };
}
