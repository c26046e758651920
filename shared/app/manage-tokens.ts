/** Listing and deleting API tokens: an admin's, and so for all accounts. */
import { type Answer, refuse } from "../model/problem.ts";
import { TokenId } from "../model/token.ts";
import type { Token } from "../model/user-api.ts";
import { answerPage, type PageOf } from "./answer-page.ts";
import type { PageRequest, Ports } from "./ports.ts";
import { tokenView } from "./token-view.ts";

export async function listTokens(
  deps: Pick<Ports, "tokens">,
  query: { readonly page: PageRequest },
): Promise<Answer<PageOf<Token>>> {
  const page = await deps.tokens.list(query.page);
  return answerPage(page, tokenView);
}

/** From the answer on, the token lets nobody in. What is not shaped like an id is no token's. */
export async function deleteToken(
  deps: Pick<Ports, "tokens">,
  query: { readonly tokenId: string },
): Promise<Answer<undefined>> {
  const id = TokenId.safeParse(query.tokenId);
  return id.success && (await deps.tokens.remove(id.data)) === "removed"
    ? { ok: true, value: undefined }
    : refuse("token_not_found", `there is no token ${query.tokenId}`);
}
