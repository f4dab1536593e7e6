// Opens the database's secrets at start-up, or refuses to start (design §10.11).
import { Credential } from "../crypto/credential.ts";
import { type KeyRing, type Place, SealError } from "../crypto/seal.ts";
import type { Meta } from "../store/meta.ts";
import type { Rings } from "../store/rings.ts";

const knownText = "behalf-key-check";

function checkPlace(keyId: string): Place {
  return { project: "instance", table: "sealing_keys", row: keyId, column: "check_value" };
}

const auditKeyPlace: Place = { project: "instance", table: "meta", row: "audit_key", column: "value" };

/** Why a ring does not fit a database; the sentence is for the operator and names no key material. */
export class WrongKeys extends Error {
  override name = "WrongKeys";
}

/**
 * Proves the ring against every key that seals something here, then notes the newest as in use.
 * Throws WrongKeys before anything else is read or written.
 */
export async function proveRing(ring: KeyRing, meta: Meta, now: number): Promise<void> {
  const inUse = await meta.sealingKeys();
  for (const key of inUse) {
    if (!ring.ids.includes(key.id)) {
      throw new WrongKeys(
        `The database holds values sealed with key "${key.id}", which BEHALF_KEYS does not have. Add it after the newer keys.`,
      );
    }
    proveKey(ring, key);
  }
  if (!inUse.some((key) => key.id === ring.newest)) {
    await comeIntoUse(ring, meta, now);
    // Two processes may start with different keys under one id: the row that stands decides who may go on.
    for (const key of await meta.sealingKeys()) proveKey(ring, key);
  }
}

async function comeIntoUse(ring: KeyRing, meta: Meta, now: number): Promise<void> {
  const check_value = ring.seal(new Credential(knownText), checkPlace(ring.newest));
  await meta.addSealingKey({ id: ring.newest, check_value, created_at: now });
}

const forgetServersMs = 24 * 3_600_000;

/**
 * A server's sign of life, for `behalf keys rotate`: which keys it has. Should its newest have been retired behind its back, it
 * comes into use again, so that no start without it is allowed.
 */
export async function noteRing(
  ring: KeyRing,
  { rings, meta }: { readonly rings: Rings; readonly meta: Meta },
  server: { readonly holder: string; readonly now: number },
): Promise<void> {
  const { holder, now } = server;
  await rings.note(holder, ring.ids);
  await rings.eraseSilent(forgetServersMs);
  if (!(await meta.sealingKeys()).some(({ id }) => id === ring.newest)) await comeIntoUse(ring, meta, now);
}

function proveKey(ring: KeyRing, key: { readonly id: string; readonly check_value: string }): void {
  try {
    ring.open(key.check_value, checkPlace(key.id));
  } catch (cause) {
    if (!(cause instanceof SealError)) throw cause;
    throw new WrongKeys(
      `Key "${key.id}" of BEHALF_KEYS is not the key this database was sealed with. Bring back the right one from your backup.`,
      { cause },
    );
  }
}

/** The audit key: made once, sealed, outlives every rotation of the ring. */
export async function openAuditKey(
  ring: KeyRing,
  meta: Meta,
  random: (bytes: number) => Uint8Array,
): Promise<Uint8Array> {
  const fresh = new Credential(Buffer.from(random(32)).toString("base64"));
  const there = await meta.find("audit_key");
  if (there === undefined) await meta.putOnce("audit_key", ring.seal(fresh, auditKeyPlace));
  const sealed = there ?? (await meta.find("audit_key"));
  if (sealed === undefined) throw new Error("The audit key could not be stored");
  return new Uint8Array(Buffer.from(ring.open(sealed, auditKeyPlace).reveal(), "base64"));
}
