import { describe, expect, it } from "vitest";
import { authenticate } from "../../../shared/app/authenticate.ts";
import { createToken } from "../../../shared/app/create-token.ts";
import { makeFirstToken } from "../../../shared/app/make-first-token.ts";
import { makeBearerToken } from "../../../shared/http/bearer-token.ts";
import { AccountId } from "../../../shared/model/ids.ts";
import { aWorld } from "../../support/memory-world.ts";

const fresh = ({ deps }: ReturnType<typeof aWorld>) => makeBearerToken(deps.names.secret());

describe("the first token", () => {
  it("is an admin's, and works", async () => {
    const world = aWorld();
    const token = fresh(world);
    expect(await makeFirstToken(world.deps, token)).toEqual({ made: true, token: token.text });
    expect(await authenticate(world.deps, token)).toMatchObject({
      role: "admin",
      account: "admin",
    });
  });

  it("is made once: whoever asks again is refused, and gets nothing", async () => {
    const world = aWorld();
    await makeFirstToken(world.deps, fresh(world));
    const again = await makeFirstToken(world.deps, fresh(world));
    expect(again).toMatchObject({ made: false });
    expect(again).not.toHaveProperty("token");
    expect(world.memory.tables.tokens.all()).toHaveLength(1);
  });

  it("is made where there are tokens, but no admin's", async () => {
    const world = aWorld();
    const account = AccountId.parse("acme");
    await createToken(world.deps, { account, role: "operator", token: fresh(world) });
    expect(await makeFirstToken(world.deps, fresh(world))).toMatchObject({ made: true });
  });
});
