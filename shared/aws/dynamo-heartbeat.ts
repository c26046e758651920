/** The one write that a quiet report costs. */
import { UpdateCommand } from "@aws-sdk/lib-dynamodb";
import type { HostStore } from "../app/ports.ts";
import { conditional, type Dynamo } from "./dynamo-call.ts";
import { names, values } from "./expression.ts";
import { HEARTBEAT_ITEM, hostKey, parseHeartbeat } from "./host-row.ts";

type Beat = Parameters<HostStore["beat"]>[0];
type Beaten = Awaited<ReturnType<HostStore["beat"]>>;

export async function beat(dynamo: Dynamo, report: Beat): Promise<Beaten> {
  const { hostId, publicKey, bootId, seq, vmCount, now, leaseUntil } = report;
  const table = dynamo.tables.hosts;
  const update = new UpdateCommand({
    TableName: table,
    Key: hostKey(hostId, HEARTBEAT_ITEM),
    UpdateExpression:
      "SET #seq = :seq, #vmCount = :vmCount, #lastReportAt = :now, #leaseUntil = :leaseUntil",
    ConditionExpression: "#publicKey = :publicKey AND #bootId = :bootId AND #seq < :seq",
    ExpressionAttributeNames: names(
      ...["seq", "vmCount", "lastReportAt", "leaseUntil"],
      ...["publicKey", "bootId"],
    ),
    ExpressionAttributeValues: values({ publicKey, bootId, seq, vmCount, now, leaseUntil }),
    ReturnValues: "ALL_NEW",
    ReturnValuesOnConditionCheckFailure: "ALL_OLD",
  });
  const doing = `noting report ${seq} of host ${hostId}`;
  const written = await conditional(dynamo, doing, () => dynamo.documents.send(update));
  if (written.held) {
    const heartbeat = parseHeartbeat(table, written.output.Attributes ?? {});
    return { status: "beaten", heartbeat };
  }
  // No heartbeat: the host never joined, so no key is its own.
  if (written.stored === undefined) return { status: "wrong_key" };
  const heartbeat = parseHeartbeat(table, written.stored);
  if (heartbeat.publicKey !== publicKey) return { status: "wrong_key" };
  if (heartbeat.bootId !== bootId) return { status: "stale_boot" };
  return { status: "replayed", heartbeat };
}
