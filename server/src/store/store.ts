// Opens the database, brings its schema up to date and hands out the tables.
import { type Dialect, Kysely } from "kysely";
import { type Migration, Migrator } from "kysely/migration";
import type { AuditEntry } from "../rules/audit.ts";
import { type Accounts, accountsTable } from "./accounts.ts";
import { type Attempts, attemptsTable } from "./attempts.ts";
import { type Audit, auditTable, type ChainPowers } from "./audit.ts";
import { auditedChange, chaining } from "./audit-change.ts";
import { type Connections, connectionsTable } from "./connections.ts";
import { type Endpoints, endpointsTable } from "./endpoints.ts";
import { type Idempotency, idempotencyTable } from "./idempotency.ts";
import { countersAtOnce, type LimitCounters, limitCounters } from "./limit-counters.ts";
import { type Links, linksTable } from "./links.ts";
import { type Meta, metaTable } from "./meta.ts";
import { up as house } from "./migrations/0001-house.ts";
import { up as gateway } from "./migrations/0002-gateway.ts";
import { postgresDialect, postgresPool } from "./postgres.ts";
import { type Projects, projectsTable } from "./projects.ts";
import { type Refreshes, refreshesTable } from "./refreshes.ts";
import { migrateRequests } from "./request-migrations.ts";
import { type OpenedRequestLog, postgresRequestLog, type RequestLogPowers, sqliteRequestLog } from "./request-open.ts";
import { type SealedValues, sealedValues } from "./reseal.ts";
import { type Revocations, revocationsTable } from "./revocations.ts";
import { type Rings, ringsTable } from "./rings.ts";
import type { Schema } from "./schema.ts";
import { openSqlite, sqliteDialect } from "./sqlite.ts";
import { type Tokens, tokensTable } from "./tokens.ts";
import { type Totals, totalsTable } from "./totals.ts";

export interface Tables {
  readonly meta: Meta;
  readonly projects: Projects;
  readonly tokens: Tokens;
  readonly connections: Connections;
  readonly accounts: Accounts;
  readonly links: Links;
  readonly attempts: Attempts;
  readonly refreshes: Refreshes;
  readonly revocations: Revocations;
  readonly idempotency: Idempotency;
  readonly audit: Audit;
  readonly endpoints: Endpoints;
  readonly sealed: SealedValues;
  readonly rings: Rings;
}

export type Record = (entry: AuditEntry) => void;

export interface Store extends Tables {
  /**
   * All or nothing. What `record` was given is chained into the audit as the last statement before the commit.
   * Never wait for the network inside: SQLite has one writer, and PostgreSQL holds the locks.
   */
  change<T>(work: (tables: Tables, record: Record) => Promise<T>): Promise<T>;
  /** Once the disk has every event that could be read before: until then a crash of the database may take it back. */
  flushed(): Promise<void>;
}

/** The database below the store: what start-up needs before there are keys. */
export interface Database {
  readonly kind: "sqlite" | "postgres";
  /** True when no table was there before this process migrated it. */
  migrate(): Promise<{ readonly wasEmpty: boolean }>;
  readonly meta: Meta;
  readonly sealed: SealedValues;
  readonly rings: Rings;
  ping(): Promise<void>;
  /** Connections by state, for metrics; SQLite has one. */
  connections(): ReadonlyMap<string, number>;
  /** Limits that several processes count together; null with SQLite, which one process has to itself. */
  readonly counters: LimitCounters | null;
  readonly totals: Totals;
  /** The live log, and what answers long questions. */
  requestLog(powers: RequestLogPowers): OpenedRequestLog;
  withChain(powers: ChainPowers): Store;
  close(): Promise<void>;
}

const migrations: { readonly [name: string]: Migration } = {
  "0001-house": { up: house },
  "0002-gateway": { up: gateway },
};

export type DatabaseChoice =
  | { readonly kind: "sqlite"; readonly file: string }
  | { readonly kind: "postgres"; readonly url: string };

export function openDatabase(choice: DatabaseChoice): Database {
  const pool = choice.kind === "postgres" ? postgresPool(choice.url) : undefined;
  const dialect: Dialect =
    choice.kind === "sqlite"
      ? sqliteDialect(openSqlite(choice.file))
      : postgresDialect(pool ?? postgresPool(choice.url));
  const db = new Kysely<Schema>({ dialect });
  // Of their own, so that calls that wait for other questions never look as if limits could not be counted.
  const counting =
    choice.kind === "sqlite"
      ? null
      : new Kysely<Schema>({ dialect: postgresDialect(postgresPool(choice.url, countersAtOnce)) });
  return {
    kind: choice.kind,
    async migrate() {
      const migrated = await migrate(db);
      // SQLite keeps the live log in a file of its own, which its worker brings up to date.
      if (choice.kind === "postgres") await migrateRequests(db, choice.kind);
      return migrated;
    },
    meta: metaTable(db),
    sealed: sealedValues(db),
    rings: ringsTable(db),
    async ping() {
      await db.selectFrom("meta").select("name").limit(1).execute();
    },
    connections: () =>
      pool === undefined
        ? new Map([["total", 1]])
        : new Map([
            ["total", pool.totalCount],
            ["idle", pool.idleCount],
            ["awaited", pool.waitingCount],
          ]),
    counters: counting === null ? null : limitCounters(counting, choice.kind, db),
    totals: totalsTable(db, choice.kind),
    requestLog: (powers) =>
      choice.kind === "sqlite" ? sqliteRequestLog(choice.file, powers) : postgresRequestLog(db, powers),
    withChain(powers) {
      const chain = chaining(db, powers);
      const change: Store["change"] = async (work) =>
        auditedChange(chain, async (transaction, record) => work(tablesOf(transaction), record));
      return { ...tablesOf(db), change, flushed: async () => chain.flush?.() };
    },
    async close() {
      await Promise.all([db.destroy(), counting?.destroy()]);
    },
  };
}

function tablesOf(db: Kysely<Schema>): Tables {
  return {
    meta: metaTable(db),
    projects: projectsTable(db),
    tokens: tokensTable(db),
    connections: connectionsTable(db),
    accounts: accountsTable(db),
    links: linksTable(db),
    attempts: attemptsTable(db),
    refreshes: refreshesTable(db),
    revocations: revocationsTable(db),
    idempotency: idempotencyTable(db),
    audit: auditTable(db),
    endpoints: endpointsTable(db),
    sealed: sealedValues(db),
    rings: ringsTable(db),
  };
}

async function migrate(db: Kysely<Schema>): Promise<{ readonly wasEmpty: boolean }> {
  const migrator = new Migrator({ db, provider: { getMigrations: async () => Promise.resolve(migrations) } });
  const { error, results } = await migrator.migrateToLatest();
  if (error !== undefined) throw error instanceof Error ? error : new Error("The database could not be migrated");
  return { wasEmpty: results?.some((result) => result.migrationName === "0001-house") ?? false };
}
