// Rotation: every sealed value is opened and sealed anew with the newest key, while servers run (promise 3).
import { type KeyRing, SealError } from "../crypto/seal.ts";
import type { SealedColumn, SealedValue, SealedValues } from "../store/reseal.ts";
import type { ServerRing } from "../store/rings.ts";
import type { Store, Tables } from "../store/store.ts";

export interface RotationPowers {
  readonly ring: KeyRing;
  readonly store: Store;
  readonly columns: readonly SealedColumn[];
  /** After each batch: how many of a column's values have been sealed anew. */
  readonly progress: (column: SealedColumn, done: number, total: number) => void;
}

export type Rotated =
  /** Nothing is sealed with another key any more. `retired`: the keys that were, none when it has been so before. */
  | { readonly kind: "done"; readonly values: number; readonly retired: readonly string[] }
  /** Servers that would meet values they cannot open, or go on sealing with an old key. */
  | { readonly kind: "others"; readonly servers: readonly ServerRing[] }
  /** Values went on changing: as many as were sealed anew stay so, and the next run finds the rest. */
  | { readonly kind: "unfinished"; readonly values: number }
  /** Values that no key of the ring opens: they keep their key in use. */
  | { readonly kind: "stuck"; readonly values: readonly string[] };

/** Servers say which keys they have every 15 s (`noteRing`); one that was not heard for so long has ended. */
const silenceMs = 120_000;
const batch = 100;
/** Values that change under us were sealed anew by who changed them: a few rounds find the rest. */
const roundsMax = 10;

/** Safe to run again after any end, and beside itself: each value is swapped only while it is what was read. */
export async function rotate(powers: RotationPowers): Promise<Rotated> {
  const { store, ring } = powers;
  const before = await serversWithout(store, ring.newest);
  if (before.length > 0) return { kind: "others", servers: before };
  let values = 0;
  for (let round = 0; round < roundsMax; round += 1) {
    const { swapped, stuck } = await resealOnce(powers);
    values += swapped;
    if (stuck.length > 0) return { kind: "stuck", values: stuck };
    const ended = await retire(powers, values);
    if (ended !== "not yet") return ended;
  }
  return { kind: "unfinished", values };
}

/** Running servers that do not seal with this key. */
export async function serversWithout({ rings }: Pick<Tables, "rings">, newest: string): Promise<readonly ServerRing[]> {
  const servers = await rings.heardWithin(silenceMs);
  return servers.filter(({ keys }) => keys[0] !== newest);
}

async function resealOnce(
  powers: RotationPowers,
): Promise<{ readonly swapped: number; readonly stuck: readonly string[] }> {
  let swapped = 0;
  const stuck: string[] = [];
  for (const column of powers.columns) {
    const one = await resealColumn(powers, column);
    swapped += one.swapped;
    stuck.push(...one.stuck);
  }
  return { swapped, stuck };
}

async function resealColumn(
  powers: RotationPowers,
  column: SealedColumn,
): Promise<{ readonly swapped: number; readonly stuck: readonly string[] }> {
  const { ring, store, progress } = powers;
  const total = await oldIn(store, column, ring.newest);
  const stuck: string[] = [];
  let [after, swapped, seen] = ["", 0, 0];
  for (;;) {
    const values = await store.sealed.notUnder(column, ring.newest, { after, limit: batch });
    for (const was of values) {
      const sealed = sealedAnew(ring, column, was);
      if (sealed === undefined) stuck.push(`${column.table}.${column.column} of ${was.row}`);
      // Somebody who wrote meanwhile sealed with their newest key: theirs stays, and the next round looks at it.
      else if (await store.sealed.swap(column, was, sealed)) swapped += 1;
    }
    seen += values.length;
    after = values.at(-1)?.row ?? after;
    if (values.length > 0) progress(column, Math.min(seen, total), total);
    if (values.length < batch) return { swapped, stuck };
  }
}

async function oldIn({ sealed }: Tables, column: SealedColumn, newest: string): Promise<number> {
  return (await sealed.count(column)) - (await sealed.count(column, newest));
}

function sealedAnew(ring: KeyRing, column: SealedColumn, was: SealedValue): string | undefined {
  const place = { project: was.project, table: column.table, row: was.row, column: column.column };
  try {
    return ring.seal(ring.open(was.sealed, place), place);
  } catch (error) {
    if (error instanceof SealError) return undefined;
    throw error;
  }
}

/** In one transaction: nothing under an old key, nobody who seals with one, the keys leave the database, and the audit says so. */
async function retire({ store, ring, columns }: RotationPowers, values: number): Promise<Rotated | "not yet"> {
  return store.change(async (tables, record) => {
    const servers = await serversWithout(tables, ring.newest);
    if (servers.length > 0) return { kind: "others", servers };
    for (const column of columns) if ((await oldIn(tables, column, ring.newest)) > 0) return "not yet";
    const retired = (await tables.meta.sealingKeys()).map(({ id }) => id).filter((id) => id !== ring.newest);
    await tables.sealed.retire(retired);
    const actor = { kind: "system", task: "host" } as const;
    const details = { retired, values };
    if (retired.length > 0) record({ chain: "instance", name: "key.rotated", actor, subject: ring.newest, details });
    return { kind: "done", values, retired };
  });
}

export interface KeyUse {
  readonly id: string;
  readonly values: number;
}

/** How many values each key seals: those of the ring, those in use, and any other that is met. */
export async function keyUse(
  sealed: SealedValues,
  columns: readonly SealedColumn[],
  ids: readonly string[],
): Promise<readonly KeyUse[]> {
  const uses: KeyUse[] = [];
  for (const id of ids) {
    let values = 0;
    for (const column of columns) values += await sealed.count(column, id);
    uses.push({ id, values });
  }
  return uses;
}
