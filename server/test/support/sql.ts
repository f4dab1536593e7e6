// The database as its operator, or a thief, sees it: raw SQL beside the product, on both databases.
import { existsSync, readFileSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import pg from "pg";
import type { ScratchDatabase } from "./databases.ts";

export type RawRow = Record<string, string | number | null>;

export interface RawDatabase {
  rows(sql: string): Promise<RawRow[]>;
  run(sql: string): Promise<void>;
  /** Every table with every row. */
  dump(): Promise<Record<string, RawRow[]>>;
  /** The bytes on disk, one character a byte: nothing where the database is a server. */
  files(): string;
  close(): Promise<void>;
}

/** A text as an SQL literal. */
export function quoted(value: string | number | null): string {
  if (value === null) return "null";
  return typeof value === "number" ? String(value) : `'${value.replaceAll("'", "''")}'`;
}

export async function openRaw(database: ScratchDatabase): Promise<RawDatabase> {
  return database.choice.kind === "sqlite"
    ? rawSqlite(database.choice.file)
    : rawPostgres(database.choice.url.reveal());
}

function rawSqlite(file: string): RawDatabase {
  const db = new DatabaseSync(file, { timeout: 5000 });
  const rows = async (sql: string): Promise<RawRow[]> =>
    Promise.resolve(
      db
        .prepare(sql)
        .all()
        .map((row) => ({ ...row }) as RawRow),
    );
  const tables = "select name from sqlite_master where type = 'table' and name not like 'sqlite_%' order by name";
  return {
    rows,
    run: async (sql) => Promise.resolve(db.exec(sql)),
    dump: async () => dumped(rows, tables),
    files: () =>
      ["", "-wal", "-shm"]
        .map((suffix) => file + suffix)
        .filter((path) => existsSync(path))
        .map((path) => readFileSync(path, "latin1"))
        .join("\n"),
    close: async () => Promise.resolve(db.close()),
  };
}

async function rawPostgres(url: string): Promise<RawDatabase> {
  const client = new pg.Client({
    connectionString: url,
    // As the product reads them: numbers, not texts.
    types: { getTypeParser: ((oid: number) => (oid === 20 ? Number : pg.types.getTypeParser(oid))) as never },
  });
  await client.connect();
  const rows = async (sql: string): Promise<RawRow[]> => (await client.query<RawRow>(sql)).rows;
  const tables =
    "select table_name as name from information_schema.tables where table_schema = current_schema() order by table_name";
  return {
    rows,
    run: async (sql) => void (await client.query(sql)),
    dump: async () => dumped(rows, tables),
    files: () => "",
    close: async () => client.end(),
  };
}

async function dumped(rows: RawDatabase["rows"], tables: string): Promise<Record<string, RawRow[]>> {
  const found: Record<string, RawRow[]> = {};
  for (const { name } of await rows(tables)) found[String(name)] = await rows(`select * from "${name}" order by 1, 2`);
  return found;
}
