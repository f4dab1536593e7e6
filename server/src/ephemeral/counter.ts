// What the limits ask of a counter that several processes share: Redis, SQL, or, where neither answers, this process alone.

/**
 * Why shares never admit too much, whatever the delays. A share is units booked into a slice of the shared clock. They may
 * be used only before that slice ends (told by our monotonic clock from before we asked, so we stop early), and they are
 * counted until the slice has ended a whole window ago. Take the calls admitted in any span of one window, and the moment
 * T at which the last share among theirs was booked. Each of those calls was made after T less a window, so the end of its
 * slice was too, so at T its share was still counted: together they were at most `most`. Unused units that are given back
 * are no calls. It holds as long as the shared clock does not jump ahead and the counter forgets nothing.
 */
export interface ShareAsk {
  /** The limit's key and its window: nothing else is counted under it. */
  readonly key: string;
  readonly most: number;
  readonly windowMs: number;
  readonly kind: "stranger" | undefined;
  readonly sliceMs: number;
  /** Shortest life of a share: near the end of a slice it is booked into the next one, which counts longer. */
  readonly lifeMs: number;
  /** The calls that wait for a unit. */
  readonly need: number;
  /** Those, and some in store for the next ones; 0 only gives back. */
  readonly want: number;
  /** What this counter's count may be called, should it begin a new one. */
  readonly newOrigin: number;
  readonly returns: readonly Unused[];
  readonly known: readonly Known[];
}

/** Units that no call used; they go back only into the slice they came from. */
export interface Unused {
  readonly origin: number;
  readonly slice: number;
  readonly units: number;
}

/** What another counter had given out: carried along when one takes the place of another, and merged as the largest. */
export interface Known {
  readonly origin: number;
  readonly used: number;
  /** How long this still matters. */
  readonly forMs: number;
}

export interface ShareAnswer {
  /** Which count this is: a counter that lost its memory begins another one. */
  readonly origin: number;
  readonly slice: number;
  /** All that was wanted, or what was left. */
  readonly granted: number;
  /** Given out here in the last window. */
  readonly own: number;
  /** That, and what other counters gave out. */
  readonly used: number;
  readonly endsInMs: number;
  /** Until the oldest slice stops counting. */
  readonly freeInMs: number;
  /** How many of the granted may not be used after all, because of what another counter gave out. */
  readonly spoilt?: number;
  /** What was learned of other counters. */
  readonly learned?: readonly Known[];
}

/** What one counter gave out under a key, for another one to hold against it. */
export interface Told extends Known {
  readonly key: string;
}

export interface ShareCounter {
  ask(ask: ShareAsk): Promise<ShareAnswer>;
}

export interface SlotAsk {
  readonly key: string;
  readonly most: number;
  /** One a slot that is wanted. */
  readonly ids: readonly string[];
  /** Slots of the same key that we hold but this counter may not know. */
  readonly others: readonly string[];
  readonly leaseMs: number;
}

export interface HeldSlot {
  readonly key: string;
  readonly id: string;
}

export interface SlotCounter {
  /** How many were taken: those of the first ids. */
  takeSlots(ask: SlotAsk): Promise<number>;
  /** Begins their leases anew; slots that it does not know are added. */
  keepSlots(slots: readonly HeldSlot[], leaseMs: number): Promise<void>;
  freeSlots(slots: readonly HeldSlot[]): Promise<void>;
}

/** Counters that processes share through the database. */
export interface SharedCounters extends ShareCounter, SlotCounter {
  /** Questions it takes at once: further ones would only wait, which must not look as if it did not answer. */
  readonly atOnce: number;
  learn(told: readonly Told[]): Promise<void>;
  ping(): Promise<void>;
}

export interface Amount {
  readonly key: string;
  readonly amount: number;
}

export interface Reservation {
  readonly key: string;
  readonly most: number;
  /** Less is given when less is left, but never less than `least`: then nothing. */
  readonly want: number;
  readonly least: number;
}

/** Totals over the whole life of a key, in the database. */
export interface TotalCounters {
  reserve(ask: Reservation): Promise<number>;
  /** Adds to each, beyond the end too; a negative amount is given back. Answers what is used then. */
  addTotals(amounts: readonly Amount[]): Promise<readonly { readonly key: string; readonly used: number }[]>;
  usedOf(key: string): Promise<number>;
}

export type Warn = (message: string, fields: Readonly<Record<string, unknown>>) => void;
