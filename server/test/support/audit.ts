// What tests of the audit share: rows put back as they were, and the events of a rotation of keys.
import { systemRandom } from "../../src/crypto/random.ts";
import { openStore } from "../../src/opening.ts";
import { sealedColumns } from "../../src/store/reseal.ts";
import { openDatabase } from "../../src/store/store.ts";
import { rotate } from "../../src/vault/reseal.ts";
import { choiceOf } from "../store/replica.ts";
import { type DatabaseKind, scratch } from "./databases.ts";
import { newKey } from "./house.ts";
import { quoted, type RawDatabase, type RawRow } from "./sql.ts";

/** The tables as they were in a dump; what came since is gone. */
export async function putBack(
  raw: RawDatabase,
  tables: readonly string[],
  rows: Readonly<Record<string, readonly RawRow[]>>,
): Promise<void> {
  const statements = tables.flatMap((table) => [
    `delete from ${table}`,
    ...(rows[table] ?? []).map((row) => {
      const names = Object.keys(row).map((name) => `"${name}"`);
      return `insert into ${table} (${names.join(", ")}) values (${Object.values(row).map(quoted).join(", ")})`;
    }),
  ]);
  await raw.run(`begin; ${statements.join("; ")}; commit`);
}

/** Names of what is recorded while a database goes from one key to the next. */
export async function rotationNames(kind: DatabaseKind): Promise<readonly string[]> {
  const scratched = await scratch(kind);
  const database = openDatabase(choiceOf(scratched));
  try {
    await database.migrate();
    const world = { now: () => Date.now(), random: systemRandom };
    const old = newKey("k1");
    await openStore(database, [old], world);
    const { ring, store } = await openStore(database, [newKey("k2"), old], world);
    await rotate({ ring, store, columns: sealedColumns, progress: () => undefined });
    return (await store.audit.after("instance", 0, 100)).map(({ name }) => name);
  } finally {
    await database.close();
    await scratched.drop();
  }
}
