// Counters that processes share: shares of limits, calls at once. What they mean is told in ephemeral/counter.ts.
import { type Kysely, type RawBuilder, sql, type Transaction } from "kysely";
import { type DatabaseKind, databaseClock } from "./clock.ts";
import type { Schema } from "./schema.ts";

/** What counters the others kept gave out is in rows with negative slices: one an origin. */
const ownOrigin = 0;
/** Rows of one statement, whose parameters a database counts. */
const rowsMax = 1000;

export interface ShareAsk {
  readonly key: string;
  readonly most: number;
  readonly windowMs: number;
  readonly sliceMs: number;
  readonly lifeMs: number;
  readonly want: number;
  readonly returns: readonly { readonly origin: number; readonly slice: number; readonly units: number }[];
  readonly known: readonly Omit<Told, "key">[];
}

export interface Told {
  readonly key: string;
  readonly origin: number;
  readonly used: number;
  readonly forMs: number;
}

export interface ShareAnswer {
  readonly origin: number;
  readonly slice: number;
  readonly granted: number;
  readonly own: number;
  readonly used: number;
  readonly endsInMs: number;
  readonly freeInMs: number;
}

export interface SlotAsk {
  readonly key: string;
  readonly most: number;
  readonly ids: readonly string[];
  readonly others: readonly string[];
  readonly leaseMs: number;
}

export interface HeldSlot {
  readonly key: string;
  readonly id: string;
}

/** Connections they have to themselves. */
export const countersAtOnce = 2;

export interface LimitCounters {
  readonly atOnce: number;
  ask(ask: ShareAsk): Promise<ShareAnswer>;
  /** Holds against each key what another counter gave out under it. */
  learn(told: readonly Told[]): Promise<void>;
  /** How many were taken, until `most` are: those of the first ids. */
  takeSlots(ask: SlotAsk): Promise<number>;
  keepSlots(slots: readonly HeldSlot[], leaseMs: number): Promise<void>;
  freeSlots(slots: readonly HeldSlot[]): Promise<void>;
  /** By the database's clock: a process whose own is ahead must not erase what still counts. */
  eraseEnded(): Promise<void>;
  ping(): Promise<void>;
}

/** `db` is asked for what calls wait for, `sweeping` for what may take long. */
export function limitCounters(db: Kysely<Schema>, kind: DatabaseKind, sweeping = db): LimitCounters {
  return {
    atOnce: countersAtOnce,
    ask: async (ask) => db.transaction().execute(async (trx) => askFor(trx, ask, kind)),
    learn: async (told) => learn(db, told, databaseClock(kind)),
    takeSlots: async (ask) => db.transaction().execute(async (trx) => takeSlots(trx, ask, kind)),
    keepSlots: async (slots, leaseMs) => keepSlots(db, slots, plus(databaseClock(kind), leaseMs)),
    freeSlots: async (slots) => freeSlots(db, slots, kind),
    async eraseEnded() {
      await sweeping.deleteFrom("limit_slices").where("ends_at", "<=", databaseClock(kind)).execute();
      await sweeping.deleteFrom("limit_slots").where("until_at", "<=", databaseClock(kind)).execute();
    },
    async ping() {
      await db.selectFrom("limit_slots").select("key").limit(1).execute();
    },
  };
}

function plus(left: RawBuilder<number>, ms: number): RawBuilder<number> {
  return sql<number>`${left} + cast(${Math.ceil(ms)} as bigint)`;
}

/**
 * Nobody else counts this key until the transaction ends. A lock of its own, since two processes may add different rows.
 * SQLite has one writer anyway. The clock may be read before the lock is there: an older now counts longer.
 */
async function alone(trx: Transaction<Schema>, key: string, kind: DatabaseKind): Promise<number> {
  const lock = sql`pg_advisory_xact_lock(hashtextextended(${`limit:${key}`}, 0))`;
  // What a crash of the database may forget of the last moments is not worth a wait for the disk at each ask.
  const noWait = sql`set_config('synchronous_commit', 'off', true)`;
  const now = databaseClock(kind).as("now");
  const { rows } = await (kind === "postgres" ? sql`select ${noWait}, ${lock}, ${now}` : sql`select ${now}`).execute(
    trx,
  );
  return (rows[0] as { readonly now: number }).now;
}

async function askFor(trx: Transaction<Schema>, ask: ShareAsk, kind: DatabaseKind): Promise<ShareAnswer> {
  const { key, windowMs, sliceMs } = ask;
  const now = await alone(trx, key, kind);
  await putBack(trx, ask, now);
  await learn(
    trx,
    ask.known.map((known) => ({ ...known, key })),
    databaseClock(kind),
  );
  const { own, told, oldest } = await standing(trx, key, now);
  const slice = Math.floor((now + ask.lifeMs) / sliceMs);
  const sliceEnd = (slice + 1) * sliceMs;
  const granted = Math.max(0, Math.min(ask.want, ask.most - own - told));
  if (granted > 0) await book(trx, { key, slice, used: granted, ends_at: sliceEnd + windowMs });
  const freeAt = oldest ?? (granted > 0 ? sliceEnd + windowMs : now);
  // The clock was rounded down, so up to a millisecond of the slice is over already.
  const endsInMs = sliceEnd - now - 1;
  const used = own + granted;
  return { origin: ownOrigin, slice, granted, own: used, used: used + told, endsInMs, freeInMs: freeAt - now };
}

