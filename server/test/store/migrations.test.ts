// The schema: brought up to date once, however often and however many at a time ask for it, and never next door.
import assert from "node:assert/strict";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { afterEach, beforeEach, test } from "node:test";
import { fileURLToPath } from "node:url";
import { type Database, openDatabase } from "../../src/store/store.ts";
import { type DatabaseKind, onEachDatabase, type ScratchDatabase, scratch } from "../support/databases.ts";
import { call } from "../support/house.ts";
import { runCommand, serveCommand } from "../support/processes.ts";
import { openRaw, type RawRow } from "../support/sql.ts";
import { choiceOf } from "./replica.ts";

/** Dumps of databases that earlier schemas made, with what opens them in their first lines. */
const dumps = new URL("schemas/", import.meta.url);
const migrations = readdirSync(new URL("../../src/store/migrations/", import.meta.url))
  .filter((name) => /^\d{4}-/.test(name))
  .map((name) => name.replace(/\.ts$/, ""))
  .toSorted();
const earlier = migrations.slice(0, -1);

interface Dump {
  readonly sql: string;
  /** `key`, and tokens by what became of them. */
  readonly opens: Readonly<Record<string, string>>;
}

function dumpOf(schema: string, kind: DatabaseKind): Dump {
  const sql = readFileSync(fileURLToPath(new URL(`${schema}.${kind}.sql`, dumps)), "utf8");
  const opens = [...sql.matchAll(/^-- (\w+): (\S+)$/gm)].map(([, name = "", value = ""]) => [name, value] as const);
  return { sql, opens: Object.fromEntries(opens) };
}

/** The same row as the earlier schema knew it. */
function asBefore(row: RawRow, before: RawRow | undefined): RawRow {
  return Object.fromEntries(Object.entries(row).filter(([name]) => before === undefined || name in before));
}

const everywhere = [
  "accounts",
  "attempts",
  "audit_checkpoints",
  "audit_events",
  "audit_heads",
  "connections",
  "endpoints",
  "idempotency",
  "kysely_migration",
  "kysely_migration_lock",
  "limit_slices",
  "limit_slots",
  "links",
  "meta",
  "projects",
  "refreshes",
  "revocations",
  "sealing_keys",
  "tokens",
  "totals",
];
/** SQLite keeps the live log in a file of its own. */
const liveLog = ["request_counts", "request_headroom", "request_migration", "request_migration_lock", "requests"];

