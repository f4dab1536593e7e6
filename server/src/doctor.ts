// `behalf doctor`: checks what a start needs, one line each, and says what to do about what is wrong.
import { existsSync, readFileSync, statSync } from "node:fs";
import { databaseOf, openStore } from "./compose.ts";
import { type Config, type Environment, readConfig } from "./config.ts";
import { keysPath, readKeysFile } from "./keys-file.ts";
import { systemWorld } from "./start.ts";

type Finding = { readonly ok: boolean; readonly says: string };

const clockSkewMaxMs = 30_000;

export async function doctor(env: Environment): Promise<number> {
  const findings: Finding[] = [];
  const note = (ok: boolean, says: string): void => {
    findings.push({ ok, says });
    process.stdout.write(`${ok ? "ok    " : "WRONG "} ${says}\n`);
  };
  note(
    Number(process.versions.node.split(".")[0]) >= 24,
    `Node ${process.versions.node} (24 or newer is needed; the project brings it: use npm scripts)`,
  );
  if (existsSync(".env")) process.loadEnvFile(".env");
  try {
    const config = readConfig(env, { read: (path) => readFileSync(path, "utf8") });
    note(true, "settings can be read");
    checkFiles(config, note);
    await checkDatabase(config, note);
  } catch (error) {
    note(false, error instanceof Error ? error.message : "settings cannot be read");
  }
  const wrong = findings.filter((finding) => !finding.ok).length;
  process.stdout.write(wrong === 0 ? "\nAll is well.\n" : `\n${wrong} to mend.\n`);
  return wrong === 0 ? 0 : 1;
}

function checkFiles(config: Config, note: (ok: boolean, says: string) => void): void {
  if (config.database.kind !== "sqlite") return;
  const { file } = config.database;
  note(
    true,
    existsSync(file)
      ? `the database file ${file} is there`
      : `the database file ${file} will be made at the first start`,
  );
  const keys = keysPath(file);
  if (!existsSync(keys)) return;
  const mode = statSync(keys).mode & 0o077;
  note(
    mode === 0,
    mode === 0 ? `${keys} is readable by its owner only` : `${keys} can be read by others: chmod 600 ${keys}`,
  );
}

async function checkDatabase(config: Config, note: (ok: boolean, says: string) => void): Promise<void> {
  if (config.database.kind === "sqlite" && !existsSync(config.database.file)) return;
  const database = databaseOf(config);
  try {
    await database.migrate();
    note(true, `${config.database.kind} answers and its schema is up to date`);
    const keys = config.keys ?? (config.database.kind === "sqlite" ? readKeysFile(config.database.file) : undefined);
    if (keys === undefined)
      return note(false, "no keys: set BEHALF_KEYS, or bring back behalf.keys beside the database");
    const { store } = await openStore(database, keys, systemWorld({ logLevel: "silent" }));
    note(true, "the keys open this database");
    const newest = await store.audit.newest();
    const ahead = newest === undefined ? 0 : newest - Date.now();
    note(
      ahead < clockSkewMaxMs,
      ahead < clockSkewMaxMs
        ? "the clock is not behind the audit"
        : `the clock is ${Math.round(ahead / 1000)} s behind the newest audit event: set it right`,
    );
  } catch (error) {
    note(false, error instanceof Error ? error.message : "the database cannot be opened");
  } finally {
    await database.close();
  }
}
