// AES-256-GCM envelopes bound to the place they are kept in, and the ring of keys that opens them.
import { createCipheriv, createDecipheriv, createSecretKey, type KeyObject } from "node:crypto";
import { Credential } from "./credential.ts";
import type { Random } from "./random.ts";

/** Where a sealed value lives. A value moved to another project, table, row or column does not open (promise 2). */
export interface Place {
  readonly project: string;
  readonly table: string;
  readonly row: string;
  readonly column: string;
}

/** A sealed value: `bhs1.<key id>.<base64url of 12 bytes IV, ciphertext, 16 bytes tag>`. */
export type Sealed = string;

export interface KeyRing {
  /** The key that seals new values. */
  readonly newest: string;
  readonly ids: readonly string[];
  seal(secret: Credential, place: Place): Sealed;
  /** Throws SealError when the value was altered, moved, or sealed with a key that is not on the ring. */
  open(sealed: Sealed, place: Place): Credential;
}

export class SealError extends Error {
  override name = "SealError";
}

const version = "bhs1";
const ivBytes = 12;
const tagBytes = 16;

/** Parts of an envelope, or undefined when it is none. */
export function readEnvelope(sealed: Sealed): { readonly keyId: string; readonly body: Buffer } | undefined {
  const match = /^bhs1\.([a-z0-9]{1,16})\.([A-Za-z0-9_-]+)$/.exec(sealed);
  const body = Buffer.from(match?.[2] ?? "", "base64url");
  if (match?.[1] === undefined || body.length < ivBytes + tagBytes) return undefined;
  // One spelling per value: base64url tolerates stray trailing bits, an integrity check should not.
  if (body.toString("base64url") !== match[2]) return undefined;
  return { keyId: match[1], body };
}

function associatedData(keyId: string, place: Place): Buffer {
  return Buffer.from(JSON.stringify([version, keyId, place.project, place.table, place.row, place.column]));
}

/** Makes a ring from keys of 32 bytes, newest first. The raw bytes are not kept. */
export function makeKeyRing(
  keys: readonly { readonly id: string; readonly key: Credential }[],
  random: Random,
): KeyRing {
  const newest = keys[0];
  if (newest === undefined) throw new SealError("The key ring is empty");
  const byId = new Map<string, KeyObject>();
  for (const { id, key } of keys) byId.set(id, createSecretKey(Buffer.from(key.reveal(), "base64")));

  return {
    newest: newest.id,
    ids: keys.map((key) => key.id),
    seal(secret, place) {
      const iv = random(ivBytes);
      const cipher = createCipheriv("aes-256-gcm", keyNamed(byId, newest.id), iv);
      cipher.setAAD(associatedData(newest.id, place));
      const body = Buffer.concat([iv, cipher.update(secret.reveal(), "utf8"), cipher.final(), cipher.getAuthTag()]);
      return `${version}.${newest.id}.${body.toString("base64url")}`;
    },
    open(sealed, place) {
      const envelope = readEnvelope(sealed);
      if (envelope === undefined) throw new SealError("This is not a sealed value");
      return new Credential(decrypt(keyNamed(byId, envelope.keyId), envelope, place));
    },
  };
}

function keyNamed(byId: ReadonlyMap<string, KeyObject>, id: string): KeyObject {
  const key = byId.get(id);
  if (key === undefined) throw new SealError(`Key ${id} is not on the ring`);
  return key;
}

function decrypt(key: KeyObject, envelope: { readonly keyId: string; readonly body: Buffer }, place: Place): string {
  const { body } = envelope;
  const decipher = createDecipheriv("aes-256-gcm", key, body.subarray(0, ivBytes), { authTagLength: tagBytes });
  decipher.setAAD(associatedData(envelope.keyId, place));
  decipher.setAuthTag(body.subarray(body.length - tagBytes));
  try {
    const text = decipher.update(body.subarray(ivBytes, body.length - tagBytes));
    return Buffer.concat([text, decipher.final()]).toString("utf8");
  } catch (cause) {
    throw new SealError("A sealed value was altered, moved, or sealed with another key", { cause });
  }
}
