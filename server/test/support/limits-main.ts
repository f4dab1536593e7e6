// A process that counts with others, to be killed. One line of JSON says what; each call it is admitted is a line.
import { randomBytes } from "node:crypto";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { Kysely } from "kysely";
import { makeEphemeral } from "../../src/ephemeral/make.ts";
import { limitCounters } from "../../src/store/limit-counters.ts";
import { postgresDialect, postgresPool } from "../../src/store/postgres.ts";
import type { Schema } from "../../src/store/schema.ts";
import { openSqlite, sqliteDialect } from "../../src/store/sqlite.ts";
import type { DatabaseChoice } from "../../src/store/store.ts";
import { totalsTable } from "../../src/store/totals.ts";

export interface Orders {
  readonly database: DatabaseChoice;
  readonly redis: { readonly url: string; readonly prefix: string } | null;
  readonly limit: { readonly key: string; readonly most: number; readonly windowMs: number };
  readonly slots: { readonly key: string; readonly most: number; readonly leaseMs: number };
  readonly total: { readonly key: string; readonly most: number };
}

/** The same clock in all processes of this machine. */
const now = (): number => Number(process.hrtime.bigint() / 1000n) / 1000;
const say = (line: object): boolean => process.stdout.write(`${JSON.stringify(line)}\n`);

function open({ database, redis, slots }: Orders) {
  const isShared = database.kind === "postgres";
  const dialect = isShared ? postgresDialect(postgresPool(database.url)) : sqliteDialect(openSqlite(database.file));
  const db = new Kysely<Schema>({ dialect });
  return makeEphemeral({
    redis,
    counters: isShared ? limitCounters(db, "postgres") : null,
    totals: totalsTable(db, database.kind),
    monotonic: () => performance.now(),
    random: (bytes) => new Uint8Array(randomBytes(bytes)),
    warn: (message) => say({ warned: message }),
    leaseMs: slots.leaseMs,
  });
}

for await (const line of createInterface({ input: process.stdin })) {
  const orders = JSON.parse(line) as Orders;
  const ephemeral = open(orders);
  const { key, most } = orders.slots;
  say({ holds: (await ephemeral.slots.take(key, most)) !== undefined });
  const one = { name: "test", ...orders.limit };
  for (;;) {
    const asked = now();
    if ((await ephemeral.limiter.admit([one])).kind === "admitted") say({ asked, told: now() });
    const { key: total, most: end } = orders.total;
    if (await ephemeral.totals.take(total, { most: end, amount: 1 })) say({ counted: 1 });
    await sleep(1);
  }
}
