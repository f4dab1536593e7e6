// `behalf keys`: which keys seal how much, a new key for a local database, and rotation to the newest.

import type { Config } from "./config.ts";
import { addKey, keysPath } from "./keys-file.ts";
import { databaseOf, openStore } from "./opening.ts";
import type { NamedKey } from "./settings.ts";
import { keysFor, systemWorld } from "./start.ts";
import { type SealedColumn, sealedColumns } from "./store/reseal.ts";
import type { Database } from "./store/store.ts";
import { type KeyUse, keyUse, type Rotated, rotate, serversWithout } from "./vault/reseal.ts";

type Settings = () => Config;
type Verb = (settings: Settings, command: string) => Promise<number>;

const verbs: Readonly<Record<string, Verb>> = { list, add, rotate: rotateAll };

/** `command` is how the reader would type `behalf`. */
export async function keys(
  [name = "", ...more]: readonly string[],
  settings: Settings,
  command: string,
): Promise<number> {
  const verb = Object.hasOwn(verbs, name) ? verbs[name] : undefined;
  if (verb !== undefined && more.length === 0) return verb(settings, command);
  process.stderr.write("Usage: behalf keys list | keys add | keys rotate\n");
  return 2;
}

interface Host {
  readonly config: Config;
  readonly database: Database;
  readonly ring: readonly NamedKey[];
}

async function onHost<T>(settings: Settings, work: (host: Host) => Promise<T>): Promise<T> {
  const config = settings();
  const database = databaseOf(config);
  try {
    const { wasEmpty } = await database.migrate();
    return await work({ config, database, ring: await keysFor(config, database, wasEmpty) });
  } finally {
    await database.close();
  }
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** Opens nothing, so that it can be asked with a ring that does not fit. */
async function list(settings: Settings, command: string): Promise<number> {
  return onHost(settings, async (host) => {
    const uses = await usesOf(host);
    const [newest] = host.ring;
    const width = Math.max(...uses.map(({ id }) => id.length));
    for (const { id, values, isThere } of uses) {
      const notes = [
        ...(id === newest?.id ? ["newest"] : []),
        ...(isThere ? [] : [`missing in ${ringName(host.config)}`]),
      ];
      print(`${id.padEnd(width)}  seals ${counted(values, "value")}${notes.map((note) => `, ${note}`).join("")}`);
    }
    const old = uses.filter(({ id, values, isUsed }) => id !== newest?.id && (values > 0 || isUsed));
    if (old.length > 0) say(`To seal everything with "${newest?.id}": ${command} keys rotate`);
    return uses.every(({ isThere }) => isThere) ? 0 : 1;
  });
}

interface Use extends KeyUse {
  /** Whether the ring has it. */
  readonly isThere: boolean;
  /** Whether a start demands it. */
  readonly isUsed: boolean;
}

async function usesOf({ database, ring }: Host): Promise<readonly Use[]> {
  const used = (await database.meta.sealingKeys()).map(({ id }) => id);
  const there = ring.map(({ id }) => id);
  const uses = await keyUse(database.sealed, sealedColumns, [...new Set([...there, ...used])]);
  return uses.map((use) => ({ ...use, isThere: there.includes(use.id), isUsed: used.includes(use.id) }));
}

/** Where an operator finds the ring. */
function ringName({ keys: given, database }: Config): string {
  return given === null && database.kind === "sqlite" ? keysPath(database.file) : "BEHALF_KEYS";
}

async function add(settings: Settings, command: string): Promise<number> {
  const config = settings();
  if (config.keys !== null || config.database.kind === "postgres") {
    say("The keys come from BEHALF_KEYS, so a new one is added there:");
    say("1. Put it last, as <id>:<base64 of 32 random bytes> (openssl rand -base64 32), and restart every server.");
    say(`2. Put it first, restart every server, and run ${command} keys rotate.`);
    return 1;
  }
  const { file } = config.database;
  // The database decides whether there are keys to add to.
  await onHost(settings, async () => Promise.resolve());
  const id = addKey(file, systemWorld({ logLevel: "warn" }).random);
  print(`Made the key "${id}" in ${keysPath(file)}; it is the newest. Back the file up.`);
  print(
    "Now end every server of this database, then start again: one that does not know the key cannot open what it seals.",
  );
  print(`After that: ${command} keys rotate`);
  return 0;
}

async function rotateAll(settings: Settings, command: string): Promise<number> {
  return onHost(settings, async ({ config, database, ring: named }) => {
    const world = systemWorld({ logLevel: "warn" });
    const [newest = ""] = named.map(({ id }) => id);
    // Before the key comes into use by us: a server that lacks it must be able to start again.
    const servers = await serversWithout(database, newest);
    if (servers.length > 0)
      return told({ kind: "others", servers }, { newest, ringName: ringName(config), ids: [], command });
    const { ring, store } = await openStore(database, named, world);
    const progress = (column: SealedColumn, done: number, total: number): void =>
      say(`${column.table}.${column.column}  ${done} of ${total}`);
    const rotated = await rotate({ ring, store, columns: sealedColumns, progress });
    return told(rotated, { newest, ringName: ringName(config), ids: ring.ids, command });
  });
}

interface About {
  readonly newest: string;
  readonly ringName: string;
  readonly ids: readonly string[];
  readonly command: string;
}

function told(rotated: Rotated, about: About): number {
  const { newest, ringName: where, command } = about;
  switch (rotated.kind) {
    case "done": {
      print(`Every value is sealed with "${newest}"; ${counted(rotated.values, "value")} sealed anew just now.`);
      const free = about.ids.filter((id) => id !== newest);
      if (free.length > 0) {
        print(
          `These keys may leave ${where}: ${free.join(", ")}. Keep them with the backups that were made before now.`,
        );
      }
      return 0;
    }
    case "others":
      for (const { keys: known, at } of rotated.servers)
        say(`A server that was heard at ${new Date(at).toISOString()} has the keys ${known.join(", ")}.`);
      say(
        `Every running server must seal with "${newest}" first: restart them with the keys of ${where}, newest first.`,
      );
      say(`Then run ${command} keys rotate again. One that ended without a word is forgotten after two minutes.`);
      return 1;
    case "unfinished":
      say(
        `Values went on changing while they were sealed anew (${rotated.values} were), so some are not sealed with "${newest}" yet.`,
      );
      say(`Nothing is lost, and no key may leave yet. Run ${command} keys rotate again.`);
      return 1;
    case "stuck":
      for (const value of rotated.values) say(`cannot be opened: ${value}`);
      say(
        `${counted(rotated.values.length, "value")} cannot be opened by any key of ${where}; everything else is sealed with "${newest}".`,
      );
      say(
        "Bring back the key or the rows from a backup, or delete what they belong to, and run it again. No key may leave yet.",
      );
      return 1;
  }
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