async function putBack(trx: Transaction<Schema>, { key, returns }: ShareAsk, now: number): Promise<void> {
  for (const { slice, units } of returns.filter(({ origin }) => origin === ownOrigin)) {
    await trx
      .updateTable("limit_slices")
      .set({ used: sql<number>`case when used > ${units} then used - ${units} else 0 end` })
      .where("key", "=", key)
      .where("slice", "=", slice)
      .where("ends_at", ">", now)
      .execute();
  }
}

async function learn(db: Kysely<Schema>, told: readonly Told[], now: RawBuilder<number>): Promise<void> {
  const rows = told
    .filter(({ origin }) => origin !== ownOrigin)
    .map(({ key, origin, used, forMs }) => ({ key, slice: -origin, used, ends_at: plus(now, forMs) }))
    // In one order everywhere, so that two processes never wait for each other.
    .toSorted((a, b) => (a.key < b.key ? -1 : 1));
  if (rows.length === 0) return;
  await db
    .insertInto("limit_slices")
    .values(rows)
    .onConflict((conflict) =>
      conflict.columns(["key", "slice"]).doUpdateSet({
        used: sql<number>`case when limit_slices.ends_at > ${now} and limit_slices.used > excluded.used
          then limit_slices.used else excluded.used end`,
        ends_at: sql<number>`case when limit_slices.ends_at > excluded.ends_at
          then limit_slices.ends_at else excluded.ends_at end`,
      }),
    )
    .execute();
}

async function standing(
  trx: Transaction<Schema>,
  key: string,
  now: number,
): Promise<{ own: number; told: number; oldest: number | null }> {
  const row = await trx
    .selectFrom("limit_slices")
    .select([
      sql<number>`cast(coalesce(sum(case when slice >= 0 then used end), 0) as bigint)`.as("own"),
      sql<number>`cast(coalesce(sum(case when slice < 0 then used end), 0) as bigint)`.as("told"),
      sql<number | null>`min(case when used > 0 then ends_at end)`.as("oldest"),
    ])
    .where("key", "=", key)
    .where("ends_at", ">", now)
    .executeTakeFirstOrThrow();
  return row;
}

async function book(trx: Transaction<Schema>, row: Schema["limit_slices"]): Promise<void> {
  await trx
    .insertInto("limit_slices")
    .values(row)
    .onConflict((conflict) =>
      conflict.columns(["key", "slice"]).doUpdateSet({ used: sql`limit_slices.used + excluded.used` }),
    )
    .execute();
}

async function takeSlots(trx: Transaction<Schema>, ask: SlotAsk, kind: DatabaseKind): Promise<number> {
  const { key, most, ids, others, leaseMs } = ask;
  const now = await alone(trx, key, kind);
  const until = sql<number>`cast(${now + leaseMs} as bigint)`;
  await keepSlots(
    trx,
    others.map((other) => ({ key, id: other })),
    until,
  );
  const { running } = await trx
    .selectFrom("limit_slots")
    .select((of) => of.fn.countAll<number>().as("running"))
    .where("key", "=", key)
    .where("until_at", ">", now)
    .executeTakeFirstOrThrow();
  const taken = ids.slice(0, Math.max(0, most - running));
  await keepSlots(
    trx,
    taken.map((id) => ({ key, id })),
    until,
  );
  return taken.length;
}

async function freeSlots(db: Kysely<Schema>, slots: readonly HeldSlot[], kind: DatabaseKind): Promise<void> {
  if (slots.length === 0) return;
  // Ids are random: none is under two keys.
  const [keys, ids] = [[...new Set(slots.map(({ key }) => key))], slots.map(({ id }) => id)];
  const ended = db.selectFrom("limit_slots").select("id").where("key", "in", keys).where("id", "in", ids);
  // In one order everywhere, so that this never waits for slots that are kept just now, and they for these.
  const inOrder = kind === "postgres" ? ended.orderBy("id").forUpdate() : ended;
  await db.deleteFrom("limit_slots").where("key", "in", keys).where("id", "in", inOrder).execute();
}

async function keepSlots(db: Kysely<Schema>, slots: readonly HeldSlot[], until: RawBuilder<number>): Promise<void> {
  // In one order everywhere, so that two processes never wait for each other.
  const rows = slots.map(({ key, id }) => ({ key, id, until_at: until })).toSorted((a, b) => (a.id < b.id ? -1 : 1));
  for (let at = 0; at < rows.length; at += rowsMax) {
    await db
      .insertInto("limit_slots")
      .values(rows.slice(at, at + rowsMax))
      .onConflict((conflict) =>
        conflict.columns(["key", "id"]).doUpdateSet({ until_at: (row) => row.ref("excluded.until_at") }),
      )
      .execute();
  }
}
