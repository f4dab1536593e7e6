// Signs checkpoints of the audit with Ed25519 (RFC 8032): whoever has the public key can check one without asking us.
import { createPrivateKey, createPublicKey, sign, verify } from "node:crypto";

export interface CheckpointSigner {
  /** Base64url. */
  sign(text: string): string;
  verify(text: string, signature: string): boolean;
  /** PEM (SubjectPublicKeyInfo, RFC 8410), as openssl reads it. */
  readonly publicKey: string;
}

// RFC 8410 §7: a PKCS#8 envelope around the 32 bytes of a seed.
const envelope = Buffer.from("302e020100300506032b657004220420", "hex");

/**
 * The key comes from the audit key, through the hash that only it can make: so it survives every rotation of the ring, and no
 * link or head can be mistaken for it, which all begin with `["behalf-audit`.
 */
export function makeCheckpointSigner(auditLink: (text: string) => string): CheckpointSigner {
  const seed = Buffer.from(auditLink("behalf audit checkpoint key 1"), "base64url");
  const privateKey = createPrivateKey({ key: Buffer.concat([envelope, seed]), format: "der", type: "pkcs8" });
  const publicKey = createPublicKey(privateKey);
  return {
    sign: (text) => sign(null, Buffer.from(text), privateKey).toString("base64url"),
    verify(text, signature) {
      const bytes = Buffer.from(signature, "base64url");
      // One spelling per signature, as everywhere: base64url tolerates stray trailing bits.
      return bytes.toString("base64url") === signature && verify(null, Buffer.from(text), publicKey, bytes);
    },
    publicKey: publicKey.export({ type: "spki", format: "pem" }).toString(),
  };
}
