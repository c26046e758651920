/** Ed25519 public keys as they travel and are stored: the raw 32 bytes, base64. */
import { createPublicKey, type KeyObject } from "node:crypto";

const PUBLIC_KEY_BYTES = 32;

/** The public half of a key, public or private: what a join hands over. Throws on a key of another kind. */
export function rawPublicKey(key: KeyObject): string {
  const publicKey = key.type === "private" ? createPublicKey(key) : key;
  const { crv, x } = publicKey.export({ format: "jwk" });
  if (crv !== "Ed25519" || x === undefined) throw new Error("not an Ed25519 key");
  return Buffer.from(x, "base64url").toString("base64");
}

/** The key that the raw bytes are. Throws on anything but 32 bytes in base64. */
export function publicKeyFrom(raw: string): KeyObject {
  const bytes = Buffer.from(raw, "base64");
  if (bytes.byteLength !== PUBLIC_KEY_BYTES) throw new Error("an Ed25519 public key has 32 bytes");
  return createPublicKey({
    key: { kty: "OKP", crv: "Ed25519", x: bytes.toString("base64url") },
    format: "jwk",
  });
}
