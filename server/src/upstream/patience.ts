// A time limit that counts only time in which this process ran. After a standstill (SIGSTOP, a paused machine) timers fire
// before sockets are read: whoever believes them throws away an answer that has arrived, a rotated token pair say (promise 8).

/** Timers are this late when the loop is merely busy. */
const busyMs = 100;

export class Patience {
  readonly #onEnd: () => void;
  #ms = 0;
  #due = 0;
  #timer: NodeJS.Timeout | undefined;
  #lastLook: NodeJS.Immediate | undefined;
  /** Given once: a loop that is always late must not make the limit endless. */
  #isGiven = false;

  constructor(onEnd: () => void) {
    this.#onEnd = onEnd;
  }

  start(ms: number): void {
    this.stop();
    this.#ms = ms;
    this.#isGiven = false;
    this.#due = performance.now() + ms;
    this.#timer = setTimeout(onTime, ms, this);
  }

  /** There was progress: the time begins anew. */
  refresh(): void {
    if (this.#timer === undefined) return;
    if (this.#lastLook !== undefined) this.start(this.#ms);
    this.#isGiven = false;
    this.#due = performance.now() + this.#ms;
    this.#timer.refresh();
  }

  stop(): void {
    clearTimeout(this.#timer);
    clearImmediate(this.#lastLook);
    this.#timer = undefined;
    this.#lastLook = undefined;
  }

  /** For the timer. What was lost to a standstill is given back; else the loop reads its sockets once more, and then it is over. */
  onTime(): void {
    const late = performance.now() - this.#due;
    if (late < busyMs || this.#isGiven) this.#lastLook = setImmediate(this.#onEnd);
    else {
      this.#isGiven = true;
      this.#due = performance.now() + Math.min(late, this.#ms);
      this.#timer = setTimeout(onTime, Math.min(late, this.#ms), this);
    }
  }
}

function onTime(patience: Patience): void {
  patience.onTime();
}
