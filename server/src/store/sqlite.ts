// SQLite through node:sqlite: the only importer of it, so that the driver can be exchanged here.
import { chmodSync, mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync, type SQLInputValue } from "node:sqlite";
import { type Dialect, type DialectAdapter, SqliteAdapter, SqliteDialect } from "kysely";

const busyTimeoutMs = 10_000;

export function openSqlite(path: string): DatabaseSync {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const db = new DatabaseSync(path, { timeout: busyTimeoutMs, enableForeignKeyConstraints: true });
  db.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;");
  chmodSync(path, 0o600);
  return db;
}

// Kysely's own SQLite adapter says DDL is not transactional and takes no lock, so two starting processes race and a failed
// migration leaves half its tables (kysely#729). Transactional DDL plus `begin immediate` cures both.
class TransactionalDdlAdapter extends SqliteAdapter {
  override get supportsTransactionalDdl(): boolean {
    return true;
  }
}

class NodeSqliteDialect extends SqliteDialect {
  override createAdapter(): DialectAdapter {
    return new TransactionalDdlAdapter();
  }
}

export function sqliteDialect(db: DatabaseSync): Dialect {
  return new NodeSqliteDialect({
    database: {
      close: () => db.close(),
      prepare: (sql) => {
        const statement = db.prepare(sql === "begin" ? "begin immediate" : sql);
        const values = (parameters: readonly unknown[]): SQLInputValue[] => [...parameters] as SQLInputValue[];
        return {
          reader: statement.columns().length > 0,
          all: (parameters) => statement.all(...values(parameters)),
          run: (parameters) => statement.run(...values(parameters)),
          iterate: (parameters) => statement.iterate(...values(parameters)),
        };
      },
    },
  });
}
