// From settings and keys to an open store: the database, the ring that opens its sealed values, the chain of its audit.
import type { Config } from "./config.ts";
import { type CheckpointSigner, makeCheckpointSigner } from "./crypto/checkpoint-signer.ts";
import { hmac } from "./crypto/digest.ts";
import type { Random } from "./crypto/random.ts";
import { makeKeyRing } from "./crypto/seal.ts";
import { idFrom } from "./rules/ids.ts";
import type { NamedKey } from "./settings.ts";
import { type Database, openDatabase, type Store } from "./store/store.ts";
import { openAuditKey, proveRing } from "./vault/keys.ts";

/** Opens the database behind the store, as the settings choose it. */
export function databaseOf(config: Pick<Config, "database">): Database {
  const { database } = config;
  return openDatabase(database.kind === "sqlite" ? database : { kind: "postgres", url: database.url.reveal() });
}

export interface Opened {
  readonly store: Store;
  readonly ring: ReturnType<typeof makeKeyRing>;
  readonly auditLink: (text: string) => string;
  readonly checkpointSigner: CheckpointSigner;
}

/** Proves the keys against a migrated database, then opens the store with its audit chain. Throws WrongKeys. */
export async function openStore(
  database: Database,
  keys: readonly NamedKey[],
  world: { readonly now: () => number; readonly random: Random },
): Promise<Opened> {
  const ring = makeKeyRing(keys, world.random);
  await proveRing(ring, database.meta, world.now());
  const auditKey = await openAuditKey(ring, database.meta, world.random);
  const auditLink = (text: string): string => hmac(auditKey, text);
  const newId = () => idFrom("event", world.random(16));
  const store = database.withChain({ link: auditLink, newId, now: world.now });
  await recordKey(store, ring.newest, world.now());
  return { ring, auditLink, checkpointSigner: makeCheckpointSigner(auditLink), store };
}

/** The chain needs the ring, so a key is recorded once the chain is open: at the latest by the next start. */
async function recordKey(store: Store, id: string, now: number): Promise<void> {
  if ((await store.meta.find(`key_added:${id}`)) !== undefined) return;
  await store.change(async (tables, record) => {
    const first = await tables.meta.putOnce(`key_added:${id}`, String(now));
    const actor = { kind: "system", task: "start" } as const;
    if (first) record({ chain: "instance", name: "key.added", actor, subject: id });
  });
}
