// The calls of the last window under one key, in slices: a call counts until the end of its slice has left the window.
const slicesPerWindow = 1000;
/** How many forgotten slices are kept in the arrays before these are cut. */
const slack = 64;

export class SlidingWindow {
  readonly windowMs: number;
  seenAt = 0;
  // Whole milliseconds: then the end of a slice, computed from a division, is never before the moment it was made for.
  readonly #sliceMs: number;
  /** Ends of slices, oldest first, and the calls in each. */
  #ends: number[] = [];
  #counts: number[] = [];
  #head = 0;
  #total = 0;

  constructor(windowMs: number) {
    this.windowMs = windowMs;
    this.#sliceMs = Math.ceil(windowMs / slicesPerWindow);
  }

  /** Calls that may lie within one window of now. */
  used(now: number): number {
    while (this.#head < this.#ends.length && (this.#ends[this.#head] ?? 0) + this.windowMs <= now) {
      this.#total -= this.#counts[this.#head] ?? 0;
      this.#head += 1;
    }
    if (this.#head === this.#ends.length) this.#clear();
    else if (this.#head > slack && this.#head * 2 > this.#ends.length) this.#cut();
    return this.#total;
  }

  add(now: number, calls: number): void {
    const end = this.sliceEnd(now);
    const last = this.#ends.length - 1;
    this.#total += calls;
    // A clock that a test set back must not put slices out of order: the later end counts longer.
    if (last >= this.#head && (this.#ends[last] ?? 0) >= end) {
      this.#counts[last] = (this.#counts[last] ?? 0) + calls;
      return;
    }
    this.#ends.push(end);
    this.#counts.push(calls);
  }

  sliceEnd(now: number): number {
    return (Math.floor(now / this.#sliceMs) + 1) * this.#sliceMs;
  }

  /** Until the oldest slice stops counting; 0 when nothing counts. Ask `used` first. */
  freeInMs(now: number): number {
    const oldest = this.#ends[this.#head];
    return oldest === undefined ? 0 : Math.max(0, oldest + this.windowMs - now);
  }

  copy(): SlidingWindow {
    const twin = new SlidingWindow(this.windowMs);
    twin.#ends = this.#ends.slice(this.#head);
    twin.#counts = this.#counts.slice(this.#head);
    twin.#total = this.#total;
    return twin;
  }

  #clear(): void {
    if (this.#head === 0) return;
    this.#ends = [];
    this.#counts = [];
    this.#head = 0;
  }

  #cut(): void {
    this.#ends = this.#ends.slice(this.#head);
    this.#counts = this.#counts.slice(this.#head);
    this.#head = 0;
  }
}
