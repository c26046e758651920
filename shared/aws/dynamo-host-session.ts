/**
 * What changes a host's registration and its heartbeat together: joining, opening a session, silence and its end. One
 * transaction each, so that neither says of the boot, or of being heard, what the other denies.
 */
import { GetCommand, type TransactWriteCommandInput } from "@aws-sdk/lib-dynamodb";
import type { HostStore } from "../app/ports.ts";
import type { Heartbeat } from "../model/host.ts";
import type { HostId } from "../model/ids.ts";
import { type Dynamo, transact } from "./dynamo-call.ts";
import { names, values } from "./expression.ts";
import { HEARTBEAT_ITEM, HOST_ITEM, hostKey, PLACEMENT_UP, parseHeartbeat } from "./host-row.ts";
import { calling, ServiceFailure } from "./service-failure.ts";

type Request<K extends "join" | "openSession" | "markSilent"> = Parameters<HostStore[K]>[0];
type Answer<K extends "join" | "openSession" | "markSilent"> = Awaited<ReturnType<HostStore[K]>>;
type Update = NonNullable<
  NonNullable<TransactWriteCommandInput["TransactItems"]>[number]["Update"]
>;
/** An update but for its table and key. */
type Change = Omit<Update, "TableName" | "Key">;

/** Each further attempt needs another session, join or silence to have come in between. */
const SESSION_ATTEMPTS_MAX = 5;

export async function join(dynamo: Dynamo, request: Request<"join">): Promise<Answer<"join">> {
  const { hostId, tokenHash, publicKey, queueUrl, queueGeneration, now } = request;
  const registration = {
    UpdateExpression:
      "SET #queueUrl = :queueUrl, #queueGeneration = :queueGeneration" +
      " REMOVE #joinTokenHash, #joinTokenExpiresAt, #bootId, #placement",
    ConditionExpression: "#joinTokenHash = :tokenHash AND #joinTokenExpiresAt > :now",
    ExpressionAttributeNames: names(
      ...["queueUrl", "queueGeneration", "joinTokenHash", "joinTokenExpiresAt"],
      ...["bootId", "placement"],
    ),
    ExpressionAttributeValues: values({ queueUrl, queueGeneration, tokenHash, now }),
  };
  // The ordinal outlives the key: what an earlier agent said must stay older than all that this one will say.
  const heartbeat = {
    UpdateExpression:
      "SET #publicKey = :publicKey, #bootOrdinal = if_not_exists(#bootOrdinal, :none), " +
      "#vmCount = if_not_exists(#vmCount, :none), #seq = :unheard REMOVE #bootId",
    ExpressionAttributeNames: names("publicKey", "bootOrdinal", "vmCount", "seq", "bootId"),
    ExpressionAttributeValues: values({ publicKey, none: 0, unheard: -1 }),
  };
  const doing = `joining host ${hostId}`;
  const outcome = await changeBoth(dynamo, doing, { hostId, registration, heartbeat });
  return outcome.held ? "joined" : "refused";
}

export async function openSession(
  dynamo: Dynamo,
  session: Request<"openSession">,
): Promise<Answer<"openSession">> {
  const { hostId, publicKey, bootId } = session;
  const doing = `opening session ${bootId} of host ${hostId}`;
  for (let attempts = 1; attempts <= SESSION_ATTEMPTS_MAX; attempts += 1) {
    const heartbeat = await readHeartbeat(dynamo, hostId);
    if (heartbeat?.publicKey !== publicKey) return { status: "refused" };
    const { bootOrdinal, silent } = heartbeat;
    const same = heartbeat.bootId === bootId;
    if (same && silent !== true) return { status: "open", bootOrdinal };
    const next = same ? bootOrdinal : bootOrdinal + 1;
    const change = sessionChange(session, { read: heartbeat, next });
    const outcome = await changeBoth(dynamo, doing, { hostId, ...change });
    if (outcome.held) return { status: "open", bootOrdinal: next };
    // The host is being deleted: its heartbeat is still there and nothing else.
    if (outcome.failed[0] !== undefined) return { status: "refused" };
  }
  const overtaken = new Error(`overtaken ${SESSION_ATTEMPTS_MAX} times`);
  throw new ServiceFailure(doing, overtaken, { transient: true });
}

/**
 * The session is a sign of life, noted as `lastReportAt`: else the sweeper would find a host silent that has just come
 * back, and never one that opened a session and said no more.
 */
