// Takes notes at once and hands them on in batches. Bounded: under a flood notes are dropped and counted (design §10.15).
import type { RequestRecord } from "../rules/request-record.ts";
import type { RequestLog } from "./request-log.ts";
import { cellsOf } from "./request-rows.ts";

export interface QueuePowers {
  /** Writes a batch of rows, each a JSON array. One batch at a time. */
  readonly write: (rows: readonly string[]) => Promise<void>;
  readonly warn: (message: string, fields: Readonly<Record<string, unknown>>) => void;
  readonly now: () => number;
}

const queueMax = 50_000;
const batchFrom = 1000;
/** Under load a batch takes more at once: pages of an index that many rows meet in are written once for all of them. */
const batchMax = 5000;
const batchEveryMs = 200;
const warnEveryMs = 60_000;

export class RequestQueue implements RequestLog {
  readonly #powers: QueuePowers;
  /** Rows as text, made at the note: a thousand of them joined later keep the thread for a fraction of a millisecond. */
  #rows: string[] = [];
  #dropped = 0;
  #noted = 0;
  #settled = 0;
  #writing: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #isSoon = false;
  #isClosed = false;
  #told = { at: Number.NEGATIVE_INFINITY, dropped: 0 };

  constructor(powers: QueuePowers) {
    this.#powers = powers;
  }

  get dropped(): number {
    return this.#dropped;
  }

  note(record: RequestRecord): void {
    if (this.#rows.length >= queueMax || this.#isClosed) {
      this.#dropped += 1;
      return;
    }
    try {
      this.#rows.push(JSON.stringify(cellsOf(record)));
    } catch {
      this.#dropped += 1;
      return;
    }
    this.#noted += 1;
    this.#schedule();
  }

  async flush(): Promise<void> {
    const noted = this.#noted;
    while (this.#settled < noted) await this.#writeOne();
  }

  /** Writes what is left while the time lasts; the rest is lost and counted. */
  async close(withinMs: number): Promise<void> {
    this.#isClosed = true;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => (timer = setTimeout(resolve, withinMs)));
    await Promise.race([this.flush(), late]);
    clearTimeout(timer);
    clearTimeout(this.#timer);
    this.#lose(this.#rows.splice(0).length, undefined);
  }

  #schedule(): void {
    if (this.#writing !== undefined || this.#isSoon) return;
    if (this.#rows.length >= batchFrom) {
      this.#isSoon = true;
      // Not in the note itself: that belongs to a call.
      setImmediate(() => {
        this.#isSoon = false;
        void this.#writeOne();
      });
    } else {
      this.#timer ??= setTimeout(() => void this.#writeOne(), batchEveryMs).unref();
    }
  }

  async #writeOne(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#writing ??= this.#write().finally(() => {
      this.#writing = undefined;
      if (this.#rows.length > 0) this.#schedule();
    });
    return this.#writing;
  }

  async #write(): Promise<void> {
    const batch = this.#rows.splice(0, batchMax);
    if (batch.length === 0) return;
    try {
      await this.#powers.write(batch);
    } catch (error) {
      this.#lose(batch.length, error);
    } finally {
      this.#settled += batch.length;
    }
    this.#tell(undefined);
  }

  #lose(count: number, error: unknown): void {
    this.#dropped += count;
    this.#settled += error === undefined ? count : 0;
    this.#tell(error);
  }

  /** Once a minute at most: a database that is away fails five batches a second. */
  #tell(error: unknown): void {
    const dropped = this.#dropped - this.#told.dropped;
    const now = this.#powers.now();
    if (dropped === 0 || now - this.#told.at < warnEveryMs) return;
    this.#told = { at: now, dropped: this.#dropped };
    this.#powers.warn("Request records were lost", { records: dropped, ...(error === undefined ? {} : { error }) });
  }
}
