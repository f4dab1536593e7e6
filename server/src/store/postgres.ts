// PostgreSQL through pg. The only importer of it.

import { type Dialect, PostgresDialect } from "kysely";
import pg from "pg";

const int8 = 20;
const poolSize = 10;

export function postgresPool(url: string): pg.Pool {
  const pool = new pg.Pool({
    connectionString: url,
    max: poolSize,
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
  return pool;
}

export function postgresDialect(pool: pg.Pool): Dialect {
  return new PostgresDialect({ pool });
}
