/** A token's record as the HTTP API shows it: never the hash. */
import type { TokenRecord } from "../model/token.ts";
import type { Token } from "../model/user-api.ts";
import { isoTime } from "./iso-time.ts";

export function tokenView({ id, account, role, label, createdAt }: TokenRecord): Token {
  return { id, account, role, label, createdAt: isoTime(createdAt) };
}
