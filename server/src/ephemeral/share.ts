// What this process holds of one limit: units it may use until their slice ends, and what it knows of the shared count.
import type { Known, ShareAsk, Told, Unused } from "./counter.ts";
import type { Limit, Standing } from "./ephemeral.ts";
import type { TimedAnswer } from "./places.ts";

const slicesPerWindow = 60;
/** A share is this part of the limit: what a process may hold back from the others. */
const sharesPerLimit = 200;
/** Shortest life of a share; longer where answers take longer, since what ended on its way here is of no use. */
const lifeMs = { least: 25, most: 1000 };
/** Clocks of two machines do not run equally fast. */
const drift = 0.001;
const askAgainAfterMs = 1000;

interface KnownUntil {
  readonly origin: number;
  readonly used: number;
  readonly until: number;
}

export class Share {
  /** Calls that wait for a unit of it. */
  waiting = 0;
  seenAt = 0;
  asking: Promise<void> | undefined;
  readonly #key: string;
  readonly #windowMs: number;
  readonly #sliceMs: number;
  #left = 0;
  #until = 0;
  #from: { readonly origin: number; readonly slice: number } | undefined;
  /** The one last asked with. */
  #limit: Limit | undefined;
  #used = 0;
  #freeAt = 0;
  #fullUntil = 0;
  #lifeMs = lifeMs.least;
  #unused: Unused[] = [];
  #known: readonly KnownUntil[] = [];

  constructor(id: string, windowMs: number) {
    this.#key = id;
    this.#windowMs = windowMs;
    this.#sliceMs = Math.max(1, Math.ceil(windowMs / slicesPerWindow));
  }

  has(now: number): boolean {
    return this.#left > 0 && now < this.#until;
  }

  /** Something beyond what those who wait will take: who comes later must not take it from under them. */
  hasSpare(now: number): boolean {
    return this.has(now) && this.#left > this.waiting;
  }

  coversAll(now: number): boolean {
    return this.has(now) && this.#left >= this.waiting;
  }

  /** Only after `has`, and with no wait between. */
  use(): void {
    this.#left -= 1;
  }

  /** Whether the shared counter said lately that nothing is left. */
  isFull(now: number): boolean {
    return now < this.#fullUntil;
  }

  /** Nothing in it that anybody would miss. */
  isIdle(now: number): boolean {
    const isAskedFor = this.waiting > 0 || this.asking !== undefined || this.seenAt >= now;
    return !isAskedFor && this.#known.every(({ until }) => until <= now);
  }

  /** More at hand than a process may hold back. */
  hoards(most: number): boolean {
    return this.#left > sizeFor(most);
  }

  /** The next ask; what it gives back is forgotten here at once, so that it is never given back twice. */
  nextAsk(limit: Limit, newOrigin: number, now: number): ShareAsk {
    const { most, windowMs, kind } = limit;
    this.#limit = limit;
    if (!this.has(now)) this.#putBack(this.#left);
    const need = Math.max(0, this.waiting - this.#left);
    const returns = this.#unused;
    this.#unused = [];
    this.#known = this.#known.filter(({ until }) => until > now);
    const known: Known[] = this.#known.map(({ origin, used, until }) => ({ origin, used, forMs: until - now }));
    const want = need === 0 ? 0 : Math.max(need, sizeFor(most));
    return {
      key: this.#key,
      most,
      windowMs,
      kind,
      sliceMs: this.#sliceMs,
      lifeMs: this.#lifeMs,
      need,
      want,
      newOrigin,
      returns,
      known,
    };
  }

  /** What is at hand beyond a share, and what those who wait will take, goes back with the next ask. */
  release(most: number): void {
    const keep = sizeFor(most) + this.waiting;
    if (this.#left > keep) this.#putBack(this.#left - keep);
  }

  /** Puts everything back; the limit to ask with when there is something to give back, and somebody still counts it. */
  owes(now: number): Limit | undefined {
    this.#putBack(this.#left);
    return this.#unused.length > 0 && !this.isIdle(now) ? this.#limit : undefined;
  }

  take(ask: ShareAsk, answer: TimedAnswer, now: number): void {
    const { origin, slice, granted, own, used, endsInMs, freeInMs, spoilt = 0, learned = [], sentAt } = answer;
    for (const known of learned) this.#learn(known, now);
    this.#learn({ origin, used: own, forMs: endsInMs + this.#windowMs }, now);
    this.#used = used;
    this.#freeAt = now + freeInMs;
    // From before the ask left us, so that our end of the slice is never after the counter's.
    const until = sentAt + endsInMs * (1 - drift);
    const isLate = granted > 0 && until <= now;
    // What came too late goes back, and is asked for again: that is not a limit that is full.
    const isFull = granted - spoilt < ask.need && !isLate;
    this.#fullUntil = isFull ? now + Math.max(1, Math.min(freeInMs, this.#sliceMs / 4, askAgainAfterMs)) : 0;
    if (granted === 0) return;
    this.#putBack(this.#left);
    this.#left = granted;
    this.#from = { origin, slice };
    this.#until = until;
    this.#lifeMs = isLate ? Math.min(lifeMs.most, this.#lifeMs * 2) : Math.max(lifeMs.least, this.#lifeMs * 0.9);
    this.#putBack(spoilt);
  }

  /** What it knows of the counters it asked, for another one. */
  told(now: number): readonly Told[] {
    const living = this.#known.filter(({ used, until }) => used > 0 && until > now);
    return living.map(({ origin, used, until }) => ({ key: this.#key, origin, used, forMs: until - now }));
  }

  #learn({ origin, used, forMs }: Known, now: number): void {
    this.#known = [...this.#known.filter((known) => known.origin !== origin), { origin, used, until: now + forMs }];
  }

  standing({ name, most, windowMs }: Limit, now: number): Standing {
    const left = this.has(now) ? this.#left : 0;
    const remaining = Math.max(0, most - this.#used) + left;
    return { name, most, windowMs, remaining, resetMs: remaining > 0 ? 0 : this.#resetMs(now) };
  }

  refused({ name, most, windowMs }: Limit, now: number): Standing {
    return { name, most, windowMs, remaining: 0, resetMs: this.#resetMs(now) };
  }

  #resetMs(now: number): number {
    return Math.max(1, Math.ceil(this.#freeAt - now));
  }

  #putBack(units: number): void {
    if (units > 0 && this.#from !== undefined) this.#unused.push({ ...this.#from, units });
    this.#left -= units;
  }
}

function sizeFor(most: number): number {
  return Math.ceil(most / sharesPerLimit);
}
