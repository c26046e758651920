import { describe, expect, it } from "vitest";
import { createToken } from "../../../shared/app/create-token.ts";
import { deleteToken, listTokens } from "../../../shared/app/manage-tokens.ts";
import { makeBearerToken } from "../../../shared/http/bearer-token.ts";
import { AccountId } from "../../../shared/model/ids.ts";
import { okValue } from "../../support/joined-host.ts";
import { aWorld } from "../../support/memory-world.ts";

const account = AccountId.parse("acme");

describe("the list of tokens", () => {
  it("shows each without its secret or its hash", async () => {
    const { deps } = aWorld();
    const token = makeBearerToken(deps.names.secret());
    okValue(await createToken(deps, { account, role: "viewer", label: "ci", token }));
    expect(okValue(await listTokens(deps, { page: { limit: 50 } }))).toEqual({
      items: [
        {
          id: token.id,
          account,
          role: "viewer",
          label: "ci",
          createdAt: "2027-01-15T08:00:00.000Z",
        },
      ],
    });
  });

  it("is refused for a cursor that is none", async () => {
    const answer = await listTokens(aWorld().deps, { page: { limit: 1, cursor: "!" } });
    expect(answer).toMatchObject({ ok: false, code: "invalid_request" });
  });
});

describe("deleting a token", () => {
  it.each(["0123456789abcdef", "x", "../tokens"])(
    "that there is not is token_not_found: %s",
    async (tokenId) => {
      const answer = await deleteToken(aWorld().deps, { tokenId });
      expect(answer).toMatchObject({ ok: false, code: "token_not_found" });
    },
  );
});
