// Totals over the whole life of a key: shares of them are reserved in the database, and what is known afterwards is added in batches.
import type { TotalCounters, Warn } from "./counter.ts";
import type { Totals } from "./ephemeral.ts";
import { within } from "./reach.ts";

const sharesPerTotal = 100;
const shareMax = 1000;
const flushEveryMs = 1000;
const idleMs = 60_000;
const patienceMs = 5000;

export interface TotalsNeeds {
  readonly counters: TotalCounters;
  readonly monotonic: () => number;
  readonly warn: Warn;
}

interface Held {
  /** Reserved in the database, used by nobody yet. */
  left: number;
  /** What the database said is used, and when. */
  used: number;
  asOf: number;
  lastAsked: number;
  /** So much was not there lately: nobody asks again before this time. */
  lacked: number;
  lackedUntil: number;
  /** What the calls that wait want together. */
  waiting: number;
  reserving: Promise<Outcome> | undefined;
  looking: Promise<Outcome> | undefined;
}

type Outcome = "answered" | "unanswered";

function newHeld(): Held {
  const nothing = { left: 0, used: 0, asOf: -Infinity, lastAsked: 0, lacked: 0, lackedUntil: 0 };
  return { ...nothing, waiting: 0, reserving: undefined, looking: undefined };
}

export class SharedTotals implements Totals {
  readonly #needs: TotalsNeeds;
  readonly #held = new Map<string, Held>();
  #pending = new Map<string, number>();
  #flushing: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #isFailing = false;

  constructor(needs: TotalsNeeds) {
    this.#needs = needs;
  }

  async take(key: string, { most, amount }: { readonly most: number; readonly amount: number }): Promise<boolean> {
    const held = this.#of(key);
    held.waiting += amount;
    let outcome: Outcome = "answered";
    while (held.left < amount && outcome === "answered" && !this.#isLacking(held, amount)) {
      // All who wait share what comes of it: none of them asks again whoever did not answer the others.
      outcome = await (held.reserving ?? this.#reserveOnce(key, held, { most, amount }));
    }
    held.waiting -= amount;
    if (held.left >= amount) {
      held.left -= amount;
      return true;
    }
    if (outcome === "answered") return false;
    // The database does not answer: nobody is stopped for that, and it is told later.
    this.add(key, amount);
    return true;
  }

  giveBack(key: string, amount: number): void {
    // Booked when it was taken, or about to be: it is at hand here, and goes back to the database as all that is left over.
    if (amount > 0) this.#of(key).left += amount;
  }

  add(key: string, amount: number): void {
    if (amount <= 0) return;
    this.#pending.set(key, (this.#pending.get(key) ?? 0) + amount);
    this.#tick();
  }

  async hasLeft(key: string, most: number): Promise<boolean> {
    const held = this.#of(key);
    if (held.left > 0) return true;
    if (this.#needs.monotonic() - held.asOf >= flushEveryMs) {
      held.looking ??= this.#look(key, held).finally(() => {
        held.looking = undefined;
      });
      if ((await held.looking) === "unanswered") return true;
    }
    return held.used + (this.#pending.get(key) ?? 0) < most;
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    this.#timer = undefined;
    await this.#flushing;
    await Promise.allSettled([...this.#held.values()].flatMap(({ reserving }) => reserving ?? []));
    this.#returnIdle(() => true);
    await this.#flush();
  }

  #of(key: string): Held {
    const now = this.#needs.monotonic();
    const held = this.#held.get(key) ?? newHeld();
    held.lastAsked = now;
    this.#held.set(key, held);
    this.#tick();
    return held;
  }

  async #look(key: string, held: Held): Promise<Outcome> {
    const used = await this.#asked(async () => this.#needs.counters.usedOf(key));
    if (used === undefined) return "unanswered";
    this.#said(held, used);
    return "answered";
  }

  /** Who has used up a budget would else cost the database a question at each call. */
  #isLacking({ left, lacked, lackedUntil }: Held, amount: number): boolean {
    return amount - left >= lacked && this.#needs.monotonic() < lackedUntil;
  }

  async #reserveOnce(key: string, held: Held, ask: { most: number; amount: number }): Promise<Outcome> {
    held.reserving = this.#reserve(key, held, ask).finally(() => {
      held.reserving = undefined;
    });
    return held.reserving;
  }

  async #reserve(key: string, held: Held, { most, amount }: { most: number; amount: number }): Promise<Outcome> {
    // A moment later, so that the calls of the same moment go with one ask.
    await Promise.resolve();
    const least = Math.max(1, amount - held.left);
    const want = Math.max(held.waiting - held.left, Math.min(Math.ceil(most / sharesPerTotal), shareMax));
    let asked: Promise<number> | undefined;
    const granted = await this.#asked(async () => (asked = this.#needs.counters.reserve({ key, most, want, least })));
    if (granted === undefined) {
      // What is booked after all, for calls that no longer wait for it, is left over.
      asked?.then((late) => this.giveBack(key, late)).catch(() => undefined);
      return "unanswered";
    }
    held.left += granted;
    if (granted === 0) Object.assign(held, { lacked: least, lackedUntil: this.#needs.monotonic() + flushEveryMs });
    return "answered";
  }

  /** Shares that nobody asked for lately go back, and their keys are forgotten. */
  #returnIdle(isOver: (held: Held) => boolean): void {
    for (const [key, held] of this.#held) {
      if (held.waiting > 0 || !isOver(held)) continue;
      this.#held.delete(key);
      if (held.left > 0) this.#pending.set(key, (this.#pending.get(key) ?? 0) - held.left);
    }
  }

  #tick(): void {
    this.#timer ??= setInterval(() => {
      const before = this.#needs.monotonic() - idleMs;
      this.#returnIdle(({ lastAsked }) => lastAsked < before);
      this.#flushing ??= this.#flush().finally(() => {
        this.#flushing = undefined;
      });
    }, flushEveryMs).unref();
  }

  async #flush(): Promise<void> {
    // What hangs may be done later, each time that it was tried: only a look is tried again and again.
    if (this.#isFailing) await this.#tried(async () => this.#needs.counters.usedOf(""));
    if (this.#isFailing || this.#pending.size === 0) return;
    const going = this.#pending;
    this.#pending = new Map();
    const amounts = [...going].map(([key, amount]) => ({ key, amount })).filter(({ amount }) => amount !== 0);
    const answer = await this.#tried(async () => this.#needs.counters.addTotals(amounts));
    if (answer === undefined) {
      // Perhaps it was done and we were not told. What is added twice refuses early; what is given back twice would admit late.
      for (const [key, amount] of going) if (amount > 0) this.add(key, amount);
    }
    for (const { key, used } of answer ?? []) {
      const held = this.#held.get(key);
      if (held !== undefined) this.#said(held, used);
    }
  }

  #said(held: Held, used: number): void {
    Object.assign(held, { used, asOf: this.#needs.monotonic() });
  }

  /** While nothing answers no call waits for it again: what comes every second finds out when it does. */
  async #asked<T>(work: () => Promise<T>): Promise<T | undefined> {
    return this.#isFailing ? undefined : this.#tried(work);
  }

  async #tried<T>(work: () => Promise<T>): Promise<T | undefined> {
    try {
      const value = await within(work(), patienceMs);
      this.#isFailing = false;
      return value;
    } catch (error) {
      if (!this.#isFailing) this.#needs.warn("The database does not answer: totals are counted later", { error });
      this.#isFailing = true;
      return undefined;
    }
  }
}
