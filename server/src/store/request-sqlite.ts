// Writes and erases records in requests.db. Only the worker does: each batch keeps its thread for some tens of milliseconds.
import { recordsKeptMs } from "../rules/request-record.ts";
import { minuteMs, quarterMs } from "../rules/tally.ts";
import { type Cell, columns, type RequestCountRow, type RequestHeadroomRow } from "./request-rows.ts";
import { summaryOf } from "./request-summary.ts";
import type { openSqlite } from "./sqlite.ts";

type Handle = ReturnType<typeof openSqlite>;

export interface RequestWriter {
  write(batch: readonly (readonly Cell[])[]): void;
  /** Erases a little of what is past its time; true when there may be more. */
  erase(now: number): boolean;
}

/** Minutes are asked for within an hour; the quarters live as long as the records. */
export const minutesKeptMs = 2 * 3_600_000;
/** More than a batch brings: erasing keeps up with writing. */
const eraseMax = 6000;
const names = columns.map(([name]) => name);
const countNames = ["project_id", "width", "slot", "kind", "label", "count"] as const;
const headroomNames = [
  "project_id",
  "account_id",
  "resource",
  "connection",
  "identifier",
  "most",
  "remaining",
  "reset_at",
  "at",
] as const;

/** Losing the last moments of a log to a power cut is no lie; waiting for the disk at each batch would cost most of the speed. */
export function tuneForLog(db: Handle): void {
  db.exec("PRAGMA synchronous = NORMAL; PRAGMA cache_size = -32000;");
  // The indexes scatter: the longer a page may wait in the WAL, the fewer times it is written to its place.
  db.exec("PRAGMA wal_autocheckpoint = 8000; PRAGMA journal_size_limit = 67108864;");
}

export function sqliteWriter(db: Handle): RequestWriter {
  const insert = db.prepare(`insert into requests (${names.join()}) values (${marks(names)})`);
  const add = db.prepare(
    `insert into request_counts (${countNames.join()}) values (${marks(countNames)})
     on conflict (project_id, width, slot, kind, label) do update set count = count + excluded.count`,
  );
  const put = db.prepare(
    `insert into request_headroom (${headroomNames.join()}) values (${marks(headroomNames)})
     on conflict (project_id, account_id, resource) do update set connection = excluded.connection,
     identifier = excluded.identifier, most = excluded.most, remaining = excluded.remaining,
     reset_at = excluded.reset_at, at = excluded.at where excluded.at >= request_headroom.at`,
  );
  const old = db.prepare(
    `delete from requests where seq in
     (select seq from (select seq, at from requests order by seq limit ${eraseMax}) where at < ?)`,
  );
  const oldest = db.prepare("select at from requests order by seq limit 1");
  const oldCounts = db.prepare("delete from request_counts where width = ? and slot < ?");
  const oldHeadroom = db.prepare("delete from request_headroom where at < ?");
  return {
    write(batch) {
      const { counts, headroom } = summaryOf(batch);
      inOneStep(db, () => {
        for (const cells of batch) insert.run(...cells);
        for (const row of counts) add.run(...countNames.map((name: keyof RequestCountRow) => row[name]));
        for (const row of headroom) put.run(...headroomNames.map((name: keyof RequestHeadroomRow) => row[name]));
      });
    },
    erase(now) {
      return inOneStep(db, () => {
        oldCounts.run(minuteMs, now - minutesKeptMs);
        oldCounts.run(quarterMs, now - recordsKeptMs - quarterMs);
        oldHeadroom.run(now - recordsKeptMs);
        // One row tells in almost every case; looking at thousands after each batch would cost more than the batch.
        if (Number(oldest.get()?.["at"] ?? now) >= now - recordsKeptMs) return false;
        return Number(old.run(now - recordsKeptMs).changes) > 0;
      });
    },
  };
}

function marks(list: readonly string[]): string {
  return list.map(() => "?").join();
}

function inOneStep<T>(db: Handle, work: () => T): T {
  db.exec("begin immediate");
  try {
    const result = work();
    db.exec("commit");
    return result;
  } catch (error) {
    db.exec("rollback");
    throw error;
  }
}
