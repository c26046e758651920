/** What was last passed on of a host's VMs, and the note of it on the heartbeat. */
import { gunzipSync, gzipSync } from "node:zlib";
import type { HostStore } from "../app/ports.ts";
import { type HeardMark, type Heartbeat, Inventory } from "../model/host.ts";
import type { HostId } from "../model/ids.ts";
import { DescribedRow, InventoryRow } from "../model/rows.ts";
import { getItem, putItem, type Row, updateItem } from "./documents.ts";
import { conditional, type Dynamo } from "./dynamo-call.ts";
import { parseRow } from "./dynamo-row.ts";
import { names, values } from "./expression.ts";
import {
  describedItem,
  HEARTBEAT_ITEM,
  hostKey,
  INVENTORY_ITEM,
  parseHeartbeat,
} from "./host-row.ts";
import { ttlSeconds } from "./job-row.ts";
import { calling, ServiceFailure } from "./service-failure.ts";

/** 2,000 VMs reported and as many absent, at most 400 bytes each; what unpacks to more was not packed here. */
const INVENTORY_UNPACKED_BYTES_MAX = 4 * 1024 * 1024;

export async function readInventory(
  { documents, tables }: Dynamo,
  hostId: HostId,
): Promise<Inventory | undefined> {
  const table = tables.hosts;
  const get = getItem({
    TableName: table,
    Key: hostKey(hostId, INVENTORY_ITEM),
    ConsistentRead: true,
  });
  const { Item: item } = await calling(`reading the inventory of host ${hostId}`, () =>
    documents.send(get),
  );
  return item === undefined ? undefined : parseInventory(table, hostId, item);
}

/** Of an item as it is stored. */
export function parseInventory(table: string, hostId: HostId, item: Row): Inventory {
  const address = { table, key: `${hostId} ${INVENTORY_ITEM}` };
  const { packed, ...order } = parseRow(InventoryRow, item, address);
  const text = gunzipSync(packed, { maxOutputLength: INVENTORY_UNPACKED_BYTES_MAX }).toString();
  const vms: unknown = JSON.parse(text);
  return parseRow(Inventory, { hostId, ...order, vms }, address);
}

export function inventoryItem({ hostId, vms, ...order }: Inventory): Row {
  return { ...hostKey(hostId, INVENTORY_ITEM), ...order, packed: gzipSync(JSON.stringify(vms)) };
}

export async function writeInventory(
  dynamo: Dynamo,
  next: Inventory,
  comparedWith: Parameters<HostStore["writeInventory"]>[1],
): Promise<"written" | "changed"> {
  const doing = `writing the inventory of host ${next.hostId}`;
  const written = await conditional(dynamo, doing, () =>
    comparedWith?.vms === next.vms
      ? dynamo.documents.send(updateItem(orderUpdate(dynamo, next, comparedWith)))
      : dynamo.documents.send(putItem(inventoryPut(dynamo, next, comparedWith))),
  );
  return written.held ? "written" : "changed";
}

type Order = Pick<Inventory, "bootOrdinal" | "seq">;

function inventoryPut({ tables }: Dynamo, next: Inventory, comparedWith: Order | undefined) {
  return {
    TableName: tables.hosts,
    Item: inventoryItem(next),
    ...(comparedWith === undefined
      ? {
          ConditionExpression: "attribute_not_exists(#hostId)",
          ExpressionAttributeNames: names("hostId"),
        }
      : isStill(comparedWith)),
  };
}

/** All but the VMs. */
function orderUpdate({ tables }: Dynamo, next: Inventory, comparedWith: Order) {
  const { hostId, vms: _, massAbsence, ...order } = next;
  const condition = isStill(comparedWith);
  return {
    TableName: tables.hosts,
    Key: hostKey(hostId, INVENTORY_ITEM),
    UpdateExpression:
      "SET #bootOrdinal = :nextBoot, #seq = :nextSeq, #complete = :complete" +
      (massAbsence === undefined ? " REMOVE #massAbsence" : ", #massAbsence = :yes"),
    ...condition,
    ExpressionAttributeNames: {
      ...condition.ExpressionAttributeNames,
      ...names("complete", "massAbsence"),
    },
    ExpressionAttributeValues: {
      ...condition.ExpressionAttributeValues,
      ...values({ nextBoot: order.bootOrdinal, nextSeq: order.seq, complete: order.complete }),
      ...(massAbsence === undefined ? {} : values({ yes: true })),
    },
  };
}

function isStill({ bootOrdinal, seq }: Order) {
  return {
    ConditionExpression: "#bootOrdinal = :bootOrdinal AND #seq = :seq",
    ExpressionAttributeNames: names("bootOrdinal", "seq"),
    ExpressionAttributeValues: values({ bootOrdinal, seq }),
  };
}

/** Whoever asked waits for seconds. */
const DESCRIBED_KEPT_MS = 10 * 60 * 1000;

export async function noteDescribed(
  dynamo: Dynamo,
  { hostId, vmId, described }: Parameters<HostStore["noteDescribed"]>[0],
): Promise<void> {
  const expiresAt = ttlSeconds(dynamo.clock.now() + DESCRIBED_KEPT_MS);
  const Item = { ...hostKey(hostId, describedItem(vmId)), ...described, expiresAt };
  const put = putItem({ TableName: dynamo.tables.hosts, Item });
  await calling(`noting what ${hostId} says of VM ${vmId}`, () => dynamo.documents.send(put));
}

