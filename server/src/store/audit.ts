// The audit chain: appended in the transaction of the change it records, one chain per project and one for the instance.
import { type Kysely, sql } from "kysely";
import { type Actor, type AuditChain, type AuditEntry, headText, linkText } from "../rules/audit.ts";
import type { EventId } from "../rules/ids.ts";
import { isPostgres } from "./audit-actor.ts";
import { type Checkpoints, checkpointTable } from "./audit-checkpoints.ts";
import { type AuditReading, auditReading } from "./audit-reading.ts";
import type { AuditEventRow, AuditHeadRow, Schema } from "./schema.ts";

/** Powers the chain needs from outside: the keyed hash, an id, the time. */
export interface ChainPowers {
  readonly link: (text: string) => string;
  readonly newId: () => EventId;
  readonly now: () => number;
}

/** On the main thread for the host's commands and for point reads; requests ask `auditReading` elsewhere. */
export interface Audit extends AuditReading, Checkpoints {
  heads(): Promise<readonly AuditHeadRow[]>;
  chains(): Promise<readonly string[]>;
  /** Time of the newest event. */
  newest(): Promise<number | undefined>;
}

export function auditTable(db: Kysely<Schema>): Audit {
  return {
    ...auditReading(db),
    ...checkpointTable(db),
    async heads() {
      return db.selectFrom("audit_heads").selectAll().orderBy("chain").execute();
    },
    async newest() {
      const row = await db
        .selectFrom("audit_events")
        .select((eb) => eb.fn.max("at").as("at"))
        .executeTakeFirst();
      return row?.at ?? undefined;
    },
    async chains() {
      const rows = await db.selectFrom("audit_events").select("chain").distinct().execute();
      return rows.map((row) => row.chain);
    },
  };
}

/** Appends entries as the last act of a transaction: it locks the head of each chain, so nothing slow may follow. */
export async function appendAudit(
  db: Kysely<Schema>,
  entries: readonly AuditEntry[],
  powers: ChainPowers & { readonly flushesLater?: boolean },
): Promise<void> {
  // Chains in one order everywhere: two transactions that touch the same two chains cannot wait for each other.
  const chains = [...new Set(entries.map((entry) => entry.chain))].sort();
  for (const chain of chains) {
    const own = entries.filter((entry) => entry.chain === chain);
    const lock = async (): Promise<AuditHeadRow | undefined> => lockHead(db, chain, powers.flushesLater === true);
    const head = (await lock()) ?? (await makeHead(db, chain, lock));
    await extend(db, chain, linkAll(own, await endOf(db, head, powers), powers), powers);
  }
}

/** A write that changes nothing: whoever else appends waits here until we commit, and then reads what we wrote. */
async function lockHead(db: Kysely<Schema>, chain: string, flushesLater: boolean): Promise<AuditHeadRow | undefined> {
  const lock = db
    .updateTable("audit_heads")
    .set((eb) => ({ seq: eb.ref("seq") }))
    .where("chain", "=", chain)
    .returningAll();
  // For this transaction only: whoever asks for it waits for the disk after the commit (audit-change.ts).
  const commit = sql`set_config('synchronous_commit', 'off', true)`.as("commit");
  return (flushesLater ? lock.returning(commit) : lock).executeTakeFirst();
}

async function makeHead(
  db: Kysely<Schema>,
  chain: string,
  lock: () => Promise<AuditHeadRow | undefined>,
): Promise<AuditHeadRow> {
  await db
    .insertInto("audit_heads")
    .values({ chain, seq: 0, hash: "", last: "" })
    .onConflict((conflict) => conflict.column("chain").doNothing())
    .execute();
  const head = await lock();
  if (head === undefined) throw new Error("The audit chain has no head");
  return head;
}

// An end that was set back is not made good by going on from it: what follows an unproven end follows nothing, for ever to be seen.
async function endOf(
  db: Kysely<Schema>,
  { chain, seq, hash, last }: AuditHeadRow,
  powers: ChainPowers,
): Promise<{ seq: number; hash: string }> {
  const proves = (end: string): boolean => hash === powers.link(headText({ chain, seq, hash: end }));
  if (seq === 0 || proves(last)) return { seq, hash: last };
  // A server of the release before, which an update has yet to replace, moves the end without a word of `last`.
  const own = db.selectFrom("audit_events").select("hash").where("chain", "=", chain).where("seq", "=", seq);
  const event = await own.executeTakeFirst();
  return { seq, hash: event !== undefined && proves(event.hash) ? event.hash : unproven };
}

const unproven = "unproven";

/** On PostgreSQL in one statement: every round trip under the lock is one that all other writers wait for. */
async function extend(
  db: Kysely<Schema>,
  chain: AuditChain,
  rows: readonly AuditEventRow[],
  powers: ChainPowers,
): Promise<void> {
  const { seq = 0, hash: last = "" } = rows.at(-1) ?? {};
  const end = { seq, last, hash: powers.link(headText({ chain, seq, hash: last })) };
  const move = (creator: Pick<Kysely<Schema>, "updateTable">) =>
    creator.updateTable("audit_heads").set(end).where("chain", "=", chain);
  if (isPostgres(db)) return void (await db.with("ended", move).insertInto("audit_events").values(rows).execute());
  await db.insertInto("audit_events").values(rows).execute();
  await move(db).execute();
}

function linkAll(
  entries: readonly AuditEntry[],
  head: { seq: number; hash: string },
  powers: ChainPowers,
): AuditEventRow[] {
  let before = head;
  return entries.map((entry) => {
    const event = {
      chain: entry.chain,
      seq: before.seq + 1,
      id: powers.newId(),
      at: powers.now(),
      name: entry.name,
      actor: JSON.stringify(entry.actor satisfies Actor),
      subject: entry.subject,
      details: JSON.stringify(entry.details ?? {}),
      prev: before.hash,
    };
    const row = { ...event, hash: powers.link(linkText(event)) };
    before = row;
    return row;
  });
}
