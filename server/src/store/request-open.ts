// Opens the live log and the reading beside a database. Nothing runs until the first note or question.
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Kysely } from "kysely";
import { type Reading, readingOf, remoteReading } from "./reading.ts";
import { ReadingHost } from "./reading-host.ts";
import type { RequestLog } from "./request-log.ts";
import { eraseInPostgres, writeToPostgres } from "./request-postgres.ts";
import { RequestQueue } from "./request-queue.ts";
import type { RequestsSchema } from "./request-rows.ts";
import type { Schema } from "./schema.ts";

export interface RequestLogPowers {
  /** Where reading-worker.ts lies: only a root file knows its own place. */
  readonly worker: URL;
  readonly warn: (message: string, fields: Readonly<Record<string, unknown>>) => void;
  readonly now: () => number;
}

export interface OpenedRequestLog {
  readonly log: RequestLog;
  readonly reading: Reading;
  /** Erases what is past its time; for the sweep. */
  erase(): Promise<void>;
  /** Writes what was noted, then ends. Questions that still run fail. */
  close(): Promise<void>;
}

const closeWithinMs = 5000;
/** A server that serves nobody need not start a worker only to find nothing old: once an hour is soon enough. */
const eraseAsleepEveryMs = 3_600_000;
const eraseAwakeEveryMs = 60_000;
const roundsMax = 50;
const sliceRows = 250;

export function postgresRequestLog(db: Kysely<Schema>, { warn, now }: RequestLogPowers): OpenedRequestLog {
  const requests = db as unknown as Kysely<RequestsSchema>;
  const log = new RequestQueue({ warn, now, write: async (rows) => writeToPostgres(requests, `[${rows.join()}]`) });
  return {
    log,
    reading: readingOf({ kind: "postgres", main: db, requests }),
    erase: async () => eraseInPostgres(requests, now()),
    close: async () => log.close(closeWithinMs),
  };
}

export function sqliteRequestLog(main: string, { worker, warn, now }: RequestLogPowers): OpenedRequestLog {
  const files = { main, requests: join(dirname(main), "requests.db") };
  const host = new ReadingHost({ worker, files, warn });
  const log = new RequestQueue({
    warn,
    now,
    // In slices: joining and copying a large batch at once would hold the thread for several milliseconds.
    async write(rows) {
      for (let from = 0; from < rows.length; from += sliceRows) {
        const slice = `[${rows.slice(from, from + sliceRows).join()}]`;
        await host.run({ kind: "write", rows: slice, isLast: from + sliceRows >= rows.length, now: now() });
      }
    },
  });
  let erased = now();
  return {
    log,
    reading: remoteReading(async (question) => host.run({ kind: "ask", question })),
    async erase() {
      if (now() - erased < (host.isRunning ? eraseAwakeEveryMs : eraseAsleepEveryMs)) return;
      if (!host.isRunning && !existsSync(files.requests)) return;
      erased = now();
      for (let round = 0; round < roundsMax; round += 1) {
        if ((await host.run({ kind: "erase", now: now() })) !== true) return;
      }
    },
    async close() {
      await log.close(closeWithinMs);
      await host.close();
    },
  };
}
