// What processes share for a moment: counted limits, calls at once, shares of totals. All of it may vanish without making anything untrue.

/** At most `most` calls in any span of `windowMs`. */
export interface Limit {
  /** As the caller reads it, e.g. `endpoint-minute`. */
  readonly name: string;
  /** Digest of everything that is counted together (promise 5). */
  readonly key: string;
  readonly most: number;
  readonly windowMs: number;
  /** Whose calls anybody can make under any number of keys: counted apart, so that they push nobody else out. */
  readonly kind?: "stranger";
}

/** How a limit stands after the call that was just counted, or refused. */
export interface Standing {
  readonly name: string;
  readonly most: number;
  readonly windowMs: number;
  readonly remaining: number;
  /** Until something becomes free again; 0 while there is room. */
  readonly resetMs: number;
}

export type Admission =
  | { readonly kind: "admitted"; readonly standings: readonly Standing[] }
  | {
      readonly kind: "refused";
      /** The limit that refused and stays so the longest. */
      readonly by: Standing;
      readonly standings: readonly Standing[];
    };

export interface Limiter {
  /** Counts one call against all of the limits, or against none when one of them refuses. */
  admit(limits: readonly Limit[]): Promise<Admission>;
}

/** A place among the calls that run at once. */
export interface Slot {
  release(): void;
}

export interface Slots {
  /** Undefined when `most` run already. A slot whose process dies becomes free again by itself. */
  take(key: string, most: number): Promise<Slot | undefined>;
}

/** Totals over the whole life of a key. Their truth is in the database; here are shares of it. */
export interface Totals {
  /** Takes `amount` off what is left: false, and nothing taken, when less is left. */
  take(key: string, ask: { readonly most: number; readonly amount: number }): Promise<boolean>;
  /** What was taken and not used after all, in whole or in part, is there for the next call. */
  giveBack(key: string, amount: number): void;
  /** Adds what is known only afterwards, beyond the end too. */
  add(key: string, amount: number): void;
  /** Whether anything is left. */
  hasLeft(key: string, most: number): Promise<boolean>;
}

export interface Ephemeral {
  readonly limiter: Limiter;
  readonly slots: Slots;
  readonly totals: Totals;
  /** Whether Redis answers; null where none is set up. */
  ping(): Promise<boolean | null>;
  /** Gives back what was reserved and not used, and ends connections. */
  close(): Promise<void>;
}
