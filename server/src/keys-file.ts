// The keys beside a local SQLite file: made for one that is new and empty, and added to on request (design §10.11).
import {
  closeSync,
  existsSync,
  fchownSync,
  fsyncSync,
  linkSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { Credential } from "./crypto/credential.ts";
import type { Random } from "./crypto/random.ts";
import { keyRing, type NamedKey } from "./settings.ts";
import { WrongKeys } from "./vault/keys.ts";

export function keysPath(databaseFile: string): string {
  return join(dirname(databaseFile), "behalf.keys");
}

/** The keys beside a SQLite file; undefined when there are none. */
export function readKeysFile(databaseFile: string): readonly NamedKey[] | undefined {
  const path = keysPath(databaseFile);
  if (!existsSync(path)) return undefined;
  const parsed = keyRing(readFileSync(path, "utf8").trim());
  if ("value" in parsed) return parsed.value;
  throw new WrongKeys(`${path} ${parsed.wrong}. Bring it back from your backup.`);
}

/** Makes the file whole or not at all: of several processes that start at once, one wins and all read what it wrote. */
export function makeKeysFile(databaseFile: string, random: Random): readonly NamedKey[] {
  const path = keysPath(databaseFile);
  const draft = `${path}.${Buffer.from(random(8)).toString("hex")}`;
  const key = new Credential(Buffer.from(random(32)).toString("base64"));
  const handle = openSync(draft, "wx", 0o600);
  try {
    writeSync(handle, `k1:${key.reveal()}\n`);
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
  try {
    linkSync(draft, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  } finally {
    rmSync(draft);
  }
  syncDirectory(dirname(path));
  const made = readKeysFile(databaseFile);
  if (made === undefined) throw new Error(`${path} could not be made`);
  return made;
}

/** Puts a new key in front, in one step: whoever reads the file sees the old ring or the new one. Answers its id. */
export function addKey(databaseFile: string, random: Random): string {
  const path = keysPath(databaseFile);
  return alone(path, () => {
    const there = readKeysFile(databaseFile);
    if (there === undefined) throw new WrongKeys(`${path} is missing. Bring it back from your backup.`);
    // The newest never leaves, so a number never comes back for another key.
    const numbers = there.map(({ id }) => Number(/^k(\d{1,9})$/.exec(id)?.[1] ?? "0"));
    const id = `k${Math.max(...numbers) + 1}`;
    const made = { id, key: new Credential(Buffer.from(random(32)).toString("base64")) };
    replace(path, [made, ...there], Buffer.from(random(8)).toString("hex"));
    return id;
  });
}

/** Two that read the same ring would each put back one without the other's key, which a server may have sealed with by then. */
function alone<T>(path: string, work: () => T): T {
  const lock = `${path}.lock`;
  try {
    closeSync(openSync(lock, "wx", 0o600));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    throw new WrongKeys(
      `Another process is adding a key to ${path}. Run it again when that has ended; if none is running, remove ${lock} first.`,
    );
  }
  try {
    return work();
  } finally {
    rmSync(lock, { force: true });
  }
}

function replace(path: string, keys: readonly NamedKey[], draftName: string): void {
  const draft = `${path}.${draftName}`;
  const handle = openSync(draft, "wx", 0o600);
  try {
    writeSync(handle, `${keys.map(({ id, key }) => `${id}:${key.reveal()}`).join(",")}\n`);
    // Root may run this for a server that is not: the file stays its owner's.
    const { uid, gid } = statSync(path);
    fchownSync(handle, uid, gid);
    fsyncSync(handle);
    renameSync(draft, path);
  } finally {
    closeSync(handle);
    rmSync(draft, { force: true });
  }
  syncDirectory(dirname(path));
}

// A new name is durable only once its directory is.
function syncDirectory(path: string): void {
  const handle = openSync(path, "r");
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}
