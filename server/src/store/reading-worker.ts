// The thread that owns requests.db and answers long questions on SQLite (design §10.15). Started by reading-host.ts.

import { parentPort, workerData } from "node:worker_threads";
import { Kysely } from "kysely";
import { answered, readingOf } from "./reading.ts";
import type { FromWorker, ToWorker, WorkerFiles } from "./reading-host.ts";
import { migrateRequests } from "./request-migrations.ts";
import type { Cell, RequestsSchema } from "./request-rows.ts";
import { sqliteWriter, tuneForLog } from "./request-sqlite.ts";
import type { Schema } from "./schema.ts";
import { openSqlite, sqliteDialect } from "./sqlite.ts";

const files = workerData as WorkerFiles;
const own = openSqlite(files.requests);
tuneForLog(own);
await migrateRequests(new Kysely({ dialect: sqliteDialect(own) }), "sqlite");
const writer = sqliteWriter(own);
const batch: Cell[][] = [];

function readOnly<Tables>(file: string): Kysely<Tables> {
  const handle = openSqlite(file);
  handle.exec("PRAGMA query_only = ON; PRAGMA cache_size = -32000;");
  return new Kysely<Tables>({ dialect: sqliteDialect(handle) });
}

const reading = readingOf({
  kind: "sqlite",
  main: readOnly<Schema>(files.main),
  requests: readOnly<RequestsSchema>(files.requests),
});

async function done(message: ToWorker): Promise<unknown> {
  switch (message.kind) {
    case "write":
      batch.push(...(JSON.parse(message.rows) as Cell[][]));
      if (!message.isLast) return undefined;
      writer.write(batch.splice(0));
      // At the speed at which it is written: whoever fills the log never waits for the sweep.
      writer.erase(message.now);
      return undefined;
    case "erase":
      return writer.erase(message.now);
    case "ask":
      return answered(reading, message.question);
  }
}

function send(message: FromWorker): void {
  parentPort?.postMessage(message);
}

async function answer(message: ToWorker): Promise<void> {
  try {
    send({ id: message.id, value: await done(message) });
  } catch (error) {
    const { name, message: text } = error instanceof Error ? error : new Error("Unknown");
    const code = error instanceof Error && "code" in error ? String(error.code) : "failed";
    send({ id: message.id, error: { name, message: text, code } });
  }
}

parentPort?.on("message", (message: ToWorker) => void answer(message));
