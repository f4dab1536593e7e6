// The gateway token: `bh_live_` or `bh_test_`, 43 characters of 256 random bits, 6 of checksum. Kept as a digest only.
import { createHash } from "node:crypto";
import { Credential } from "./credential.ts";
import { digestOf } from "./digest.ts";
import type { Random } from "./random.ts";

const alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const bodyLength = 43;
const checksumLength = 6;

export interface IssuedToken {
  readonly plain: Credential;
  readonly digest: string;
  /** First characters, for a list a person reads: not enough to use. */
  readonly preview: string;
}

function base62(bytes: Uint8Array, length: number): string {
  let value = BigInt(`0x${Buffer.from(bytes).toString("hex")}`);
  let text = "";
  for (let index = 0; index < length; index += 1) {
    text = (alphabet[Number(value % 62n)] ?? "0") + text;
    value /= 62n;
  }
  return text;
}

// A checksum lets scanners drop look-alikes and lets us refuse a mistyped token without a look into the database.
function checksum(text: string): string {
  return base62(createHash("sha256").update(text).digest().subarray(0, 8), checksumLength);
}

export function issueGatewayToken(environment: "live" | "test", random: Random): IssuedToken {
  const text = `bh_${environment}_${base62(random(32), bodyLength)}`;
  const plain = text + checksum(text);
  return { plain: new Credential(plain), digest: tokenDigest(plain), preview: plain.slice(0, 12) };
}

/** Whether a text has the shape and checksum of a gateway token. */
export function isGatewayToken(text: string): boolean {
  if (!/^bh_(live|test)_[0-9A-Za-z]{49}$/.test(text)) return false;
  return text.endsWith(checksum(text.slice(0, -checksumLength)));
}

export function tokenDigest(plain: string): string {
  return digestOf("token", plain);
}
