/** What each report costs: one write of the heartbeat. */
import type { HostStore } from "../app/ports.ts";
import { HEARD_CROWD, HEARD_MAX, type Heartbeat } from "../model/host.ts";
import { updateItem } from "./documents.ts";
import { conditional, type Dynamo } from "./dynamo-call.ts";
import { names, values } from "./expression.ts";
import { HEARTBEAT_ITEM, hostKey, parseHeartbeat } from "./host-row.ts";

type Beat = Parameters<HostStore["beat"]>[0];
type Beaten = Awaited<ReturnType<HostStore["beat"]>>;

export async function beat(dynamo: Dynamo, report: Beat): Promise<Beaten> {
  const { hostId, publicKey, bootId, seq, digest, blind, selfFence, vmCount, now, leaseUntil } =
    report;
  const table = dynamo.tables.hosts;
  const update = updateItem({
    TableName: table,
    Key: hostKey(hostId, HEARTBEAT_ITEM),
    // The map is there since the session (`dynamo-host-session.ts`): an update cannot make it and write into it.
    UpdateExpression:
      "SET #seq = :seq, #vmCount = :vmCount, #lastReportAt = :now, #leaseUntil = :leaseUntil, " +
      "#selfFence = :selfFence, #heard.#digest = :mark" +
      (blind === undefined ? " REMOVE #blind" : ", #blind = if_not_exists(#blind, :blind)"),
    ConditionExpression: "#publicKey = :publicKey AND #bootId = :bootId AND #seq < :seq",
    ExpressionAttributeNames: {
      ...names("seq", "vmCount", "lastReportAt", "leaseUntil", "selfFence", "heard", "blind"),
      ...names("publicKey", "bootId"),
      "#digest": digest,
    },
    ExpressionAttributeValues: {
      ...values({ publicKey, bootId, seq, vmCount, now, leaseUntil }),
      ...values({ selfFence, mark: { seq, at: now } }),
      ...(blind === undefined ? {} : values({ blind: { since: now, ...blind } })),
    },
    ReturnValues: "ALL_NEW",
    ReturnValuesOnConditionCheckFailure: "ALL_OLD",
  });
  const doing = `noting report ${seq} of host ${hostId}`;
  const written = await conditional(dynamo, doing, () => dynamo.documents.send(update));
  if (written.held) {
    const heartbeat = parseHeartbeat(table, written.output.Attributes ?? {});
    return { status: "beaten", heartbeat: await bounded(dynamo, heartbeat) };
  }
  // No heartbeat: the host never joined, so no key is its own.
  if (written.stored === undefined) return { status: "wrong_key" };
  const heartbeat = parseHeartbeat(table, written.stored);
  if (heartbeat.publicKey !== publicKey) return { status: "wrong_key" };
  if (heartbeat.bootId !== bootId) return { status: "stale_boot" };
  return { status: "replayed", heartbeat };
}

/** Nothing of many reports was worked off: their marks stand together, or the item would grow with each. */
async function bounded(dynamo: Dynamo, heartbeat: Heartbeat): Promise<Heartbeat> {
  const { hostId, bootOrdinal, seq } = heartbeat;
  const marks = Object.values(heartbeat.heard ?? {});
  if (marks.length <= HEARD_MAX) return heartbeat;
  const heard = { [HEARD_CROWD]: { seq, at: Math.min(...marks.map(({ at }) => at)) } };
  const update = updateItem({
    TableName: dynamo.tables.hosts,
    Key: hostKey(hostId, HEARTBEAT_ITEM),
    UpdateExpression: "SET #heard = :heard",
    // A later report has a mark of its own by now, and puts them together itself.
    ConditionExpression: "#bootOrdinal = :bootOrdinal AND #seq = :seq",
    ExpressionAttributeNames: names("heard", "bootOrdinal", "seq"),
    ExpressionAttributeValues: values({ heard, bootOrdinal, seq }),
  });
  const doing = `putting the marks of host ${hostId} together`;
  await conditional(dynamo, doing, () => dynamo.documents.send(update));
  return { ...heartbeat, heard };
}