onEachDatabase("migrating", (kind: DatabaseKind) => {
  const tables = kind === "sqlite" ? everywhere : [...everywhere, ...liveLog].toSorted();
  let scratched: ScratchDatabase;
  let opened: Database[];
  beforeEach(async () => {
    scratched = await scratch(kind);
    opened = [];
  });
  afterEach(async () => {
    for (const database of opened) await database.close();
    await scratched.drop();
  });

  const open = (of = scratched): Database => {
    const database = openDatabase(choiceOf(of));
    opened.push(database);
    return database;
  };

  async function found(of = scratched): Promise<string[]> {
    const raw = await openRaw(of);
    const names = Object.keys(await raw.dump());
    await raw.close();
    return names;
  }

  test("makes all tables once; again it changes nothing, and says that the database was not empty", async () => {
    const database = open();
    assert.deepEqual(await database.migrate(), { wasEmpty: true });
    assert.deepEqual(await found(), tables);
    await database.meta.putOnce("admin_token_issued", "kept");
    assert.deepEqual(await database.migrate(), { wasEmpty: false });
    assert.deepEqual(await open().migrate(), { wasEmpty: false });
    assert.equal(await database.meta.find("admin_token_issued"), "kept");
  });

  test("four processes at once all succeed, and one of them made the tables", async () => {
    const env = {
      BEHALF_DATABASE_URL: scratched.url,
      BEHALF_KEYS: `k1:${"A".repeat(43)}=`,
      BEHALF_ADMIN_TOKEN: "x".repeat(32),
    };
    const four = Array.from({ length: 4 }, async () => runCommand(["migrate"], env, scratched.folder));
    const ended = await Promise.all(four);
    assert.deepEqual(
      ended.map(({ stderr }) => stderr),
      ["", "", "", ""],
    );
    assert.deepEqual(
      ended.map(({ code }) => code),
      [0, 0, 0, 0],
    );
    assert.equal(ended.filter(({ stdout }) => stdout === "The database was new; its tables are made.\n").length, 1);
    assert.deepEqual(await found(), tables);
  });

  test("a neighbour's tables are not taken for ours", async () => {
    const neighbour = await scratch(kind);
    try {
      await open(neighbour).migrate();
      assert.deepEqual(await open().migrate(), { wasEmpty: true });
      assert.deepEqual(await found(), tables);
    } finally {
      for (const database of opened.splice(0)) await database.close();
      await neighbour.drop();
    }
  });

  for (const schema of earlier) {
    test(`a database of the schema ${schema} keeps every row, its tokens and its audit`, async () => {
      const { sql, opens } = dumpOf(schema, kind);
      const raw = await openRaw(scratched);
      await raw.run(sql);
      const before = await raw.dump();
      for (const [table, rows] of Object.entries(before)) assert.notEqual(rows.length, 0, `${table} proves nothing`);
      assert.deepEqual(await open().migrate(), { wasEmpty: false });
      const after = await raw.dump();
      await raw.close();
      assert.deepEqual(Object.keys(after), tables);
      for (const [table, rows] of Object.entries(before)) {
        if (table.startsWith("kysely_")) continue;
        assert.deepEqual(
          after[table]?.map((row) => asBefore(row, rows[0])),
          rows,
          table,
        );
      }
      const env = {
        BEHALF_DATABASE_URL: scratched.url,
        BEHALF_KEYS: opens["key"] ?? "",
        BEHALF_ADMIN_TOKEN: "x".repeat(32),
        BEHALF_LOG_LEVEL: "silent",
      };
      const verified = await runCommand(["audit", "verify"], env, scratched.folder);
      assert.match(verified.stdout, /^15 events in 2 chains, all in order/m);
      assert.equal(verified.code, 0);
      const { origin, stop } = await serveCommand(env, scratched.folder);
      try {
        const listed = await call(origin, "GET", "/v1/accounts", { token: opens["token"] ?? "" });
        const people = (listed.json.items as { identifier: string }[]).map(({ identifier }) => identifier);
        assert.deepEqual(people.toSorted(), ["Zoë ☂ 'quoted'", "user_1", "user_2"]);
        assert.equal((await call(origin, "GET", "/v1/tools", { token: opens["bound"] ?? "" })).status, 200);
        assert.equal((await call(origin, "GET", "/v1/tools", { token: opens["revoked"] ?? "" })).status, 401);
      } finally {
        await stop();
      }
    });
  }

  if (kind === "sqlite") {
    test("every schema before today's has a dump here, for both databases", () => {
      const wanted = earlier.flatMap((name) => [`${name}.postgres.sql`, `${name}.sqlite.sql`]);
      assert.deepEqual(readdirSync(dumps).toSorted(), wanted);
    });

    test("the file is its owner's, waits for the disk, and keeps references whole", async () => {
      await open().migrate();
      assert.ok(scratched.choice.kind === "sqlite");
      assert.equal(statSync(scratched.choice.file).mode & 0o777, 0o600);
      const raw = await openRaw(scratched);
      assert.deepEqual(await raw.rows("pragma journal_mode"), [{ journal_mode: "wal" }]);
      await raw.close();
    });
  }

  test("a row whose project is not there is refused", async () => {
    const database = open();
    await database.migrate();
    const store = database.withChain({ link: (text) => text, newId: () => "evt_1" as never, now: () => 1 });
    const row = { id: "lnk_1", project_id: "prj_nowhere", account_id: "acc_nowhere", digest: "d", openings: 0 };
    const rest = {
      verify_url: null,
      caller_state: null,
      return_url: null,
      created_at: 1,
      expires_at: 2,
      spent_at: null,
    };
    await assert.rejects(store.links.add({ ...row, ...rest } as never), /foreign key/i);
  });
});
