/** The token that a deployment begins with: an admin's, made only while there is no admin's token. */
import { AccountId } from "../model/ids.ts";
import type { TokenId } from "../model/token.ts";
import { createToken } from "./create-token.ts";
import type { Ports } from "./ports.ts";

const ACCOUNT = AccountId.parse("admin");
const PAGE_TOKENS = 200;

export type FirstToken =
  | { readonly made: true; readonly token: string }
  | { readonly made: false; readonly reason: string };

export async function makeFirstToken(
  deps: Pick<Ports, "tokens" | "names" | "clock">,
  token: { readonly id: TokenId; readonly text: string },
): Promise<FirstToken> {
  if (await isAdminThere(deps))
    return {
      made: false,
      reason: "there is an admin's token: its owner makes more by POST /v1/tokens",
    };
  await createToken(deps, { account: ACCOUNT, role: "admin", label: "first", token });
  return { made: true, token: token.text };
}

async function isAdminThere({ tokens }: Pick<Ports, "tokens">): Promise<boolean> {
  let cursor: string | undefined;
  do {
    const page = await tokens.list({ limit: PAGE_TOKENS, cursor });
    if (!page.ok) throw new Error("the cursor that the token list gave is not taken");
    if (page.items.some(({ role }) => role === "admin")) return true;
    cursor = page.nextCursor;
  } while (cursor !== undefined);
  return false;
}
