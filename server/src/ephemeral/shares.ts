// The shares of all keys, in bounded memory. Losing one loses nothing true: the count is in the shared counter.
import { Share } from "./share.ts";

const sharesMax = 65_536;
const looks = 4;

export class Shares {
  readonly #shares = new Map<string, Share>();

  of(key: string, windowMs: number, now: number): Share {
    const id = `${key}:${windowMs}`;
    const share = this.#shares.get(id) ?? this.#add(id, windowMs, now);
    share.seenAt = now;
    return share;
  }

  all(): readonly Share[] {
    return [...this.#shares.values()];
  }

  #add(id: string, windowMs: number, now: number): Share {
    this.#forget(now);
    const made = new Share(id, windowMs);
    this.#shares.set(id, made);
    return made;
  }

  #forget(now: number): void {
    let left = looks;
    for (const [id, share] of this.#shares) {
      if (left === 0) return;
      left -= 1;
      const isDue =
        this.#shares.size >= sharesMax && share.waiting === 0 && share.asking === undefined && share.seenAt < now;
      this.#shares.delete(id);
      if (!isDue && !share.isIdle(now)) this.#shares.set(id, share);
    }
  }
}
