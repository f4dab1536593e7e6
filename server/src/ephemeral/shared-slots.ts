// Calls at once, over several processes: a slot is a lease in a shared counter, so it becomes free when its process dies.
import type { SlotCounter } from "./counter.ts";
import type { Slot, Slots } from "./ephemeral.ts";
import type { Reach } from "./reach.ts";

const slotLeaseMs = 30_000;
const keepEveryMs = 10_000;

/** The first that answers is the one that counts. */
export interface SlotPlace {
  readonly reach: Reach;
  readonly counter: SlotCounter;
}

export interface SharedSlotsNeeds {
  readonly places: readonly SlotPlace[];
  readonly newId: () => string;
  readonly leaseMs?: number | undefined;
}

interface Held {
  readonly key: string;
  readonly id: string;
  /** Where it is written down. */
  readonly places: Set<SlotPlace>;
}

export class SharedSlots implements Slots {
  readonly #needs: SharedSlotsNeeds;
  readonly #leaseMs: number;
  readonly #held = new Map<string, Set<Held>>();
  readonly #background = new Set<Promise<unknown>>();
  #timer: NodeJS.Timeout | undefined;

  constructor(needs: SharedSlotsNeeds) {
    this.#needs = needs;
    this.#leaseMs = needs.leaseMs ?? slotLeaseMs;
  }

  async take(key: string, most: number): Promise<Slot | undefined> {
    // Also counted here: a process alone never has more, whatever becomes of its leases.
    const held = { key, id: this.#needs.newId(), places: new Set<SlotPlace>() };
    const ours = this.#held.get(key) ?? new Set<Held>();
    if (ours.size >= most) return undefined;
    this.#held.set(key, ours.add(held));
    if (!(await this.#written(held, ours, most))) {
      this.#forget(held);
      return undefined;
    }
    this.#keepOn();
    let isHeld = true;
    return {
      release: () => {
        if (isHeld) this.#release(held);
        isHeld = false;
      },
    };
  }

  /** Writes down all that run now with the counter that answers now: begun anew, or moved there when another was lost. */
  keep(): void {
    const all = [...this.#held.values()].flatMap((ours) => [...ours]).filter(({ places }) => places.size > 0);
    if (all.length > 0) this.#inBackground(this.#keepAll(all));
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    this.#timer = undefined;
    for (const held of [...this.#held.values()].flatMap((ours) => [...ours])) this.#release(held);
    while (this.#background.size > 0) await Promise.allSettled(this.#background);
  }

  async #written(held: Held, ours: ReadonlySet<Held>, most: number): Promise<boolean> {
    const { key, id } = held;
    for (const place of this.#needs.places) {
      const moved = [...ours].filter((other) => other.places.size > 0 && !other.places.has(place));
      const ask = { key, most, id, others: moved.map((other) => other.id), leaseMs: this.#leaseMs };
      const answer = await place.reach.run(async () => place.counter.takeSlot(ask));
      // It may have been taken with nobody told: it is freed when its lease ends.
      if (answer === undefined) continue;
      for (const other of moved) other.places.add(place);
      if (answer.value) held.places.add(place);
      return answer.value;
    }
    return true;
  }

  async #keepAll(all: readonly Held[]): Promise<void> {
    for (const place of this.#needs.places) {
      const answer = await place.reach.run(async () => place.counter.keepSlots(all, this.#leaseMs));
      if (answer === undefined) continue;
      for (const held of all) {
        held.places.add(place);
        // It ended while this was under way.
        if (!(this.#held.get(held.key)?.has(held) ?? false)) this.#free(held);
      }
      return;
    }
  }

  #keepOn(): void {
    this.#timer ??= setInterval(() => this.keep(), Math.min(keepEveryMs, this.#leaseMs / 3)).unref();
  }

  #release(held: Held): void {
    this.#forget(held);
    this.#free(held);
    if (this.#held.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #free({ places, key, id }: Held): void {
    for (const { reach, counter } of places) this.#inBackground(reach.run(async () => counter.freeSlot({ key, id })));
  }

  #forget(held: Held): void {
    const ours = this.#held.get(held.key);
    ours?.delete(held);
    if (ours?.size === 0) this.#held.delete(held.key);
  }

  #inBackground(work: Promise<unknown>): void {
    const done = work.finally(() => this.#background.delete(done));
    this.#background.add(done);
  }
}
