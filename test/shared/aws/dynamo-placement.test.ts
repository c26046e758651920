import { afterEach, beforeEach, expect, test } from "vitest";
import { deleteItem, documentClient, queryItems } from "../../../shared/aws/documents.ts";
import type { Dynamo } from "../../../shared/aws/dynamo-call.ts";
import { dynamoHostStore } from "../../../shared/aws/dynamo-host-store.ts";
import { dynamoPlacement } from "../../../shared/aws/dynamo-placement.ts";
import { aJoin, hostUp } from "../../support/a-host.ts";
import { bootId, hostId, jobIdOf, vmId } from "../../support/a-record.ts";
import type { DynamoEngine } from "../../support/dynamo-engine.ts";
import { createTables } from "../../support/dynamo-tables.ts";
import { startDynoxide } from "../../support/dynoxide.ts";
import { testClock } from "../../support/test-clock.ts";

let engine: DynamoEngine;
let dynamo: Dynamo;
beforeEach(async () => {
  engine = await startDynoxide();
  const tables = await createTables(engine.client);
  dynamo = { documents: documentClient(engine.client), tables, clock: testClock() };
});
afterEach(() => engine.stop());

test("releasing room on a host that is gone gives the reservation back, lest a host of that name finds it held", async () => {
  const placement = dynamoPlacement(dynamo);
  await hostUp(dynamoHostStore(dynamo));
  const { queueUrl } = aJoin();
  const held = await placement.reserve({
    ...{ kind: "reserve", hostId, vmId, jobId: jobIdOf(1), revision: 1, attempt: 1, labels: {} },
    need: { cpus: 1, memoryMiB: 1 },
    boot: { bootId, bootOrdinal: 1, queueUrl },
  });
  expect(held).toEqual({ status: "held" });
  const TableName = dynamo.tables.hosts;
  const Key = { hostId, item: "host" };
  await dynamo.documents.send(deleteItem({ TableName, Key }));
  await placement.release({ hostId, vmId, revision: 2 });
  const { Items } = await dynamo.documents.send(
    queryItems({
      TableName,
      KeyConditionExpression: "hostId = :hostId",
      ExpressionAttributeValues: { ":hostId": hostId },
    }),
  );
  expect(Items.map((item) => [item["item"], item["held"]])).toEqual([
    ["heartbeat", undefined],
    [`vm#${vmId}`, false],
  ]);
});
