/**
 * What changes a host's registration and its heartbeat together: joining, opening a session, silence and its end (fences are
 * in dynamo-host-life.ts). One transaction each, so that neither says of the boot, or of being heard, what the other denies.
 */
import type { HostStore } from "../app/ports.ts";
import type { Heartbeat } from "../model/host.ts";
import type { HostId } from "../model/ids.ts";
import { getItem, type UpdateAction } from "./documents.ts";
import { type Dynamo, transact } from "./dynamo-call.ts";
import { names, values } from "./expression.ts";
import { HEARTBEAT_ITEM, HOST_ITEM, hostKey, PLACEMENT_UP, parseHeartbeat } from "./host-row.ts";
import { calling, ServiceFailure } from "./service-failure.ts";

type Request<K extends "join" | "openSession" | "markSilent"> = Parameters<HostStore[K]>[0];
type Answer<K extends "join" | "openSession" | "markSilent"> = Awaited<ReturnType<HostStore[K]>>;
/** An update but for its table and key. */
export type Change = Omit<UpdateAction, "TableName" | "Key">;

/** Each further attempt needs another session, join or silence to have come in between. */
const SESSION_ATTEMPTS_MAX = 5;

export async function join(dynamo: Dynamo, request: Request<"join">): Promise<Answer<"join">> {
  const { hostId, tokenHash, publicKey, queueUrl, queueGeneration, bootOrdinal, now } = request;
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
      "SET #publicKey = :publicKey, #bootOrdinal = if_not_exists(#bootOrdinal, :bootOrdinal), " +
      "#vmCount = if_not_exists(#vmCount, :none), #seq = :unheard REMOVE #bootId",
    ExpressionAttributeNames: names("publicKey", "bootOrdinal", "vmCount", "seq", "bootId"),
    ExpressionAttributeValues: values({ publicKey, bootOrdinal, none: 0, unheard: -1 }),
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
    const [registration] = outcome.failed;
    if (registration !== undefined && registration.stored === undefined)
      return { status: "refused" }; // it was deleted meanwhile
  }
  const overtaken = new Error(`overtaken ${SESSION_ATTEMPTS_MAX} times`);
  throw new ServiceFailure(doing, overtaken, { transient: true });
}

type Opening = { readonly read: Heartbeat; readonly next: number };

/**
 * The session is a sign of life, noted as `lastReportAt`: else the sweeper would find a host silent that has just come
 * back, and never one that opened a session and said no more.
 */
function sessionChange(
  session: Request<"openSession">,
  opening: Opening,
): { readonly registration: Change; readonly heartbeat: Change } {
  const { publicKey, bootId, agentVersion, now } = session;
  const { read, next } = opening;
  const isNewBoot = next !== read.bootOrdinal;
  return {
    registration: registrationChange(session, opening),
    heartbeat: {
      UpdateExpression:
        "SET #bootId = :bootId, #bootOrdinal = :next, #seq = :seq, #agentVersion = :agentVersion, " +
        `#lastReportAt = :now${isNewBoot ? ", #heard = :none" : ""} REMOVE #silent`,
      ConditionExpression: "#publicKey = :publicKey AND #bootOrdinal = :read AND #seq = :seqRead",
      ExpressionAttributeNames: names(
        ...["bootId", "bootOrdinal", "seq", "agentVersion"],
        ...["lastReportAt", "silent", "publicKey"],
        ...(isNewBoot ? ["heard"] : []),
      ),
      ExpressionAttributeValues: values({
        ...{ bootId, next, seq: isNewBoot ? -1 : read.seq, agentVersion, now, publicKey },
        ...{ read: read.bootOrdinal, seqRead: read.seq },
        ...(isNewBoot ? { none: {} } : {}),
      }),
    },
  };
}

/** A fenced host is not Up by its session: it has to say first what is true there. */
function registrationChange(
  { bootId, migrationUri, queue }: Request<"openSession">,
  { read, next }: Opening,
): Change {
  const isFenced = read.fenced === true;
  const set = {
    bootId,
    bootOrdinal: next,
    ...(isFenced ? {} : { state: "Up", placement: PLACEMENT_UP }),
    ...(migrationUri === undefined ? {} : { migrationUri }),
    ...(queue === undefined ? {} : { queueUrl: queue.url, queueGeneration: queue.generation }),
  };
  const removed = [
    ...(migrationUri === undefined ? ["migrationUri"] : []),
    ...(isFenced ? [] : ["untold"]),
  ];
  const remove =
    removed.length === 0 ? "" : ` REMOVE ${removed.map((each) => `#${each}`).join(", ")}`;
  return {
    UpdateExpression: `SET ${Object.keys(set)
      .map((name) => `#${name} = :${name}`)
      .join(", ")}${remove}`,
    ConditionExpression: `attribute_exists(#hostId) AND ${isFenced ? "attribute_exists" : "attribute_not_exists"}(#fence)`,
    ExpressionAttributeNames: names(...Object.keys(set), ...removed, "hostId", "fence"),
    ExpressionAttributeValues: values(set),
    ReturnValuesOnConditionCheckFailure: "ALL_OLD",
  };
}

export async function markSilent(
  dynamo: Dynamo,
  { hostId, lastReportAt, state }: Request<"markSilent">,
): Promise<Answer<"markSilent">> {
  const isDown = state === "Down";
  const outcome = await changeBoth(dynamo, `noting host ${hostId} as ${state}`, {
    hostId,
    registration: {
      UpdateExpression: `SET #state = :state${isDown ? ", #untold = :lost" : ""} REMOVE #placement`,
      ConditionExpression: "attribute_exists(#hostId) AND attribute_not_exists(#fence)",
      ExpressionAttributeNames: names(
        ...["state", "placement", "hostId", "fence"],
        ...(isDown ? ["untold"] : []),
      ),
      ExpressionAttributeValues: values({ state, ...(isDown ? { lost: "lost" } : {}) }),
    },
    heartbeat: {
      UpdateExpression: `SET #silent = :yes${isDown ? " REMOVE #applied" : ""}`,
      ConditionExpression: "#lastReportAt <= :lastReportAt",
      ExpressionAttributeNames: names("silent", "lastReportAt", ...(isDown ? ["applied"] : [])),
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
      UpdateExpression: "SET #state = :up, #placement = :placement REMOVE #untold",
      ConditionExpression: "#state IN (:disconnected, :down) AND attribute_not_exists(#fence)",
      ExpressionAttributeNames: names("state", "placement", "untold", "fence"),
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

/** Registration and heartbeat, both or none. */
export function changeBoth(
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
  const get = getItem({
    TableName: tables.hosts,
    Key: hostKey(hostId, HEARTBEAT_ITEM),
    ConsistentRead: true,
  });
  const answer = await calling(`reading the heartbeat of host ${hostId}`, () =>
    documents.send(get),
  );
  return answer.Item === undefined ? undefined : parseHeartbeat(tables.hosts, answer.Item);
}
