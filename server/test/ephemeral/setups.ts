// The four ways in which processes count together, for tests that must hold in each of them.
import { randomBytes } from "node:crypto";
import { describe } from "node:test";
import { Kysely } from "kysely";
import type { Ephemeral, Limit } from "../../src/ephemeral/ephemeral.ts";
import { type EphemeralNeeds, makeEphemeral } from "../../src/ephemeral/make.ts";
import { type LimitCounters, limitCounters } from "../../src/store/limit-counters.ts";
import { postgresDialect, postgresPool } from "../../src/store/postgres.ts";
import type { Schema } from "../../src/store/schema.ts";
import { openSqlite, sqliteDialect } from "../../src/store/sqlite.ts";
import { type DatabaseChoice, openDatabase } from "../../src/store/store.ts";
import { type Totals, totalsTable } from "../../src/store/totals.ts";
import { choiceOf } from "../store/replica.ts";
import { type DatabaseKind, onEachDatabase, scratch } from "../support/databases.ts";
import type { Orders } from "../support/limits-main.ts";
import { type Line, lineTo, scratchRedis, withoutRedis } from "../support/redis.ts";

export type SetupKind = "memory" | "redis" | "postgres" | "redis lost";

export interface Warned {
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

export interface Setup {
  /** One is all there is in memory; else processes that share nothing but the counters. */
  readonly replicas: readonly Ephemeral[];
  readonly warned: readonly Warned[];
  readonly counters: Counters;
  readonly shared: Shared;
  /** The line to Redis, where there is one. */
  readonly line: Line | undefined;
  /** One more process. */
  open(more?: Partial<EphemeralNeeds>): Ephemeral;
  dumpRedis(): Promise<Record<string, unknown>>;
  forgetRedis(): Promise<void>;
  close(): Promise<void>;
}

/** What a process of its own needs to count with these. */
export type Shared = Pick<Orders, "database" | "redis">;

export interface Counters extends LimitCounters, Totals {
  readonly choice: DatabaseChoice;
  close(): Promise<void>;
}

export async function openCounters(kind: DatabaseKind): Promise<Counters> {
  const database = await scratch(kind);
  const migrating = openDatabase(choiceOf(database));
  await migrating.migrate();
  await migrating.close();
  const choice = choiceOf(database);
  const db = new Kysely<Schema>({
    dialect:
      choice.kind === "postgres" ? postgresDialect(postgresPool(choice.url)) : sqliteDialect(openSqlite(choice.file)),
  });
  return {
    ...limitCounters(db, kind),
    ...totalsTable(db, kind),
    choice,
    async close() {
      await db.destroy();
      await database.drop();
    },
  };
}

export const monotonic = (): number => performance.now();
const random = (bytes: number): Uint8Array => new Uint8Array(randomBytes(bytes));

export async function openSetup(kind: SetupKind, count = 2): Promise<Setup> {
  const counters = await openCounters(kind === "memory" || kind === "redis" ? "sqlite" : "postgres");
  const redis = kind === "redis" || kind === "redis lost" ? await scratchRedis() : undefined;
  const line = redis === undefined ? undefined : await lineTo(redis.url);
  const choice = redis === undefined || line === undefined ? null : { url: line.url, prefix: redis.prefix };
  const warned: Warned[] = [];
  const opened: Ephemeral[] = [];
  function open(more: Partial<EphemeralNeeds> = {}): Ephemeral {
    const made = makeEphemeral({
      redis: choice,
      counters: kind === "postgres" || kind === "redis lost" ? counters : null,
      totals: counters,
      monotonic,
      random,
      warn: (message, fields) => warned.push({ message, fields }),
      ...more,
    });
    opened.push(made);
    return made;
  }
  return {
    replicas: Array.from({ length: kind === "memory" ? 1 : count }, () => open()),
    warned,
    counters,
    shared: { database: counters.choice, redis: choice },
    line,
    open,
    dumpRedis: async () => redis?.dump() ?? {},
    forgetRedis: async () => redis?.forget(),
    async close() {
      await Promise.all(opened.map(async (one) => one.close()));
      await line?.close();
      await redis?.drop();
      await counters.close();
    },
  };
}

/** Runs a suite once in each. */
export function onEachSetup(title: string, suite: (kind: SetupKind) => void): void {
  onEachDatabase(title, (database) => {
    const [bare, withRedis]: readonly SetupKind[] =
      database === "sqlite" ? ["memory", "redis"] : ["postgres", "redis lost"];
    if (bare !== undefined) describe(bare, () => suite(bare));
    if (withRedis !== undefined) describe(withRedis, { skip: withoutRedis }, () => suite(withRedis));
  });
}

export function newKey(): string {
  return randomBytes(32).toString("base64url");
}

export function limit(key: string, most: number, windowMs: number): Limit {
  return { name: "test", key, most, windowMs };
}
