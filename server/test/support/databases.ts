// The two databases every promise is kept on. PostgreSQL tests are skipped, loudly, where no server answers.
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe } from "node:test";
import pg from "pg";
import type { Config } from "../../src/config.ts";
import { Credential } from "../../src/crypto/credential.ts";

export type DatabaseKind = "sqlite" | "postgres";

export interface ScratchDatabase {
  readonly kind: DatabaseKind;
  /** As BEHALF_DATABASE_URL. */
  readonly url: string;
  readonly choice: Config["database"];
  /** A folder of its own, for files beside the database. */
  readonly folder: string;
  drop(): Promise<void>;
}

const postgresUrl = process.env["BEHALF_TEST_POSTGRES_URL"] ?? "postgres://postgres@127.0.0.1:5432/postgres";

async function answers(): Promise<boolean> {
  const client = new pg.Client({ connectionString: postgresUrl, connectionTimeoutMillis: 15_000 });
  try {
    await client.connect();
    await client.end();
    return true;
  } catch {
    return false;
  }
}

/** A new, empty database: a file of its own, or a schema of its own. */
export async function scratch(kind: DatabaseKind): Promise<ScratchDatabase> {
  const folder = mkdtempSync(join(tmpdir(), "behalf-test-"));
  if (kind === "sqlite") {
    const file = join(folder, "behalf.db");
    const drop = async (): Promise<void> => Promise.resolve(rmSync(folder, { recursive: true, force: true }));
    return { kind, url: `file:${file}`, choice: { kind, file }, folder, drop };
  }
  const schema = `behalf_test_${randomBytes(8).toString("hex")}`;
  await run(`create schema ${schema}`);
  const url = new URL(postgresUrl);
  url.searchParams.set("options", `-c search_path=${schema}`);
  return {
    kind,
    url: url.href,
    choice: { kind, url: new Credential(url.href) },
    folder,
    async drop() {
      await run(`drop schema ${schema} cascade`);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function run(sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: postgresUrl });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}

export const postgresAnswers = await answers();
if (!postgresAnswers && process.env["BEHALF_TEST_REQUIRE_SERVICES"] === "1") {
  throw new Error("PostgreSQL does not answer, and BEHALF_TEST_REQUIRE_SERVICES=1 lets no suite be skipped");
}

/** Runs a suite once on each database. */
export function onEachDatabase(title: string, suite: (kind: DatabaseKind) => void): void {
  describe(`${title} (sqlite)`, () => suite("sqlite"));
  describe(`${title} (postgres)`, { skip: postgresAnswers ? false : "PostgreSQL does not answer" }, () =>
    suite("postgres"),
  );
}
