import { afterAll, beforeAll, describe } from "vitest";
import type { DynamoEngine } from "../support/dynamo-engine.ts";
import { startDynoxide } from "../support/dynoxide.ts";
import { allStoreContracts } from "./all-stores.ts";
import { openDynamoStores } from "./store-world.ts";

describe("on dynoxide", () => {
  let engine: DynamoEngine;
  beforeAll(async () => {
    engine = await startDynoxide();
  });
  afterAll(() => engine.stop());
  allStoreContracts(() => openDynamoStores(engine.client));
});
