// Calls at once under one key: those that ask wait in a queue, and one question at a time asks for all of them.
import type { SlotCounter } from "./counter.ts";
import type { Reach } from "./reach.ts";

/** Slots of one question. */
const batchMax = 500;

export interface SlotPlace {
  readonly reach: Reach;
  readonly counter: SlotCounter;
}

export interface SlotKeyNeeds {
  readonly key: string;
  /** The first that answers is the one that counts. */
  readonly places: readonly SlotPlace[];
  readonly leaseMs: number;
  /** Nothing is held, asked for or given back any more. */
  readonly onIdle: () => void;
}

export interface Held {
  readonly id: string;
  /** False while it waits to be. */
  isTaken: boolean;
  /** Where it is written down: nowhere yet when it was taken while nothing shared answered. */
  readonly places: Set<SlotPlace>;
}

interface Waiting {
  readonly held: Held;
  readonly most: number;
  readonly settle: (isTaken: boolean) => void;
}

export class SlotKey {
  readonly #needs: SlotKeyNeeds;
  readonly #held = new Set<Held>();
  #waiting: Waiting[] = [];
  readonly #ended = new Map<SlotPlace, string[]>();
  #serving: Promise<void> | undefined;

  constructor(needs: SlotKeyNeeds) {
    this.#needs = needs;
  }

  get key(): string {
    return this.#needs.key;
  }

  running(): readonly Held[] {
    return [...this.#held].filter(({ isTaken }) => isTaken);
  }

  has(held: Held): boolean {
    return this.#held.has(held);
  }

  /** Undefined when `most` run already. */
  async take(id: string, most: number): Promise<Held | undefined> {
    // Also counted here, with those that wait: a process alone never has more, whatever becomes of its leases, and nobody
    // waits for what the others in the queue will take.
    if (this.#held.size >= most) return undefined;
    const held = { id, isTaken: false, places: new Set<SlotPlace>() };
    this.#held.add(held);
    const { promise, resolve } = Promise.withResolvers<boolean>();
    this.#waiting.push({ held, most, settle: resolve });
    this.#serve();
    return (await promise) ? held : undefined;
  }

  release(held: Held): void {
    this.#held.delete(held);
    this.free(held);
  }

  releaseAll(): void {
    for (const held of this.#held) this.release(held);
  }

  /** Strikes it out wherever it is written down. */
  free({ id, places }: Held): void {
    for (const place of places) {
      const ended = this.#ended.get(place);
      if (ended === undefined) this.#ended.set(place, [id]);
      else ended.push(id);
    }
    this.#serve();
  }

  /** Until all that was asked and given back is answered. */
  async settled(): Promise<void> {
    await this.#serving;
  }

  #serve(): void {
    this.#serving ??= this.#serveAll();
  }

  async #serveAll(): Promise<void> {
    // A moment later, so that the calls of the same moment go with one question.
    await Promise.resolve();
    while (this.#ended.size > 0 || this.#waiting.length > 0) {
      // First, so that who asks after a call has ended finds its slot free.
      await this.#freeEnded();
      await this.#takeNext();
    }
    this.#serving = undefined;
    if (this.#held.size === 0) this.#needs.onIdle();
  }

  async #freeEnded(): Promise<void> {
    const ended = [...this.#ended];
    this.#ended.clear();
    const { key } = this.#needs;
    for (const [{ reach, counter }, ids] of ended) {
      for (let at = 0; at < ids.length; at += batchMax) {
        const slots = ids.slice(at, at + batchMax).map((id) => ({ key, id }));
        await reach.run(async () => counter.freeSlots(slots));
      }
    }
  }

  async #takeNext(): Promise<void> {
    const [first] = this.#waiting;
    if (first === undefined) return;
    const other = this.#waiting.findIndex(({ most }) => most !== first.most);
    const batch = this.#waiting.splice(0, Math.min(batchMax, other === -1 ? batchMax : other));
    const taken = await this.#written(batch, first.most);
    for (const [at, { held, settle }] of batch.entries()) {
      held.isTaken = at < taken;
      if (!held.isTaken) this.#held.delete(held);
      settle(held.isTaken);
    }
  }

  /** How many of these got a slot: the first ones. */
  async #written(batch: readonly Waiting[], most: number): Promise<number> {
    const { key, places, leaseMs } = this.#needs;
    const ids = batch.map(({ held }) => held.id);
    for (const place of places) {
      const moved = this.running().filter((other) => !other.places.has(place));
      const ask = { key, most, ids, others: moved.map(({ id }) => id), leaseMs };
      const answer = await place.reach.run(async () => place.counter.takeSlots(ask));
      // They may have been taken with nobody told: they are freed when their leases end.
      if (answer === undefined) continue;
      for (const other of moved) other.places.add(place);
      for (const { held } of batch.slice(0, answer.value)) held.places.add(place);
      return answer.value;
    }
    return batch.length;
  }
}
