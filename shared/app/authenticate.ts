/** Who holds an API token. */
import type { Caller, TokenId } from "../model/token.ts";
import type { Ports } from "./ports.ts";
import { sameHash } from "./same-hash.ts";

/** The caller, or `undefined` for a token that is none (any more). One read; nothing is remembered, so a deleted token is. */
export async function authenticate(
  deps: Pick<Ports, "tokens" | "names">,
  token: { readonly id: TokenId; readonly text: string },
): Promise<Caller | undefined> {
  const record = await deps.tokens.read(token.id);
  if (record === undefined || !sameHash(record.hash, deps.names.hash(token.text))) return undefined;
  return { account: record.account, role: record.role };
}
