/** A host's beginning, its fence, its return, and its end: one transaction each. */
import type { HostStore } from "../app/ports.ts";
import type { HostRecord } from "../model/host.ts";
import type { HostId } from "../model/ids.ts";
import { PastHostRow } from "../model/rows.ts";
import { getItem, updateItem } from "./documents.ts";
import { conditional, type Dynamo, transact } from "./dynamo-call.ts";
import { changeBoth } from "./dynamo-host-session.ts";
import { parseRow } from "./dynamo-row.ts";
import { names, values } from "./expression.ts";
import {
  HEARTBEAT_ITEM,
  HOST_ITEM,
  hostItem,
  hostKey,
  INVENTORY_ITEM,
  PAST_ITEM,
  PLACEMENT_UP,
  parseHost,
} from "./host-row.ts";
import { calling, ServiceFailure } from "./service-failure.ts";

type Request<K extends "fence" | "markReturned" | "markTold"> = Parameters<HostStore[K]>[0];

export async function fence(
  dynamo: Dynamo,
  { hostId, scope, read, now }: Request<"fence">,
): Promise<"fenced" | "changed"> {
  const bootOrdinal = read.bootOrdinal + 1;
  const isAll = scope === "all";
  const { leaseUntil } = read;
  const outcome = await changeBoth(dynamo, `fencing host ${hostId}`, {
    hostId,
    registration: {
      UpdateExpression:
        "SET #bootOrdinal = :bootOrdinal, #fence = :fence, #untold = :fenced" +
        `${isAll ? ", #state = :state" : ""} REMOVE #bootId, #placement`,
      ConditionExpression: "attribute_exists(#hostId)",
      ExpressionAttributeNames: names(
        ...["bootOrdinal", "fence", "untold", "bootId", "placement", "hostId"],
        ...(isAll ? ["state"] : []),
      ),
      ExpressionAttributeValues: values({
        ...{ bootOrdinal, fence: { scope, bootOrdinal, at: now }, fenced: "fenced" },
        ...(isAll ? { state: "Fenced" } : {}),
      }),
    },
    heartbeat: {
      UpdateExpression:
        "SET #bootOrdinal = :bootOrdinal, #seq = :unheard, #heard = :none, #fenced = :yes " +
        "REMOVE #bootId, #applied, #leaseUntil, #selfFence, #blind",
      ConditionExpression:
        "#bootOrdinal = :read AND #seq = :seqRead AND " +
        (leaseUntil === undefined
          ? "attribute_not_exists(#leaseUntil)"
          : "#leaseUntil = :leaseRead"),
      ExpressionAttributeNames: names(
        ...["bootOrdinal", "seq", "heard", "fenced", "bootId", "applied"],
        ...["leaseUntil", "selfFence", "blind"],
      ),
      ExpressionAttributeValues: values({
        ...{ bootOrdinal, unheard: -1, none: {}, yes: true },
        ...{ read: read.bootOrdinal, seqRead: read.seq },
        ...(leaseUntil === undefined ? {} : { leaseRead: leaseUntil }),
      }),
    },
  });
  return outcome.held ? "fenced" : "changed";
}

export async function markReturned(
  dynamo: Dynamo,
  { hostId, bootOrdinal }: Request<"markReturned">,
): Promise<"returned" | "superseded"> {
  const outcome = await changeBoth(dynamo, `noting the return of host ${hostId}`, {
    hostId,
    registration: {
      UpdateExpression: "SET #state = :up, #placement = :placement REMOVE #fence",
      ConditionExpression:
        "attribute_exists(#fence) AND attribute_not_exists(#untold) AND " +
        "attribute_exists(#bootId) AND #bootOrdinal = :bootOrdinal",
      ExpressionAttributeNames: names(
        ...["state", "placement", "fence", "untold", "bootId", "bootOrdinal"],
      ),
      ExpressionAttributeValues: values({ up: "Up", placement: PLACEMENT_UP, bootOrdinal }),
    },
    heartbeat: {
      UpdateExpression: "REMOVE #fenced, #silent",
      ConditionExpression: "#bootOrdinal = :bootOrdinal",
      ExpressionAttributeNames: names("fenced", "silent", "bootOrdinal"),
      ExpressionAttributeValues: values({ bootOrdinal }),
    },
  });
  return outcome.held ? "returned" : "superseded";
}

