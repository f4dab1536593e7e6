// Limits over several processes: each takes small shares from the shared counter and admits from these without asking.
import type { Told } from "./counter.ts";
import type { Admission, Limit, Limiter } from "./ephemeral.ts";
import { refusal } from "./memory-limiter.ts";
import type { Places } from "./places.ts";
import type { Share } from "./share.ts";
import { Shares } from "./shares.ts";

/** A share that ended before its answer was here is asked for again, but not for ever. */
const roundsMax = 8;
const giveBackAfterMs = 5;

export interface SharedLimiterNeeds {
  /** Always answer. */
  readonly places: Pick<Places, "ask">;
  readonly monotonic: () => number;
  readonly newOrigin: () => number;
}

interface Pair {
  readonly limit: Limit;
  readonly share: Share;
}

export class SharedLimiter implements Limiter {
  readonly #shares = new Shares();
  readonly #strangers = new Shares();
  readonly #needs: SharedLimiterNeeds;
  readonly #background = new Set<Promise<void>>();
  readonly #returning = new Set<Share>();

  constructor(needs: SharedLimiterNeeds) {
    this.#needs = needs;
  }

  async admit(limits: readonly Limit[]): Promise<Admission> {
    const now = this.#needs.monotonic();
    const pairs = limits.map((limit) => ({ limit, share: this.#shareOf(limit, now) }));
    if (pairs.every(({ share }) => share.hasSpare(now))) return this.#admitted(pairs, now);
    const shares = new Set(pairs.map(({ share }) => share));
    // From the first round to the last, so that every ask knows of all who wait for it.
    for (const share of shares) share.waiting += 1;
    try {
      return await this.#wait(pairs);
    } finally {
      for (const share of shares) share.waiting -= 1;
    }
  }

  /** What it knows of all counts. */
  told(): readonly Told[] {
    const now = this.#needs.monotonic();
    return this.#all().flatMap((share) => share.told(now));
  }

  async close(): Promise<void> {
    await Promise.allSettled([...this.#background, ...this.#all().map(({ asking }) => asking)]);
    const now = this.#needs.monotonic();
    const owing = this.#all().flatMap((share) => {
      const limit = share.owes(now);
      return limit === undefined ? [] : [{ limit, share }];
    });
    await Promise.allSettled(owing.map(async (pair) => this.#ask(pair)));
  }

  #shareOf({ kind, key, windowMs }: Limit, now: number): Share {
    return (kind === "stranger" ? this.#strangers : this.#shares).of(key, windowMs, now);
  }

  /** Those of strangers last: they may be many. */
  #all(): readonly Share[] {
    return [...this.#shares.all(), ...this.#strangers.all()];
  }

  #admitted(pairs: readonly Pair[], now: number): Admission {
    // One call is counted once, also where two limits count it under one key.
    for (const share of new Set(pairs.map((pair) => pair.share))) share.use();
    return { kind: "admitted", standings: pairs.map(({ limit, share }) => share.standing(limit, now)) };
  }

  #refused(pairs: readonly Pair[], full: readonly Pair[], now: number): Admission {
    for (const pair of pairs) this.#giveBack(pair);
    const standings = pairs.map(({ limit, share }) => share.standing(limit, now));
    return refusal(
      standings,
      full.map(({ limit, share }) => share.refused(limit, now)),
    );
  }

  /** Units taken for calls that another limit refused go back soon: other processes may need them. */
  #giveBack(pair: Pair): void {
    const { limit, share } = pair;
    if (this.#returning.has(share) || !share.hoards(limit.most)) return;
    this.#returning.add(share);
    const work = this.#giveBackLater(pair).finally(() => this.#background.delete(work));
    this.#background.add(work);
  }

  async #giveBackLater(pair: Pair): Promise<void> {
    const { limit, share } = pair;
    // So that the calls of this moment, refused one after the other, go back together.
    await new Promise((resolve) => setTimeout(resolve, giveBackAfterMs).unref());
    this.#returning.delete(share);
    await share.asking;
    if (!share.hoards(limit.most)) return;
    share.release(limit.most);
    await this.#begin(pair);
  }

  async #wait(pairs: readonly Pair[]): Promise<Admission> {
    for (let round = 0; ; round += 1) {
      const now = this.#needs.monotonic();
      // In the first round whoever waits already goes first.
      const lacking = pairs.filter(({ share }) => (round === 0 ? !share.coversAll(now) : !share.has(now)));
      // Nothing is taken before all is there, and no other call comes between: all of them, or none.
      if (lacking.length === 0) return this.#admitted(pairs, now);
      const full = lacking.filter(({ share }) => share.isFull(now));
      if (full.length > 0 || round === roundsMax) return this.#refused(pairs, full.length > 0 ? full : lacking, now);
      await Promise.all(lacking.map((pair) => pair.share.asking ?? this.#begin(pair)));
    }
  }

  // All who wait get the very same promise, so that they go on in the order they came.
  #begin(pair: Pair): Promise<void> {
    const { share } = pair;
    // A moment later, so that the calls of the same moment go with one ask.
    const asking = Promise.resolve()
      .then(async () => this.#ask(pair))
      .finally(() => {
        share.asking = undefined;
      });
    share.asking = asking;
    return asking;
  }

  async #ask({ limit, share }: Pair): Promise<void> {
    const { places, monotonic, newOrigin } = this.#needs;
    const ask = share.nextAsk(limit, newOrigin(), monotonic());
    share.take(ask, await places.ask(ask), monotonic());
  }
}
