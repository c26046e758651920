import { afterAll, beforeAll, describe } from "vitest";
import { allStoreContracts } from "../contract/all-stores.ts";
import { openDynamoStores } from "../contract/store-world.ts";
import type { DynamoEngine } from "../support/dynamo-engine.ts";
import { startDynamodbLocal, whyNoJava } from "../support/dynamodb-local.ts";

const skipped = whyNoJava();
if (skipped !== undefined) process.stderr.write(`${skipped}\n`);

describe.skipIf(skipped !== undefined)("on Amazon's DynamoDB Local", () => {
  let engine: DynamoEngine;
  beforeAll(async () => {
    engine = await startDynamodbLocal();
  });
  afterAll(() => engine.stop());
  allStoreContracts(() => openDynamoStores(engine.client));
});
