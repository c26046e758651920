import { describe, expect, it } from "vitest";
import { authenticate } from "../../../shared/app/authenticate.ts";
import { createToken } from "../../../shared/app/create-token.ts";
import { deleteToken } from "../../../shared/app/manage-tokens.ts";
import { makeBearerToken } from "../../../shared/http/bearer-token.ts";
import { AccountId } from "../../../shared/model/ids.ts";
import { okValue } from "../../support/joined-host.ts";
import { aWorld } from "../../support/memory-world.ts";

const account = AccountId.parse("acme");
const made = async () => {
  const world = aWorld();
  const token = makeBearerToken(world.deps.names.secret());
  const answer = okValue(await createToken(world.deps, { account, role: "operator", token }));
  return { ...world, token, answer };
};

describe("a token", () => {
  it("says whose it is and what it may", async () => {
    const { deps, token } = await made();
    expect(await authenticate(deps, token)).toEqual({ account, role: "operator" });
  });

  it("is shown once: what is stored is its hash", async () => {
    const { memory, token, answer } = await made();
    expect(answer.token).toBe(token.text);
    expect(JSON.stringify(memory.tables.tokens.all())).not.toContain(token.text.slice(24));
  });

  it("is nobody's with another secret, or when it was never made", async () => {
    const { deps, token } = await made();
    const forged = makeBearerToken(deps.names.secret());
    expect(await authenticate(deps, forged)).toBeUndefined();
    expect(await authenticate(deps, { id: token.id, text: forged.text })).toBeUndefined();
  });

  it("is nobody's from the moment it is deleted", async () => {
    const { deps, token } = await made();
    expect(await deleteToken(deps, { tokenId: token.id })).toEqual({ ok: true, value: undefined });
    expect(await authenticate(deps, token)).toBeUndefined();
  });

  it("is not made twice of the same secret", async () => {
    const { deps, token } = await made();
    await expect(createToken(deps, { account, role: "admin", token })).rejects.toThrow(token.id);
    expect(await authenticate(deps, token)).toEqual({ account, role: "operator" });
  });
});
