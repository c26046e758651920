import { generateKeyPairSync } from "node:crypto";
import { describe, expect, it } from "vitest";
import { publicKeyFrom, rawPublicKey } from "../../../shared/http/ed25519.ts";

const { privateKey, publicKey } = generateKeyPairSync("ed25519");

describe("a raw public key", () => {
  it("is 32 bytes, the same of both halves, and the key again", () => {
    const raw = rawPublicKey(privateKey);
    expect(raw).toMatch(/^[A-Za-z0-9+/]{43}=$/);
    expect(rawPublicKey(publicKey)).toBe(raw);
    expect(publicKeyFrom(raw).equals(publicKey)).toBe(true);
  });

  it("is not had of a key of another kind", () => {
    expect(() => rawPublicKey(generateKeyPairSync("x25519").privateKey)).toThrow("not an Ed25519");
    expect(() =>
      rawPublicKey(generateKeyPairSync("ec", { namedCurve: "P-256" }).publicKey),
    ).toThrow("not an Ed25519");
  });

  it.each(["", "AAAA", `${"A".repeat(44)}=`])("is not %j", (raw) => {
    expect(() => publicKeyFrom(raw)).toThrow("32 bytes");
  });
});
