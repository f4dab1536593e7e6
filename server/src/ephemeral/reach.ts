// Whether something shared answers. When it does not, nobody waits for it again until it does: it is asked in the background.
import type { Warn } from "./counter.ts";

export interface ReachNeeds {
  readonly name: string;
  readonly probe: () => Promise<void>;
  /** How long one call waits. */
  readonly patienceMs: number;
  /** Questions under way at once; the others wait here, where no patience runs out. No number: any. */
  readonly atOnce?: number;
  readonly monotonic: () => number;
  readonly warn: Warn;
  readonly onLost: () => void;
  readonly onBack: () => void;
}

export const probeEveryMs = 1000;

/** Whether a question waits for its turn as all do, or until no other waits. */
type Turn = "next" | "last";

export class Reach {
  readonly #needs: ReachNeeds;
  #isUp = true;
  #isClosed = false;
  #since: number;
  #timer: NodeJS.Timeout | undefined;
  #probing: Promise<void> | undefined;
  #running = 0;
  readonly #waiting: Record<Turn, (() => void)[]> = { next: [], last: [] };

  constructor(needs: ReachNeeds) {
    this.#needs = needs;
    this.#since = needs.monotonic();
  }

  #isDown(): boolean {
    return !this.#isUp;
  }

  /** Undefined when there was no answer: the caller does without. */
  async run<T>(work: () => Promise<T>, turn: Turn = "next"): Promise<{ readonly value: T } | undefined> {
    if (this.#isDown()) return undefined;
    await this.#turn(turn);
    try {
      // Lost while it waited: all who wait go on, one after the other.
      if (this.#isDown()) return undefined;
      return { value: await within(work(), this.#needs.patienceMs) };
    } catch (error) {
      this.lost(error);
      return undefined;
    } finally {
      this.#handOn();
    }
  }

  /** Called also by whoever sees a connection end. */
  lost(error: unknown): void {
    if (!this.#isUp || this.#isClosed) return;
    this.#isUp = false;
    this.#needs.warn(`${this.#needs.name} does not answer: limits are counted without it until it does`, { error });
    // Whether or not anybody calls: all processes are to be back at about the same time.
    this.#timer = setInterval(() => {
      this.#probing ??= this.#probe();
    }, probeEveryMs).unref();
    this.#needs.onLost();
  }

  /** For how long it has answered without a break, or since the start. */
  answersForMs(): number {
    return this.#needs.monotonic() - this.#since;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearInterval(this.#timer);
    await this.#probing;
  }

  async #turn(turn: Turn): Promise<void> {
    if (this.#running < (this.#needs.atOnce ?? Infinity)) {
      this.#running += 1;
      return;
    }
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting[turn].push(resolve);
    await promise;
  }

  #handOn(): void {
    const go = this.#waiting.next.shift() ?? this.#waiting.last.shift();
    if (go === undefined) this.#running -= 1;
    else go();
  }

  async #probe(): Promise<void> {
    try {
      await within(this.#needs.probe(), this.#needs.patienceMs);
      clearInterval(this.#timer);
      this.#isUp = true;
      this.#since = this.#needs.monotonic();
      this.#needs.warn(`${this.#needs.name} answers again: limits are counted with it`, {});
      this.#needs.onBack();
    } catch {
      // Still away, which was told.
    } finally {
      this.#probing = undefined;
    }
  }
}

/** The outcome of a promise, if it comes in time. What comes later is nobody's. */
export async function within<T>(work: Promise<T>, ms: number): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error(`No answer within ${ms} ms`)), ms);
  timer.unref();
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
