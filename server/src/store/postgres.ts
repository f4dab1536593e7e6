// PostgreSQL through pg. The only importer of it.

import {
  type DatabaseIntrospector,
  type Dialect,
  type Kysely,
  PostgresDialect,
  PostgresIntrospector,
  sql,
} from "kysely";
import pg from "pg";

const int8 = 20;
const poolSize = 10;

export function postgresPool(url: string, max = poolSize): pg.Pool {
  const pool = new pg.Pool({
    connectionString: url,
    max,
    connectionTimeoutMillis: 5000,
    // A session left inside a transaction by a stalled process must not hold its locks for ever.
    idle_in_transaction_session_timeout: 15_000,
    statement_timeout: 30_000,
    types: {
      // Epoch milliseconds and sequence numbers stay below 2^53, as SQLite returns them.
      getTypeParser: ((oid: number, format: "text" | "binary") =>
        oid === int8 ? Number : (pg.types.getTypeParser(oid, format) as unknown)) as typeof pg.types.getTypeParser,
    },
  });
  // An idle client whose server went away reports here; the pool replaces it, the process must not die of it.
  pool.on("error", () => undefined);
  // Nor of one that is out of the pool, in a transaction: pg takes its listener off there, and the query that meets the error reports it.
  pool.on("connect", (client) => client.on("error", () => undefined));
  return pool;
}

// Kysely's own looks into every schema: its migrator takes a neighbour's tables for ours and never makes them, and stumbles
// over one that is dropped while it looks.
class OwnSchemaIntrospector extends PostgresIntrospector {
  readonly #db: Kysely<unknown>;

  constructor(db: Kysely<unknown>) {
    super(db);
    this.#db = db;
  }

  override async getTables(): ReturnType<PostgresIntrospector["getTables"]> {
    const own = sql<{
      name: string;
    }>`select tablename as name from pg_catalog.pg_tables where schemaname = current_schema()`;
    const { rows } = await own.execute(this.#db);
    return rows.map(({ name }) => ({ name, isView: false, isForeign: false, columns: [] }));
  }
}

class OwnSchemaDialect extends PostgresDialect {
  override createIntrospector(db: Kysely<unknown>): DatabaseIntrospector {
    return new OwnSchemaIntrospector(db);
  }
}

export function postgresDialect(pool: pg.Pool): Dialect {
  return new OwnSchemaDialect({ pool });
}
