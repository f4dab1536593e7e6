// The audit chain: appended in the transaction of the change it records, one chain per project and one for the instance.
import type { Kysely } from "kysely";
import { type Actor, type AuditEntry, headText, linkText } from "../rules/audit.ts";
import type { EventId } from "../rules/ids.ts";
import type { AuditEventRow, AuditHeadRow, Schema } from "./schema.ts";

/** Powers the chain needs from outside: the keyed hash, an id, the time. */
export interface ChainPowers {
  readonly link: (text: string) => string;
  readonly newId: () => EventId;
  readonly now: () => number;
}

export interface Audit {
  heads(): Promise<readonly AuditHeadRow[]>;
  head(chain: string): Promise<AuditHeadRow | undefined>;
  after(chain: string, seq: number, limit: number): Promise<readonly AuditEventRow[]>;
  chains(): Promise<readonly string[]>;
  /** Time of the newest event. */
  newest(): Promise<number | undefined>;
}

export function auditTable(db: Kysely<Schema>): Audit {
  return {
    async heads() {
      return db.selectFrom("audit_heads").selectAll().orderBy("chain").execute();
    },
    async head(chain) {
      return db.selectFrom("audit_heads").selectAll().where("chain", "=", chain).executeTakeFirst();
    },
    async after(chain, seq, limit) {
      return db
        .selectFrom("audit_events")
        .selectAll()
        .where("chain", "=", chain)
        .where("seq", ">", seq)
        .orderBy("seq")
        .limit(limit)
        .execute();
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
  powers: ChainPowers,
): Promise<void> {
  // Chains in one order everywhere: two transactions that touch the same two chains cannot wait for each other.
  const chains = [...new Set(entries.map((entry) => entry.chain))].sort();
  for (const chain of chains) {
    const own = entries.filter((entry) => entry.chain === chain);
    await db
      .insertInto("audit_heads")
      .values({ chain, seq: 0, hash: "" })
      .onConflict((conflict) => conflict.column("chain").doNothing())
      .execute();
    const head = await db
      .updateTable("audit_heads")
      .set((eb) => ({ seq: eb("seq", "+", own.length) }))
      .where("chain", "=", chain)
      .returningAll()
      .executeTakeFirstOrThrow();
    const rows = linkAll(own, await endOf(db, chain, head.seq - own.length), powers);
    await db.insertInto("audit_events").values(rows).execute();
    const end = { chain, seq: head.seq, hash: rows.at(-1)?.hash ?? "" };
    await db
      .updateTable("audit_heads")
      .set({ hash: powers.link(headText(end)) })
      .where("chain", "=", chain)
      .execute();
  }
}

async function endOf(db: Kysely<Schema>, chain: string, seq: number): Promise<{ seq: number; hash: string }> {
  const last = await db
    .selectFrom("audit_events")
    .select("hash")
    .where("chain", "=", chain)
    .where("seq", "=", seq)
    .executeTakeFirst();
  return { seq, hash: last?.hash ?? "" };
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