function sessionChange(
  { publicKey, bootId, agentVersion, migrationUri, now }: Request<"openSession">,
  { read, next }: { readonly read: Heartbeat; readonly next: number },
): { readonly registration: Change; readonly heartbeat: Change } {
  const seq = next === read.bootOrdinal ? read.seq : -1;
  return {
    registration: {
      UpdateExpression:
        "SET #state = :up, #bootId = :bootId, #bootOrdinal = :next, #placement = :placement" +
        (migrationUri === undefined ? " REMOVE #migrationUri" : ", #migrationUri = :migrationUri"),
      ConditionExpression: "attribute_exists(#hostId)",
      ExpressionAttributeNames: names(
        ...["state", "bootId", "bootOrdinal", "placement", "hostId", "migrationUri"],
      ),
      ExpressionAttributeValues: values({
        ...{ up: "Up", bootId, next, placement: PLACEMENT_UP },
        ...(migrationUri === undefined ? {} : { migrationUri }),
      }),
    },
    heartbeat: {
      UpdateExpression:
        "SET #bootId = :bootId, #bootOrdinal = :next, #seq = :seq, #agentVersion = :agentVersion, " +
        `#lastReportAt = :now${next === read.bootOrdinal ? "" : ", #heard = :none"} REMOVE #silent`,
      ConditionExpression: "#publicKey = :publicKey AND #bootOrdinal = :read AND #seq = :seqRead",
      ExpressionAttributeNames: names(
        ...["bootId", "bootOrdinal", "seq", "agentVersion"],
        ...["lastReportAt", "silent", "publicKey"],
        ...(next === read.bootOrdinal ? [] : ["heard"]),
      ),
      ExpressionAttributeValues: values({
        ...{ bootId, next, seq, agentVersion, now, publicKey },
        ...{ read: read.bootOrdinal, seqRead: read.seq },
        ...(next === read.bootOrdinal ? {} : { none: {} }),
      }),
    },
  };
}

export async function markSilent(
  dynamo: Dynamo,
  { hostId, lastReportAt, state }: Request<"markSilent">,
): Promise<Answer<"markSilent">> {
  const outcome = await changeBoth(dynamo, `noting host ${hostId} as ${state}`, {
    hostId,
    registration: {
      UpdateExpression: "SET #state = :state REMOVE #placement",
      ConditionExpression: "attribute_exists(#hostId)",
      ExpressionAttributeNames: names("state", "placement", "hostId"),
      ExpressionAttributeValues: values({ state }),
    },
    heartbeat: {
      UpdateExpression: "SET #silent = :yes",
      ConditionExpression: "#lastReportAt <= :lastReportAt",
      ExpressionAttributeNames: names("silent", "lastReportAt"),
      ExpressionAttributeValues: values({ yes: true, lastReportAt }),
    },
  });
  return outcome.held ? "marked" : "heard_since";
}

export async function markHeard(dynamo: Dynamo, hostId: HostId): Promise<void> {
  // A condition that fails is fine: the host is not silent any more, or a session has said so before.
  await changeBoth(dynamo, `noting host ${hostId} as heard again`, {
    hostId,
    registration: {
      UpdateExpression: "SET #state = :up, #placement = :placement",
      ConditionExpression: "#state IN (:disconnected, :down)",
      ExpressionAttributeNames: names("state", "placement"),
      ExpressionAttributeValues: values({
        ...{ up: "Up", placement: PLACEMENT_UP },
        ...{ disconnected: "Disconnected", down: "Down" },
      }),
    },
    heartbeat: {
      UpdateExpression: "REMOVE #silent",
      ConditionExpression: "attribute_exists(#hostId)",
      ExpressionAttributeNames: names("silent", "hostId"),
    },
  });
}

function changeBoth(
  dynamo: Dynamo,
  doing: string,
  change: { readonly hostId: HostId; readonly registration: Change; readonly heartbeat: Change },
) {
  const table = { TableName: dynamo.tables.hosts };
  const { hostId, registration, heartbeat } = change;
  return transact(dynamo, doing, [
    { Update: { ...table, Key: hostKey(hostId, HOST_ITEM), ...registration } },
    { Update: { ...table, Key: hostKey(hostId, HEARTBEAT_ITEM), ...heartbeat } },
  ]);
}

async function readHeartbeat(
  { documents, tables }: Dynamo,
  hostId: HostId,
): Promise<Heartbeat | undefined> {
  const get = new GetCommand({
    TableName: tables.hosts,
    Key: hostKey(hostId, HEARTBEAT_ITEM),
    ConsistentRead: true,
  });
  const answer = await calling(`reading the heartbeat of host ${hostId}`, () =>
    documents.send(get),
  );
  return answer.Item === undefined ? undefined : parseHeartbeat(tables.hosts, answer.Item);
}
