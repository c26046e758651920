/**
 * API tokens as text: `vmsync_<16 hexadecimal digits>_<secret>`.
 *
 * The digits are the token's id, by which its record is found; they are cut from a hash of the secret, so a token is made
 * of one random value. The record keeps a hash of the whole text.
 */
import { createHash } from "node:crypto";
import { TokenId } from "../model/token.ts";

const TOKEN = /^vmsync_([0-9a-f]{16})_[A-Za-z0-9_-]{32,128}$/;
const BEARER = /^Bearer ([!-~]{1,256})$/i;
const ID_DIGITS = 16;

export type BearerToken = { readonly id: TokenId; readonly text: string };

/** A token of a secret: URL-safe, from a source that nobody can guess. */
export function makeBearerToken(secret: string): BearerToken {
  const id = createHash("sha256").update(`id:${secret}`).digest("hex").slice(0, ID_DIGITS);
  const token = parseBearerToken(`vmsync_${id}_${secret}`);
  if (token === undefined) throw new Error("a token's secret is 32 to 128 of A-Z, a-z, 0-9, _, -");
  return token;
}

/** A token's parts; `undefined` for what cannot be one, without a look at any record. */
export function parseBearerToken(text: string): BearerToken | undefined {
  const id = TOKEN.exec(text)?.[1];
  return id === undefined ? undefined : { id: TokenId.parse(id), text };
}

/** The token of an `Authorization` header. */
export function bearerTokenOf(authorization: string | undefined): BearerToken | undefined {
  const text = BEARER.exec(authorization?.trim() ?? "")?.[1];
  return text === undefined ? undefined : parseBearerToken(text);
}
