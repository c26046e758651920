/** Makes an API token: its text is answered to who asked for it, its hash is kept. */
import type { AccountId } from "../model/ids.ts";
import { type Answer, refuse } from "../model/problem.ts";
import type { Role, TokenId, TokenRecord } from "../model/token.ts";
import type { Token } from "../model/user-api.ts";
import type { Ports } from "./ports.ts";
import { tokenView } from "./token-view.ts";

type Secret = { readonly id: TokenId; readonly text: string };
type Made = Answer<Token & { readonly token: string }>;

/** `token` is new, or that of an earlier try; `shared/http/bearer-token.ts` makes them. */
export async function createToken(
  deps: Pick<Ports, "tokens" | "names" | "clock">,
  wish: {
    readonly account: AccountId;
    readonly role: Role;
    readonly label?: string | undefined;
    readonly token: Secret;
  },
): Promise<Made> {
  const { account, role, label, token } = wish;
  const record: TokenRecord = {
    id: token.id,
    hash: deps.names.hash(token.text),
    account,
    role,
    ...(label === undefined ? {} : { label }),
    createdAt: deps.clock.now(),
  };
  if ((await deps.tokens.create(record)) === "created") return shown(record, token);
  const stored = await deps.tokens.read(token.id);
  // 64 bits of id: a second token of the same is no event to plan for.
  if (stored?.hash !== record.hash || stored.account !== account || stored.role !== role)
    throw new Error(`a token ${token.id} exists already`);
  return shown(stored, token);
}

/** A token that was made, with its text, as long as it is there. */
export async function showToken(deps: Pick<Ports, "tokens">, token: Secret): Promise<Made> {
  const stored = await deps.tokens.read(token.id);
  return stored === undefined
    ? refuse("token_not_found", `the token ${token.id} of this key was deleted`)
    : shown(stored, token);
}

function shown(record: TokenRecord, { text }: Secret): Made {
  return { ok: true, value: { ...tokenView(record), token: text } };
}
