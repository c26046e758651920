/**
 * Registration, sessions, heartbeats, inventory: a host's items (host-row.ts) under the store's one name. What touches
 * the registration together with the heartbeat is in dynamo-host-session.ts.
 */
import type { HostRow, HostStore } from "../app/ports.ts";
import type { Heartbeat } from "../model/host.ts";
import type { HostId } from "../model/ids.ts";
import { HostKeyRow } from "../model/rows.ts";
import { queryItems, type Row, updateItem } from "./documents.ts";
import { batchGet } from "./dynamo-batch-get.ts";
import { conditional, type Dynamo } from "./dynamo-call.ts";
import { beat } from "./dynamo-heartbeat.ts";
import { create, fence, markReturned, markTold, remove } from "./dynamo-host-life.ts";
import { join, markHeard, markSilent, openSession } from "./dynamo-host-session.ts";
import {
  markApplied,
  markCompared,
  noteDescribed,
  readDescribed,
  readInventory,
  writeInventory,
} from "./dynamo-inventory.ts";
import { type IndexListing, listIndex } from "./dynamo-list.ts";
import { parseRow } from "./dynamo-row.ts";
import { names, values } from "./expression.ts";
import { HEARTBEAT_ITEM, HOST_ITEM, hostKey, parseHeartbeat, parseHost } from "./host-row.ts";
import { calling } from "./service-failure.ts";

export function dynamoHostStore(dynamo: Dynamo): HostStore {
  return {
    create: (host) => create(dynamo, host),
    read: (id) => readHost(dynamo, id),
    list: (page) => listIndex(dynamo, hostListing(dynamo), page),
    heartbeats: (page) => listIndex(dynamo, heartbeatListing(dynamo), page),
    setMaintenance: async (id, maintenance) => {
      const written = await updateHost(dynamo, `setting the maintenance of host ${id}`, {
        Key: hostKey(id, HOST_ITEM),
        UpdateExpression: "SET #maintenance = :maintenance",
        ExpressionAttributeNames: names("hostId", "maintenance"),
        ExpressionAttributeValues: values({ maintenance: maintenance === "enabled" }),
      });
      return written ? "set" : "host_not_found";
    },
    setJoinToken: async (id, { hash, expiresAt }) => {
      const written = await updateHost(dynamo, `setting the join token of host ${id}`, {
        Key: hostKey(id, HOST_ITEM),
        UpdateExpression: "SET #joinTokenHash = :hash, #joinTokenExpiresAt = :expiresAt",
        ExpressionAttributeNames: names("hostId", "joinTokenHash", "joinTokenExpiresAt"),
        ExpressionAttributeValues: values({ hash, expiresAt }),
      });
      return written ? "set" : "host_not_found";
    },
    join: (request) => join(dynamo, request),
    openSession: (session) => openSession(dynamo, session),
    beat: (report) => beat(dynamo, report),
    markSilent: (silence) => markSilent(dynamo, silence),
    markHeard: (id) => markHeard(dynamo, id),
    fence: (request) => fence(dynamo, request),
    markReturned: (returned) => markReturned(dynamo, returned),
    markTold: (told) => markTold(dynamo, told),
    remove: (id) => remove(dynamo, id),
    setCapacity: async (id, capacity) => {
      await updateHost(dynamo, `setting the capacity of host ${id}`, {
        Key: hostKey(id, HOST_ITEM),
        UpdateExpression:
          "SET #capacity = :capacity, #freeCpus = :cpus - #reserved.#cpus, " +
          "#freeMemoryMiB = :memoryMiB - #reserved.#memoryMiB",
        ExpressionAttributeNames: names(
          ...["hostId", "capacity", "reserved"],
          ...["cpus", "memoryMiB", "freeCpus", "freeMemoryMiB"],
        ),
        ExpressionAttributeValues: values({ capacity, ...capacity }),
      });
    },
    noteDescribed: (answer) => noteDescribed(dynamo, answer),
    readDescribed: (question) => readDescribed(dynamo, question),
    readInventory: (id) => readInventory(dynamo, id),
    writeInventory: (next, comparedWith) => writeInventory(dynamo, next, comparedWith),
    markCompared: (id, applied) => markCompared(dynamo, id, applied),
    markApplied: (note) => markApplied(dynamo, note),
  };
}

