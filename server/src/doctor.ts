// `behalf doctor`: checks what a start needs, one line each, and says what to do about what is wrong.
import { accessSync, constants, existsSync, statSync } from "node:fs";
import { dirname } from "node:path";
import type { Config } from "./config.ts";
import type { Credential } from "./crypto/credential.ts";
import { openRedis } from "./ephemeral/redis.ts";
import { sentenceFor } from "./faults.ts";
import { keysPath, readKeysFile } from "./keys-file.ts";
import { databaseOf, openStore } from "./opening.ts";
import { systemWorld } from "./start.ts";

type Note = (isGood: boolean, says: string) => void;

const clockSkewMaxMs = 30_000;

/** `command` is how the reader would type `behalf`. */
export async function doctor(settings: () => Config, command: string): Promise<number> {
  let wrong = 0;
  const note: Note = (isGood, says) => {
    wrong += isGood ? 0 : 1;
    process.stdout.write(`${isGood ? "ok    " : "WRONG "} ${says.replaceAll("\n", "\n       ")}\n`);
  };
  note(true, `Node ${process.versions.node}`);
  try {
    const config = settings();
    note(true, "settings can be read");
    if (config.database.kind === "sqlite") checkFiles(config.database.file, note);
    await checkDatabase(config, note, command);
    if (config.redis !== null) await checkRedis(config.redis, note);
  } catch (error) {
    note(false, told(error));
  }
  process.stdout.write(wrong === 0 ? "\nAll is well.\n" : `\n${wrong} to mend.\n`);
  return wrong === 0 ? 0 : 1;
}

function told(error: unknown): string {
  return sentenceFor(error) ?? (error instanceof Error ? error.message : "it failed for an unknown reason");
}

function checkFiles(file: string, note: Note): void {
  const isThere = existsSync(file);
  const place = isThere ? file : nearestFolder(dirname(file));
  if (mayWrite(place, isThere))
    note(true, `the database file ${file} ${isThere ? "is there" : "will be made at the first start"}`);
  else
    note(false, `${place} cannot be written: give this user the right to, or name another file in BEHALF_DATABASE_URL`);
  const keys = keysPath(file);
  if (!existsSync(keys)) return;
  const isPrivate = (statSync(keys).mode & 0o077) === 0;
  note(
    isPrivate,
    isPrivate ? `${keys} is readable by its owner only` : `${keys} can be read by others: chmod 600 ${keys}`,
  );
}

function nearestFolder(path: string): string {
  return existsSync(path) || dirname(path) === path ? path : nearestFolder(dirname(path));
}

function mayWrite(path: string, isFile: boolean): boolean {
  try {
    accessSync(path, constants.W_OK);
    return isFile ? statSync(path).isFile() : statSync(path).isDirectory();
  } catch {
    return false;
  }
}

async function checkRedis(url: Credential, note: Note): Promise<void> {
  const redis = openRedis({ url: url.reveal() }, () => undefined);
  try {
    await redis.ping();
    note(true, "Redis answers");
  } catch {
    note(false, "Redis does not answer at BEHALF_REDIS_URL: limits would be counted without it, in the database");
  } finally {
    await redis.close();
  }
}

async function checkDatabase(config: Config, note: Note, command: string): Promise<void> {
  if (config.database.kind === "sqlite" && !existsSync(config.database.file)) return;
  const database = databaseOf(config);
  try {
    await database.migrate();
    note(true, `${config.database.kind === "sqlite" ? "SQLite" : "PostgreSQL"} answers and its schema is up to date`);
    const keys = config.keys ?? (config.database.kind === "sqlite" ? readKeysFile(config.database.file) : undefined);
    if (keys === undefined) {
      const isNew = (await database.meta.sealingKeys()).length === 0;
      return note(
        isNew,
        isNew
          ? "nothing is sealed yet: keys will be made at the first start"
          : "no keys: set BEHALF_KEYS, or bring back behalf.keys beside the database",
      );
    }
    const { store } = await openStore(database, keys, systemWorld({ logLevel: "silent" }));
    note(true, "the keys open this database");
    const newest = await store.audit.newest();
    const ahead = newest === undefined ? 0 : newest - Date.now();
    if (ahead < clockSkewMaxMs)
      note(true, `the clock is not behind the audit (to check the audit: ${command} audit verify)`);
    else note(false, `the clock is ${Math.round(ahead / 1000)} s behind the newest audit event: set it right`);
  } finally {
    await database.close();
  }
}
