// Digests: what we keep of everything a caller presents, and the only way keys for caches and leases are made.
import { createHash, createHmac, timingSafeEqual } from "node:crypto";

/** What a digest is for. Two purposes never share a digest, so a state can never pass for a token. */
export type DigestPurpose =
  | "token"
  | "link"
  | "state"
  | "browser"
  | "auth-request"
  | "refresh-token"
  | "access-token"
  | "idempotency-key"
  | "body"
  | "limit";

/** SHA-256 of a canonical list of inputs, base64url. Distinct lists give distinct digests (JSON keeps the borders). */
export function digestOf(purpose: DigestPurpose, ...parts: readonly string[]): string {
  return createHash("sha256")
    .update(JSON.stringify([purpose, ...parts]))
    .digest("base64url");
}

/** SHA-256 of raw bytes, base64url. */
export function digestOfBytes(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("base64url");
}

/** Equality in constant time. Lengths may be told apart. */
export function sameText(left: string, right: string): boolean {
  const a = Buffer.from(left);
  const b = Buffer.from(right);
  return a.length === b.length && timingSafeEqual(a, b);
}

/** HMAC-SHA-256 under a key, base64url. */
export function hmac(key: Uint8Array, text: string): string {
  return createHmac("sha256", key).update(text).digest("base64url");
}
