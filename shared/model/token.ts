/** API tokens: shown once, stored only as hashes. */
import * as z from "zod/mini";
import { AccountId, Instant } from "./ids.ts";

/** `viewer` reads, `operator` runs jobs, `admin` also registers hosts and makes tokens; each may what the former may. */
export const Role = z.enum(["viewer", "operator", "admin"]);
export type Role = z.infer<typeof Role>;

export const TokenId = z
  .string()
  .check(z.regex(/^[0-9a-f]{16}$/, "16 hexadecimal digits"))
  .brand<"TokenId">();
export type TokenId = z.infer<typeof TokenId>;

/** The item: its key is `id`, the first half of the token; `hash` (SHA-256, hex) is of the whole. */
export const TokenRecord = z.strictObject({
  id: TokenId,
  hash: z.string(),
  account: AccountId,
  role: Role,
  label: z.optional(z.string()),
  createdAt: Instant,
});
export type TokenRecord = z.infer<typeof TokenRecord>;

/** Who asks. */
export type Caller = {
  readonly account: AccountId;
  readonly role: Role;
};

const RANK: Readonly<Record<Role, number>> = { viewer: 0, operator: 1, admin: 2 };

/** Whether a role may do what needs another. */
export function mayAct(role: Role, needed: Role): boolean {
  return RANK[role] >= RANK[needed];
}
