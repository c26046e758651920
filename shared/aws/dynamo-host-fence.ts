/** A host's fence, its return, and its end: on registration and heartbeat together, one transaction each. */
import { UpdateCommand } from "@aws-sdk/lib-dynamodb";
import type { HostStore } from "../app/ports.ts";
import type { HostId } from "../model/ids.ts";
import { conditional, type Dynamo, transact } from "./dynamo-call.ts";
import { changeBoth } from "./dynamo-host-session.ts";
import { names, values } from "./expression.ts";
import { HEARTBEAT_ITEM, HOST_ITEM, hostKey, INVENTORY_ITEM, PLACEMENT_UP } from "./host-row.ts";

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
  const update = new UpdateCommand({
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

/** Room cannot be taken while it goes: the condition is on the sum that every reservation changes. */
export async function remove(
  dynamo: Dynamo,
  hostId: HostId,
): Promise<"removed" | "not_empty" | "host_not_found"> {
  const table = { TableName: dynamo.tables.hosts };
  const outcome = await transact(dynamo, `forgetting host ${hostId}`, [
    {
      Delete: {
        ...table,
        Key: hostKey(hostId, HOST_ITEM),
        ConditionExpression: "#reserved.#cpus = :none AND #reserved.#memoryMiB = :none",
        ExpressionAttributeNames: names("reserved", "cpus", "memoryMiB"),
        ExpressionAttributeValues: values({ none: 0 }),
        ReturnValuesOnConditionCheckFailure: "ALL_OLD",
      },
    },
    { Delete: { ...table, Key: hostKey(hostId, HEARTBEAT_ITEM) } },
    { Delete: { ...table, Key: hostKey(hostId, INVENTORY_ITEM) } },
  ]);
  if (outcome.held) return "removed";
  return outcome.failed[0]?.stored === undefined ? "host_not_found" : "not_empty";
}
