/** Makes an API token: its text is answered once, its hash is kept. */
import type { AccountId } from "../model/ids.ts";
import type { Answer } from "../model/problem.ts";
import type { Role, TokenId, TokenRecord } from "../model/token.ts";
import type { Token } from "../model/user-api.ts";
import type { Ports } from "./ports.ts";
import { tokenView } from "./token-view.ts";

/** `token` is one that nobody has seen before; `shared/http/bearer-token.ts` makes them. */
export async function createToken(
  deps: Pick<Ports, "tokens" | "names" | "clock">,
  wish: {
    readonly account: AccountId;
    readonly role: Role;
    readonly label?: string | undefined;
    readonly token: { readonly id: TokenId; readonly text: string };
  },
): Promise<Answer<Token & { readonly token: string }>> {
  const { account, role, label, token } = wish;
  const record: TokenRecord = {
    id: token.id,
    hash: deps.names.hash(token.text),
    account,
    role,
    ...(label === undefined ? {} : { label }),
    createdAt: deps.clock.now(),
  };
  // 64 bits of id: a second token of the same is no event to plan for.
  if ((await deps.tokens.create(record)) === "exists")
    throw new Error(`a token ${token.id} exists already`);
  return { ok: true, value: { ...tokenView(record), token: token.text } };
}
