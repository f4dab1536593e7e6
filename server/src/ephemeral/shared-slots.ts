// Calls at once, over several processes: a slot is a lease in a shared counter, so it becomes free when its process dies.
import type { Slot, Slots } from "./ephemeral.ts";
import { type Held, SlotKey, type SlotPlace } from "./slot-key.ts";

const slotLeaseMs = 30_000;
const keepEveryMs = 10_000;

export interface SharedSlotsNeeds {
  readonly places: readonly SlotPlace[];
  readonly newId: () => string;
  readonly leaseMs?: number | undefined;
}

export class SharedSlots implements Slots {
  readonly #needs: SharedSlotsNeeds;
  readonly #leaseMs: number;
  readonly #keys = new Map<string, SlotKey>();
  #keeping: Promise<void> = Promise.resolve();
  #timer: NodeJS.Timeout | undefined;

  constructor(needs: SharedSlotsNeeds) {
    this.#needs = needs;
    this.#leaseMs = needs.leaseMs ?? slotLeaseMs;
  }

  async take(key: string, most: number): Promise<Slot | undefined> {
    if (most <= 0) return undefined;
    const slots = this.#of(key);
    const held = await slots.take(this.#needs.newId(), most);
    if (held === undefined) return undefined;
    let isHeld = true;
    return {
      release() {
        if (isHeld) slots.release(held);
        isHeld = false;
      },
    };
  }

  /** Writes down all that run now with the counter that answers now: begun anew, or moved there when another was lost. */
  keep(): void {
    const all = [...this.#keys.values()].flatMap((slots) => slots.running().map((held) => ({ slots, held })));
    if (all.length > 0) this.#keeping = Promise.all([this.#keeping, this.#keepAll(all)]).then(() => undefined);
  }

  async close(): Promise<void> {
    this.#stop();
    await this.#keeping;
    for (const slots of this.#keys.values()) slots.releaseAll();
    await Promise.all([...this.#keys.values()].map(async (slots) => slots.settled()));
  }

  #of(key: string): SlotKey {
    const there = this.#keys.get(key);
    if (there !== undefined) return there;
    const { places } = this.#needs;
    const made: SlotKey = new SlotKey({ key, places, leaseMs: this.#leaseMs, onIdle: () => this.#forget(made) });
    this.#keys.set(key, made);
    this.#timer ??= setInterval(() => this.keep(), Math.min(keepEveryMs, this.#leaseMs / 3)).unref();
    return made;
  }

  #forget(slots: SlotKey): void {
    // One that was idle before may end late, when another has its place.
    if (this.#keys.get(slots.key) === slots) this.#keys.delete(slots.key);
    if (this.#keys.size === 0) this.#stop();
  }

  #stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  async #keepAll(all: readonly { readonly slots: SlotKey; readonly held: Held }[]): Promise<void> {
    const asked = all.map(({ slots: { key }, held: { id } }) => ({ key, id }));
    for (const place of this.#needs.places) {
      const answer = await place.reach.run(async () => place.counter.keepSlots(asked, this.#leaseMs));
      if (answer === undefined) continue;
      for (const { slots, held } of all) {
        held.places.add(place);
        // It ended while this was under way.
        if (!slots.has(held)) slots.free(held);
      }
      return;
    }
  }
}