export async function readDescribed(
  { documents, tables }: Dynamo,
  { hostId, vmId }: Parameters<HostStore["readDescribed"]>[0],
): Promise<DescribedRow | undefined> {
  const key = hostKey(hostId, describedItem(vmId));
  const get = getItem({ TableName: tables.hosts, Key: key, ConsistentRead: true });
  const doing = `reading what ${hostId} says of VM ${vmId}`;
  const { Item: row } = await calling(doing, () => documents.send(get));
  if (row === undefined) return undefined;
  return parseRow(DescribedRow, row, { table: tables.hosts, key: `${hostId} ${key.item}` });
}

export async function markCompared(
  dynamo: Dynamo,
  hostId: HostId,
  { bootOrdinal, seq, at }: NonNullable<Heartbeat["applied"]>,
): Promise<"marked" | "superseded"> {
  const update = updateItem({
    TableName: dynamo.tables.hosts,
    Key: hostKey(hostId, HEARTBEAT_ITEM),
    UpdateExpression: "SET #applied.#at = :at",
    ConditionExpression: "#applied.#bootOrdinal = :bootOrdinal AND #applied.#seq = :seq",
    ExpressionAttributeNames: names("applied", "at", "bootOrdinal", "seq"),
    ExpressionAttributeValues: values({ at, bootOrdinal, seq }),
  });
  const doing = `noting that host ${hostId} was compared`;
  const written = await conditional(dynamo, doing, () => dynamo.documents.send(update));
  return written.held ? "marked" : "superseded";
}

type Note = Parameters<HostStore["markApplied"]>[0];

/** A mark changes only when another report says the same, and `applied` only when one is worked off: a few at a time. */
const NOTE_ATTEMPTS_MAX = 5;

export async function markApplied(dynamo: Dynamo, note: Note): Promise<void> {
  const doing = `noting reports of host ${note.hostId} as worked off`;
  let left: Note | undefined = note;
  for (let attempts = 1; attempts <= NOTE_ATTEMPTS_MAX; attempts += 1) {
    const update = noteUpdate(left);
    if (update === undefined) return;
    const command = updateItem({ TableName: dynamo.tables.hosts, ...update });
    const written = await conditional(dynamo, doing, () => dynamo.documents.send(command));
    if (written.held || written.stored === undefined) return;
    left = stillToNote(left, parseHeartbeat(dynamo.tables.hosts, written.stored));
  }
  const changed = new Error(`changed ${NOTE_ATTEMPTS_MAX} times meanwhile`);
  throw new ServiceFailure(doing, changed, { transient: true });
}

/** One update with the conditions of all its parts; nothing, where nothing is left to note. */
function noteUpdate({ hostId, bootOrdinal, applied, settled }: Note) {
  if (applied === undefined && settled.length === 0) return undefined;
  const marks = settled.map((mark, index) => ({
    ...mark,
    name: `#mark${index}`,
    seqName: `:mark${index}`,
  }));
  const conditions = [
    "attribute_exists(#hostId)",
    ...(marks.length === 0 ? [] : ["#bootOrdinal = :boot"]),
    ...marks.map(({ name, seqName }) => `#heard.${name}.#seq = ${seqName}`),
    ...(applied === undefined ? [] : [NEWER]),
  ];
  return {
    Key: hostKey(hostId, HEARTBEAT_ITEM),
    UpdateExpression: [
      ...(applied === undefined ? [] : ["SET #applied = :applied"]),
      ...(marks.length === 0
        ? []
        : [`REMOVE ${marks.map(({ name }) => `#heard.${name}`).join(", ")}`]),
    ].join(" "),
    ConditionExpression: conditions.join(" AND "),
    ExpressionAttributeNames: {
      ...names("hostId"),
      ...(applied === undefined ? {} : names("applied", "bootOrdinal", "seq")),
      ...(marks.length === 0 ? {} : names("heard", "seq", "bootOrdinal")),
      ...Object.fromEntries(marks.map(({ name, digest }) => [name, digest])),
    },
    ExpressionAttributeValues: {
      ...(applied === undefined
        ? {}
        : values({ applied, bootOrdinal: applied.bootOrdinal, seq: applied.seq })),
      ...(marks.length === 0 ? {} : values({ boot: bootOrdinal })),
      ...Object.fromEntries(marks.map(({ seqName, seq }) => [seqName, seq])),
    },
    ReturnValuesOnConditionCheckFailure: "ALL_OLD" as const,
  };
}

const NEWER =
  "(attribute_not_exists(#applied) OR #applied.#bootOrdinal < :bootOrdinal" +
  " OR (#applied.#bootOrdinal = :bootOrdinal AND #applied.#seq < :seq))";

/** What of a note still holds against the heartbeat as it is. */
function stillToNote(note: Note, { applied, heard, bootOrdinal }: Heartbeat): Note {
  const newer =
    note.applied !== undefined && (applied === undefined || isNewer(note.applied, applied));
  const isThere = ({ digest, seq }: HeardMark) =>
    bootOrdinal === note.bootOrdinal && heard?.[digest]?.seq === seq;
  return {
    hostId: note.hostId,
    bootOrdinal: note.bootOrdinal,
    ...(newer ? { applied: note.applied } : {}),
    settled: note.settled.filter(isThere),
  };
}

function isNewer(one: Order, other: Order): boolean {
  if (one.bootOrdinal !== other.bootOrdinal) return one.bootOrdinal > other.bootOrdinal;
  return one.seq > other.seq;
}
