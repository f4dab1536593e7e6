// Where shares are counted now: in the first place that answers. When the place changes, what the other gave out goes along.
import type { ShareAnswer, ShareAsk, ShareCounter, SharedCounters, SlotCounter, Told } from "./counter.ts";
import { probeEveryMs, type Reach, within } from "./reach.ts";

export interface Place {
  readonly reach: Reach;
  readonly counter: ShareCounter & SlotCounter & Partial<Pick<SharedCounters, "learn">>;
}

/** With the moment before the question left us, for the place that answered in the end. */
export interface TimedAnswer extends ShareAnswer {
  readonly sentAt: number;
}

/** By then every process has found that the first place answers again. */
const overlapMs = 2 * probeEveryMs;
/** How long the next place is not asked after a loss, so that every process has told it what it knows. */
const settleMs = 50;
const tellMs = 500;

/**
 * Processes do not all lose a place at the same moment, nor find it again. Each tells the next place what it knows as soon
 * as it loses the first; and for a while after it is back, what the first gives is also held against the count of the
 * second, where others may still be. What this cannot see: a process that alone is cut off from Redis for long. Then each
 * of the two counters keeps the limit, and together they may admit it twice.
 */
export class Places {
  readonly #places: readonly Place[];
  readonly #alone: ShareCounter;
  #settling: Promise<void> | undefined;

  readonly #monotonic: () => number;

  constructor(places: readonly Place[], alone: ShareCounter, monotonic: () => number) {
    this.#places = places;
    this.#alone = alone;
    this.#monotonic = monotonic;
  }

  async ask(ask: ShareAsk): Promise<TimedAnswer> {
    const [first, second] = this.#places;
    for (const place of this.#places) {
      if (place === second) await this.#settling;
      const answer = await place.reach.run(async () => this.#timed(ask, place.counter), turnOf(ask));
      if (answer === undefined) continue;
      const { value } = answer;
      if (place !== first || second === undefined || first.reach.answersForMs() > overlapMs) return value;
      return { ...(await heldAgainst(second, ask, value)), sentAt: value.sentAt };
    }
    return this.#timed(ask, this.#alone);
  }

  /** Called when the first place is lost. */
  tell(told: readonly Told[]): void {
    const [, second] = this.#places;
    if (second === undefined || told.length === 0) return;
    const telling = within(learnAll(second, told), tellMs).catch(() => undefined);
    this.#settling = telling
      .then(async () => new Promise<void>((resolve) => void setTimeout(resolve, settleMs).unref()))
      .finally(() => {
        this.#settling = undefined;
      });
  }

  async close(): Promise<void> {
    await this.#settling;
  }

  async #timed(ask: ShareAsk, counter: ShareCounter): Promise<TimedAnswer> {
    const sentAt = this.#monotonic();
    return { ...(await counter.ask(ask)), sentAt };
  }
}

async function learnAll(place: Place, told: readonly Told[]): Promise<void> {
  const chunk = 500;
  for (let at = 0; at < told.length; at += chunk) {
    await place.reach.run(async () => place.counter.learn?.(told.slice(at, at + chunk)));
  }
}

/** Strangers may come in any number, and nobody else is to wait for them. */
function turnOf({ kind }: ShareAsk): "next" | "last" {
  return kind === "stranger" ? "last" : "next";
}

/** What one place gave, less what is too much together with what the other gave. */
async function heldAgainst(other: Place, ask: ShareAsk, answer: ShareAnswer): Promise<ShareAnswer> {
  const { origin, own, endsInMs, granted } = answer;
  const ours = { origin, used: own, forMs: endsInMs + ask.windowMs };
  const known = [...ask.known.filter((one) => one.origin !== origin), ours];
  const look = { ...ask, need: 0, want: 0, returns: [], known };
  const seen = await other.reach.run(async () => other.counter.ask(look), turnOf(ask));
  if (seen === undefined) return answer;
  const { value } = seen;
  const spoilt = Math.min(granted, Math.max(0, value.used - ask.most));
  const learned = [{ origin: value.origin, used: value.own, forMs: value.endsInMs + ask.windowMs }];
  const freeInMs = spoilt > 0 ? Math.max(answer.freeInMs, value.freeInMs) : answer.freeInMs;
  return { ...answer, spoilt, learned, freeInMs, used: Math.max(answer.used, value.used) - spoilt };
}
