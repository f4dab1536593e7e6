// The sliding windows of all keys, in bounded memory: a count that matters is never dropped, however many keys somebody invents.
import { SlidingWindow } from "./sliding-window.ts";

export interface WindowsOptions {
  /** How many keys have a window of their own. */
  readonly keysMax: number;
  /** How many windows the keys beyond that share. */
  readonly sharedMax: number;
}

const defaults: WindowsOptions = { keysMax: 65_536, sharedMax: 1024 };
/** How many of the oldest keys are looked at when one is added: more than one, so that idle ones go faster than new ones come. */
const looks = 4;

/**
 * Dropping the counter of a key in favour of another would let a caller shake off its own by inventing keys. So when all
 * places hold counts that still matter, further keys share windows, by a hash of the key: they may be refused early, and
 * nobody is admitted late.
 */
export class Windows {
  readonly #own = new Map<string, SlidingWindow>();
  readonly #shared = new Map<string, SlidingWindow>();
  readonly #options: WindowsOptions;

  constructor(options: WindowsOptions = defaults) {
    this.#options = options;
  }

  get size(): number {
    return this.#own.size + this.#shared.size;
  }

  at(key: string, windowMs: number, now: number): SlidingWindow {
    const id = `${windowMs}:${key}`;
    const window = this.#own.get(id) ?? this.#add(id, windowMs, now);
    window.seenAt = now;
    return window;
  }

  #add(id: string, windowMs: number, now: number): SlidingWindow {
    this.#forgetIdle(now);
    const bucket = `${windowMs}:${hash(id) % this.#options.sharedMax}`;
    const shared = this.#live(bucket, now);
    if (this.#own.size >= this.#options.keysMax) return shared ?? this.#share(bucket, windowMs);
    // What was counted together with others while there was no place goes along.
    const window = shared?.copy() ?? new SlidingWindow(windowMs);
    this.#own.set(id, window);
    return window;
  }

  #live(bucket: string, now: number): SlidingWindow | undefined {
    const shared = this.#shared.get(bucket);
    if (shared === undefined || shared.used(now) > 0) return shared;
    this.#shared.delete(bucket);
    return undefined;
  }

  #share(bucket: string, windowMs: number): SlidingWindow {
    const window = new SlidingWindow(windowMs);
    this.#shared.set(bucket, window);
    return window;
  }

  /** Goes round: a key that was looked at and is in use becomes the last one to be looked at again. */
  #forgetIdle(now: number): void {
    let left = looks;
    for (const [id, window] of this.#own) {
      if (left === 0) return;
      left -= 1;
      this.#own.delete(id);
      // One that was asked for just now is about to be counted in.
      if (window.used(now) > 0 || window.seenAt >= now) this.#own.set(id, window);
    }
  }
}

/** FNV-1a: spreads keys, protects nothing; the keys are digests already. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let at = 0; at < text.length; at += 1) value = Math.imul(value ^ text.charCodeAt(at), 0x01000193);
  return value >>> 0;
}
