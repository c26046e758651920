/**
 * Who calls. Access keys and session tokens are checked; SigV4 signatures are NOT: whoever reaches the loopback port
 * and knows an access key id may use it. The secret keys exist because SDK clients insist on one.
 *
 * C1 The root key pair may do everything; a session may do what its policy allows, until it expires.
 * C2 A session is its token: policy and expiry, sealed with a key derived from the root secret. Nothing is stored, so
 *    sessions outlive a restart exactly if the root key pair does.
 */
import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import * as z from "zod/mini";
import { type SessionPolicy, SessionPolicySchema } from "./session-policy.ts";

export type KeyPair = { readonly accessKeyId: string; readonly secretAccessKey: string };

export type Caller =
  | { readonly kind: "root"; readonly accessKeyId: string }
  | {
      readonly kind: "session";
      readonly accessKeyId: string;
      /** `arn:aws:sts::<account>:assumed-role/<role>/<session>`. */
      readonly arn: string;
      readonly policy: SessionPolicy | undefined;
    };

export type Identified =
  | { readonly status: "known"; readonly caller: Caller }
  | { readonly status: "missing" | "unknown" | "expired" };

export type SessionGrant = {
  readonly arn: string;
  readonly policy: SessionPolicy | undefined;
  readonly expiresAt: number;
};
export type SessionCredentials = KeyPair & { readonly sessionToken: string };

export interface Credentials {
  /** Who sent a request with these headers (names in lower case). */
  readonly identify: (headers: CallerHeaders, now: number) => Identified;
  readonly grant: (grant: SessionGrant) => SessionCredentials;
}

export type CallerHeaders = {
  readonly authorization?: string | undefined;
  readonly "x-amz-security-token"?: string | string[] | undefined;
};

const Sealed = z.object({
  accessKeyId: z.string(),
  arn: z.string(),
  policy: z.optional(SessionPolicySchema),
  expiresAt: z.number(),
});

/** A new root key pair, shaped as AWS's are. */
export function makeKeyPair(): KeyPair {
  return { accessKeyId: keyId("AKIA"), secretAccessKey: randomBytes(30).toString("base64") };
}

export function localCredentials(root: KeyPair): Credentials {
  const sealKey = createHmac("sha256", root.secretAccessKey).update("session tokens").digest();
  const sealOf = (payload: string) => createHmac("sha256", sealKey).update(payload).digest();

  const open = (token: string) => {
    const [payload = "", seal = ""] = token.split(".");
    const given = Buffer.from(seal, "base64url");
    const expected = sealOf(payload);
    if (given.length !== expected.length || !timingSafeEqual(given, expected)) return undefined;
    return z.parse(Sealed, JSON.parse(Buffer.from(payload, "base64url").toString("utf8")));
  };

  return {
    identify: (headers, now) => {
      const accessKeyId = /Credential=([^/,\s]+)\//.exec(headers.authorization ?? "")?.[1];
      if (accessKeyId === undefined) return { status: "missing" };
      const token = headers["x-amz-security-token"];
      if (token === undefined) {
        if (accessKeyId !== root.accessKeyId) return { status: "unknown" };
        return { status: "known", caller: { kind: "root", accessKeyId } };
      }
      const session = open(String(token));
      if (session?.accessKeyId !== accessKeyId) return { status: "unknown" };
      if (now >= session.expiresAt) return { status: "expired" };
      const { arn, policy } = session;
      return { status: "known", caller: { kind: "session", accessKeyId, arn, policy } };
    },
    grant: ({ arn, policy, expiresAt }) => {
      const accessKeyId = keyId("ASIA");
      const sealed = JSON.stringify({ accessKeyId, arn, policy, expiresAt });
      const payload = Buffer.from(sealed).toString("base64url");
      const sessionToken = `${payload}.${sealOf(payload).toString("base64url")}`;
      return { accessKeyId, secretAccessKey: randomBytes(30).toString("base64"), sessionToken };
    },
  };
}

/** AWS's key ids: a prefix and sixteen of base32. */
function keyId(prefix: "AKIA" | "ASIA"): string {
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
  return prefix + Array.from(randomBytes(16), (byte) => alphabet.charAt(byte % 32)).join("");
}
