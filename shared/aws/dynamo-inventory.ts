/**
 * What was last passed on of a host's VMs, and the note of it on the heartbeat. Both hold only against an older order:
 * `(bootOrdinal, seq)`.
 */
import { gunzipSync, gzipSync } from "node:zlib";
import { GetCommand, PutCommand, UpdateCommand } from "@aws-sdk/lib-dynamodb";
import { type Heartbeat, Inventory } from "../model/host.ts";
import type { HostId } from "../model/ids.ts";
import { InventoryRow } from "../model/rows.ts";
import { conditional, type Dynamo } from "./dynamo-call.ts";
import { parseRow } from "./dynamo-row.ts";
import { names, values } from "./expression.ts";
import { HEARTBEAT_ITEM, hostKey, INVENTORY_ITEM } from "./host-row.ts";
import { calling } from "./service-failure.ts";

/** 2,000 VMs reported and as many absent, at most 400 bytes each; what unpacks to more was not packed here. */
const INVENTORY_UNPACKED_BYTES_MAX = 4 * 1024 * 1024;

export async function readInventory(
  { documents, tables }: Dynamo,
  hostId: HostId,
): Promise<Inventory | undefined> {
  const table = tables.hosts;
  const get = new GetCommand({
    TableName: table,
    Key: hostKey(hostId, INVENTORY_ITEM),
    ConsistentRead: true,
  });
  const { Item: item } = await calling(`reading the inventory of host ${hostId}`, () =>
    documents.send(get),
  );
  if (item === undefined) return undefined;
  const address = { table, key: `${hostId} ${INVENTORY_ITEM}` };
  const { bootOrdinal, seq, packed } = parseRow(InventoryRow, item, address);
  const text = gunzipSync(packed, { maxOutputLength: INVENTORY_UNPACKED_BYTES_MAX }).toString();
  const vms: unknown = JSON.parse(text);
  return parseRow(Inventory, { hostId, bootOrdinal, seq, vms }, address);
}

export async function writeInventory(
  dynamo: Dynamo,
  { hostId, bootOrdinal, seq, vms }: Inventory,
): Promise<"written" | "superseded"> {
  const put = new PutCommand({
    TableName: dynamo.tables.hosts,
    Item: {
      ...hostKey(hostId, INVENTORY_ITEM),
      bootOrdinal,
      seq,
      packed: gzipSync(JSON.stringify(vms)),
    },
    ConditionExpression:
      "attribute_not_exists(#hostId) OR #bootOrdinal < :bootOrdinal OR (#bootOrdinal = :bootOrdinal AND #seq < :seq)",
    ExpressionAttributeNames: names("hostId", "bootOrdinal", "seq"),
    ExpressionAttributeValues: values({ bootOrdinal, seq }),
  });
  const doing = `writing the inventory of host ${hostId}`;
  const written = await conditional(dynamo, doing, () => dynamo.documents.send(put));
  return written.held ? "written" : "superseded";
}

export async function markApplied(
  dynamo: Dynamo,
  hostId: HostId,
  applied: NonNullable<Heartbeat["applied"]>,
): Promise<"marked" | "superseded"> {
  const { bootOrdinal, seq } = applied;
  const update = new UpdateCommand({
    TableName: dynamo.tables.hosts,
    Key: hostKey(hostId, HEARTBEAT_ITEM),
    UpdateExpression: "SET #applied = :applied",
    ConditionExpression:
      "attribute_exists(#hostId) AND (attribute_not_exists(#applied) OR #applied.#bootOrdinal < :bootOrdinal" +
      " OR (#applied.#bootOrdinal = :bootOrdinal AND #applied.#seq < :seq))",
    ExpressionAttributeNames: names("hostId", "applied", "bootOrdinal", "seq"),
    ExpressionAttributeValues: values({ applied, bootOrdinal, seq }),
  });
  const doing = `noting report ${seq} of host ${hostId} as worked off`;
  const written = await conditional(dynamo, doing, () => dynamo.documents.send(update));
  return written.held ? "marked" : "superseded";
}
