// Unguessable bytes and texts. The source comes from outside so that tests can hold it still.
import { randomBytes } from "node:crypto";

export type Random = (bytes: number) => Uint8Array;

export const systemRandom: Random = (bytes) => new Uint8Array(randomBytes(bytes));

/** 256 random bits as base64url: for links, states, PKCE verifiers (RFC 7636 §4.1: 43 characters) and browser bindings. */
export function unguessable(random: Random): string {
  return Buffer.from(random(32)).toString("base64url");
}
