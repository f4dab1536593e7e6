// Brings the tables of the live log up to date, wherever they are. Their own history: SQLite keeps them in a file of their own.
import type { Kysely } from "kysely";
import { Migrator } from "kysely/migration";
import { up as log } from "./migrations/requests-0001-log.ts";

export async function migrateRequests<Tables>(db: Kysely<Tables>, kind: "sqlite" | "postgres"): Promise<void> {
  const migrations = { "requests-0001-log": { up: async (own: Kysely<unknown>) => log(own, kind) } };
  const migrator = new Migrator({
    db,
    provider: { getMigrations: async () => Promise.resolve(migrations) },
    migrationTableName: "request_migration",
    migrationLockTableName: "request_migration_lock",
  });
  const { error } = await migrator.migrateToLatest();
  if (error !== undefined) throw error instanceof Error ? error : new Error("The live log could not be migrated");
}
