// A transaction whose events are chained into the audit as its last statements, and which is on disk before anyone is told.
import { type Kysely, sql, type Transaction } from "kysely";
import type { AuditEntry } from "../rules/audit.ts";
import { appendAudit, type ChainPowers } from "./audit.ts";
import { isPostgres } from "./audit-actor.ts";
import type { Schema } from "./schema.ts";

export interface Chaining {
  readonly db: Kysely<Schema>;
  readonly powers: ChainPowers;
  /** Undefined where the commit itself writes to the disk. */
  readonly flush: Flush | undefined;
}

type Flush = () => Promise<void>;
type Work<T> = (transaction: Transaction<Schema>, record: (entry: AuditEntry) => void) => Promise<T>;

/**
 * On PostgreSQL a commit holds its locks until the disk has it, so one chain would take no more events than the disk takes
 * writes one after the other (some 200 a second on a slow one). So the head is let go first and the disk is waited for
 * afterwards, for many changes at once; the caller hears of the change only then.
 */
export function chaining(db: Kysely<Schema>, powers: ChainPowers): Chaining {
  return { db, powers, flush: isPostgres(db) ? makeFlush(db) : undefined };
}

export async function auditedChange<T>({ db, powers, flush }: Chaining, work: Work<T>): Promise<T> {
  const entries: AuditEntry[] = [];
  const result = await db.transaction().execute(async (transaction) => {
    const done = await work(transaction, (entry) => entries.push(entry));
    if (entries.length > 0) await appendAudit(transaction, entries, { ...powers, flushesLater: flush !== undefined });
    return done;
  });
  if (entries.length > 0) await flush?.();
  return result;
}

/** Writes what was committed to the disk: one at a time, and each for everyone who committed before it began. */
function makeFlush(db: Kysely<Schema>): Flush {
  let running: Promise<void> | undefined;
  let next: Promise<void> | undefined;
  const begin = async (): Promise<void> => {
    running = flushNow(db).finally(() => (running = undefined));
    return running;
  };
  return async () => {
    if (running === undefined) return begin();
    // The one under way may have begun before our commit.
    next ??= running
      .catch(() => undefined)
      .then(async () => {
        next = undefined;
        return begin();
      });
    return next;
  };
}

/** A commit that waits for the disk takes everything before it along; an empty message makes it one that has to. */
async function flushNow(db: Kysely<Schema>): Promise<void> {
  await sql`select pg_logical_emit_message(true, 'behalf', '')`.execute(db);
}