/** One query over the two items, which stand side by side in the partition. */
async function readHost(
  { documents, tables }: Dynamo,
  hostId: HostId,
): Promise<HostRow | undefined> {
  const query = queryItems({
    TableName: tables.hosts,
    KeyConditionExpression: "#hostId = :hostId AND #item BETWEEN :first AND :last",
    ExpressionAttributeNames: names("hostId", "item"),
    ExpressionAttributeValues: values({ hostId, first: HEARTBEAT_ITEM, last: HOST_ITEM }),
    ConsistentRead: true,
  });
  const answer = await calling(`reading host ${hostId}`, () => documents.send(query));
  return hostRows(tables.hosts, answer.Items ?? []).get(hostId);
}

/** Of one host or several; a heartbeat without its registration is no host. */
function hostRows(table: string, rows: readonly Row[]): ReadonlyMap<string, HostRow> {
  const heartbeats = new Map(
    rows
      .filter((row) => row["item"] === HEARTBEAT_ITEM)
      .map((row) => [row["hostId"], parseHeartbeat(table, row)]),
  );
  const hosts = rows.filter((row) => row["item"] === HOST_ITEM).map((row) => parseHost(table, row));
  return new Map(hosts.map((host) => [host.id, { host, heartbeat: heartbeats.get(host.id) }]));
}

type HostUpdate = {
  readonly Key: ReturnType<typeof hostKey>;
  readonly UpdateExpression: string;
  readonly ExpressionAttributeNames: Record<string, string>;
  readonly ExpressionAttributeValues: Record<string, unknown>;
};

/** An update of a registration that exists; the names of its expression include `hostId`. */
async function updateHost(dynamo: Dynamo, doing: string, update: HostUpdate): Promise<boolean> {
  const command = updateItem({
    TableName: dynamo.tables.hosts,
    ...update,
    ConditionExpression: "attribute_exists(#hostId)",
  });
  const written = await conditional(dynamo, doing, () => dynamo.documents.send(command));
  return written.held;
}

/** Of all hosts, by id; what is read of each is the caller's to say. */
function listing({ tables: { hosts: table } }: Dynamo) {
  return {
    table,
    index: "byKind",
    partition: { attribute: "kind", value: "host" },
    order: "ascending",
    positionOf: (row: Row) => ({
      id: parseRow(HostKeyRow, row, { table, key: "of a listing index" }).hostId,
    }),
    keyOf: ({ id }: { readonly id: string }) => ({ hostId: id, item: HOST_ITEM }),
    matches: () => true,
  } as const;
}

function hostListing(dynamo: Dynamo): IndexListing<HostRow> {
  const table = dynamo.tables.hosts;
  return {
    ...listing(dynamo),
    // Two items a host: half of what one BatchGetItem takes.
    keysMax: 50,
    fetch: async (ids) => {
      const keys = ids.flatMap((hostId) => [
        { hostId, item: HOST_ITEM },
        { hostId, item: HEARTBEAT_ITEM },
      ]);
      const found = await batchGet(dynamo, "listing hosts", {
        [table]: { keys, consistent: false },
      });
      return hostRows(table, found.get(table) ?? []);
    },
  };
}

function heartbeatListing(dynamo: Dynamo): IndexListing<Heartbeat> {
  const table = dynamo.tables.hosts;
  return {
    ...listing(dynamo),
    fetch: async (ids) => {
      const keys = ids.map((hostId) => ({ hostId, item: HEARTBEAT_ITEM }));
      const found = await batchGet(dynamo, "listing heartbeats", {
        [table]: { keys, consistent: false },
      });
      const heartbeats = (found.get(table) ?? []).map((row) => parseHeartbeat(table, row));
      return new Map(heartbeats.map((heartbeat) => [heartbeat.hostId, heartbeat]));
    },
  };
}
