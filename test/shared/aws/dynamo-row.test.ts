import { afterEach, beforeEach, expect, test } from "vitest";
import { documentClient, putItem } from "../../../shared/aws/documents.ts";
import { dynamoApartmentStore } from "../../../shared/aws/dynamo-apartment-store.ts";
import type { Dynamo } from "../../../shared/aws/dynamo-call.ts";
import { dynamoHostStore } from "../../../shared/aws/dynamo-host-store.ts";
import { aHost } from "../../support/a-host.ts";
import { aRecord, hostId, vmId } from "../../support/a-record.ts";
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

test("a row that does not parse is an exception that names table and key", async () => {
  const Item = { id: vmId, version: 1, record: { ...aRecord(), epoch: "not a number" } };
  await dynamo.documents.send(putItem({ TableName: dynamo.tables.apartments, Item }));
  const message = `row ${vmId} of table ${dynamo.tables.apartments} does not parse`;
  const store = dynamoApartmentStore(dynamo);
  await expect(store.read(vmId)).rejects.toThrow(message);
  await expect(store.load(vmId, [])).rejects.toThrow(message);
});

test("a field that the schema does not know is not passed over", async () => {
  const { id, ...host } = aHost();
  const Item = { ...{ hostId: id, item: "host" }, ...host, fromTheFuture: true };
  await dynamo.documents.send(putItem({ TableName: dynamo.tables.hosts, Item }));
  const message = `row ${hostId} host of table ${dynamo.tables.hosts} does not parse`;
  await expect(dynamoHostStore(dynamo).read(hostId)).rejects.toThrow(message);
});
