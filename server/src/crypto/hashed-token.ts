// The digest by which GitHub's own audit log names a token: base64 of SHA-256, so that both logs join.
import { createHash } from "node:crypto";
import type { Credential } from "./credential.ts";

/** As GitHub's `hashed_token` (Enterprise audit log, "identifying audit log events performed by an access token"). */
export function hashedToken(token: Credential): string {
  return createHash("sha256").update(token.reveal()).digest("base64");
}