export async function markTold(
  dynamo: Dynamo,
  { hostId, bootOrdinal, untold }: Request<"markTold">,
): Promise<"told" | "superseded"> {
  const update = updateItem({
    TableName: dynamo.tables.hosts,
    Key: hostKey(hostId, HOST_ITEM),
    UpdateExpression: "REMOVE #untold",
    ConditionExpression: "#untold = :untold AND #bootOrdinal = :bootOrdinal",
    ExpressionAttributeNames: names("untold", "bootOrdinal"),
    ExpressionAttributeValues: values({ untold, bootOrdinal }),
  });
  const doing = `noting that the VMs of host ${hostId} were told`;
  const written = await conditional(dynamo, doing, () => dynamo.documents.send(update));
  return written.held ? "told" : "superseded";
}

/** Room cannot be taken while it goes: the condition is on the sum that every reservation changes. Nor can a boot begin. */
export async function remove(
  dynamo: Dynamo,
  hostId: HostId,
): Promise<"removed" | "not_empty" | "host_not_found"> {
  const table = { TableName: dynamo.tables.hosts };
  const doing = `forgetting host ${hostId}`;
  for (let attempts = 1; attempts <= REMOVE_ATTEMPTS_MAX; attempts += 1) {
    const get = getItem({ ...table, Key: hostKey(hostId, HOST_ITEM), ConsistentRead: true });
    const { Item: row } = await calling(doing, () => dynamo.documents.send(get));
    if (row === undefined) return "host_not_found";
    const { bootOrdinal, reserved } = parseHost(dynamo.tables.hosts, row);
    if (reserved.cpus !== 0 || reserved.memoryMiB !== 0) return "not_empty";
    const outcome = await transact(dynamo, doing, [
      {
        Delete: {
          ...table,
          Key: hostKey(hostId, HOST_ITEM),
          ConditionExpression:
            "#reserved.#cpus = :none AND #reserved.#memoryMiB = :none AND #bootOrdinal = :bootOrdinal",
          ExpressionAttributeNames: names("reserved", "cpus", "memoryMiB", "bootOrdinal"),
          ExpressionAttributeValues: values({ none: 0, bootOrdinal }),
        },
      },
      { Delete: { ...table, Key: hostKey(hostId, HEARTBEAT_ITEM) } },
      { Delete: { ...table, Key: hostKey(hostId, INVENTORY_ITEM) } },
      { Put: { ...table, Item: { ...hostKey(hostId, PAST_ITEM), bootOrdinal } } },
    ]);
    if (outcome.held) return "removed";
  }
  const changed = new Error(`changed ${REMOVE_ATTEMPTS_MAX} times meanwhile`);
  throw new ServiceFailure(doing, changed, { transient: true });
}

/** Each further attempt needs a session or a reservation to have come in between. */
const REMOVE_ATTEMPTS_MAX = 5;

/** Registers a host; boots count on from those of one of its name that was forgotten. */
export async function create(dynamo: Dynamo, host: HostRecord): Promise<"created" | "host_exists"> {
  const table = { TableName: dynamo.tables.hosts };
  const doing = `registering host ${host.id}`;
  const get = getItem({ ...table, Key: hostKey(host.id, PAST_ITEM), ConsistentRead: true });
  const { Item: row } = await calling(doing, () => dynamo.documents.send(get));
  const key = { table: dynamo.tables.hosts, key: `${host.id} ${PAST_ITEM}` };
  const past = row === undefined ? 0 : parseRow(PastHostRow, row, key).bootOrdinal;
  const outcome = await transact(dynamo, doing, [
    {
      Put: {
        ...table,
        Item: hostItem({ ...host, bootOrdinal: Math.max(host.bootOrdinal, past) }),
        ConditionExpression: "attribute_not_exists(#hostId)",
        ExpressionAttributeNames: names("hostId"),
      },
    },
    // A worker that was late may have written it after the host of this name was forgotten.
    { Delete: { ...table, Key: hostKey(host.id, INVENTORY_ITEM) } },
  ]);
  return outcome.held ? "created" : "host_exists";
}
