/**
 * Room on hosts: an item for each reservation and the sum on the host's item, always written together.
 */
import type { Placement } from "../app/ports.ts";
import type { ReserveEffect } from "../model/effect.ts";
import type { Capacity } from "../model/host.ts";
import type { HostId, VmId } from "../model/ids.ts";
import { byRoom, hostFact, takesVms, whyRefused } from "../model/placement.ts";
import { PlaceableRow, ReservationRow } from "../model/rows.ts";
import { getItem, queryItems, type Row, type TransactAction, updateItem } from "./documents.ts";
import { conditional, type Dynamo, transact } from "./dynamo-call.ts";
import { parseRow } from "./dynamo-row.ts";
import { names, values } from "./expression.ts";
import {
  HOST_ITEM,
  hostKey,
  PLACEMENT_UP,
  parseHost,
  RESERVATION_PREFIX,
  reservationItem,
  reservationVmId,
} from "./host-row.ts";
import { ttlSeconds } from "./job-row.ts";
import { calling, ServiceFailure } from "./service-failure.ts";

/** One query of a few hundred KB; of more hosts than this, placement sees the first by id. */
const CANDIDATES_READ_MAX = 1000;
/** A reservation changes between reading and deleting only when another worker releases it: the second try finds nothing. */
const RELEASE_ATTEMPTS_MAX = 3;
/** Longer than any worker can be late with effects that it holds in memory. */
const GIVEN_BACK_KEPT_MS = 24 * 60 * 60 * 1000;

export function dynamoPlacement(dynamo: Dynamo): Placement {
  const { documents, tables } = dynamo;
  return {
    candidates: async (limit) => {
      const rows = await queryPlaceable(dynamo);
      return rows.filter(takesVms).map(hostFact).toSorted(byRoom).slice(0, limit);
    },
    host: async (id) => {
      const get = { TableName: tables.hosts, Key: hostKey(id, HOST_ITEM), ConsistentRead: true };
      const answer = await calling(`reading host ${id}`, () => documents.send(getItem(get)));
      return answer.Item === undefined ? undefined : hostFact(parseHost(tables.hosts, answer.Item));
    },
    holders: (id) => queryHolders(dynamo, id),
    reserve: (effect) => reserve(dynamo, effect),
    release: (release) => releaseRoom(dynamo, release),
  };
}

async function queryPlaceable({ documents, tables }: Dynamo) {
  const query = queryItems({
    TableName: tables.hosts,
    IndexName: "placeable",
    KeyConditionExpression: "#placement = :up",
    ExpressionAttributeNames: names("placement"),
    ExpressionAttributeValues: values({ up: PLACEMENT_UP }),
    Limit: CANDIDATES_READ_MAX,
  });
  const answer = await calling("looking for hosts with room", () => documents.send(query));
  return (answer.Items ?? []).map((row) =>
    parseRow(
      PlaceableRow,
      { ...row, id: row["hostId"] },
      { table: tables.hosts, key: "placeable" },
    ),
  );
}

/** The reservations of a host stand side by side under their prefix. */
async function queryHolders(
  { documents, tables }: Dynamo,
  hostId: HostId,
): Promise<readonly VmId[]> {
  const held: VmId[] = [];
  let from: Row | undefined;
  do {
    const query = queryItems({
      TableName: tables.hosts,
      KeyConditionExpression: "#hostId = :hostId AND begins_with(#item, :prefix)",
      FilterExpression: "#held = :yes",
      ProjectionExpression: "#item",
      ExpressionAttributeNames: names("hostId", "item", "held"),
      ExpressionAttributeValues: values({ hostId, prefix: RESERVATION_PREFIX, yes: true }),
      ConsistentRead: true,
      ExclusiveStartKey: from,
    });
    const doing = `looking for the VMs that hold room on host ${hostId}`;
    const page = await calling(doing, () => documents.send(query));
    for (const row of page.Items ?? []) held.push(reservationVmId(row));
    from = page.LastEvaluatedKey;
  } while (from !== undefined);
  return held;
}

type Actions = readonly TransactAction[];

async function reserve(dynamo: Dynamo, effect: ReserveEffect) {
  const { hostId, vmId } = effect;
  const table = dynamo.tables.hosts;
  const doing = `reserving room for VM ${vmId} on host ${hostId}`;
  const outcome = await transact(dynamo, doing, reserveActions(table, effect));
  if (outcome.held) return { status: "held" } as const;
  const [reservation, host] = outcome.failed;
  if (reservation !== undefined) return holdAgain(dynamo, effect, reservation.stored);
  if (host?.stored === undefined) return { status: "refused", reason: "host_not_found" } as const;
  const reason = whyRefused(parseHost(table, host.stored), effect);
  if (reason === undefined) throw new Error(`${doing}: refused by the condition, not by the rules`);
  return { status: "refused", reason } as const;
}

/** What this VM holds there already is its own, whatever has become of the host; an older release frees it no more. */
async function holdAgain(dynamo: Dynamo, effect: ReserveEffect, stored: Row | undefined) {
  const { hostId, vmId, revision } = effect;
  const table = dynamo.tables.hosts;
  const key = hostKey(hostId, reservationItem(vmId));
  const before = parseRow(ReservationRow, stored, { table, key: `${hostId} ${key.item}` });
  if (!before.held) return { status: "refused", reason: "superseded" } as const;
  if (before.revision >= revision) return { status: "held" } as const;
  const raise = updateItem({
    TableName: table,
    Key: key,
    UpdateExpression: "SET #revision = :revision",
    ConditionExpression: "#held = :yes AND #revision < :revision",
    ExpressionAttributeNames: names("held", "revision"),
    ExpressionAttributeValues: values({ yes: true, revision }),
  });
  const doing = `holding room for VM ${vmId} on host ${hostId} again`;
  const raised = await conditional(dynamo, doing, () => dynamo.documents.send(raise));
  // Changed since it was read: given back by now, or held at a later revision. The next try tells which.
  if (!raised.held)
    throw new ServiceFailure(doing, new Error("it changed meanwhile"), { transient: true });
  return { status: "held" } as const;
}

function reserveActions(table: string, effect: ReserveEffect): Actions {
  const { hostId, vmId, jobId, revision, need } = effect;
  return [
    {
      Put: {
        TableName: table,
        Item: { ...hostKey(hostId, reservationItem(vmId)), need, jobId, revision, held: true },
        ConditionExpression:
          "attribute_not_exists(#hostId) OR (#held = :no AND #revision < :revision)",
        ExpressionAttributeNames: names("hostId", "held", "revision"),
        ExpressionAttributeValues: values({ no: false, revision }),
        ReturnValuesOnConditionCheckFailure: "ALL_OLD",
      },
    },
    {
      Update: {
        TableName: table,
        Key: hostKey(hostId, HOST_ITEM),
        UpdateExpression: CHANGE_SUMS,
        ...(effect.found === true ? whateverItsState(need) : takesIt(effect)),
        ReturnValuesOnConditionCheckFailure: "ALL_OLD",
      },
    },
  ];
}

/** The VM is there already: only that there is such a host. */
function whateverItsState(need: Capacity) {
  return {
    ConditionExpression: "attribute_exists(#hostId)",
    ExpressionAttributeNames: { ...SUM_NAMES, ...names("hostId") },
    ExpressionAttributeValues: sumValues(need),
  };
}

/** The same rules as `whyRefused`, which reads the stored item when this fails. */
function takesIt({ need, boot, ...effect }: ReserveEffect) {
  const labels = Object.entries(effect.labels);
  const labelsMatch = labels.map((_, index) => ` AND #labels.#label${index} = :label${index}`);
  return {
    ConditionExpression:
      "#state = :up AND #maintenance = :no AND #bootId = :bootId AND #bootOrdinal = :bootOrdinal" +
      labelsMatch.join("") +
      " AND (attribute_not_exists(#capacity) OR (#freeCpus >= :cpus AND #freeMemoryMiB >= :memoryMiB))",
    ExpressionAttributeNames: {
      ...SUM_NAMES,
      ...names("state", "maintenance", "bootId", "bootOrdinal", "capacity"),
      ...(labels.length === 0 ? {} : names("labels")),
      ...Object.fromEntries(labels.map(([name], index) => [`#label${index}`, name])),
    },
    ExpressionAttributeValues: {
      ...sumValues(need),
      ...values({ up: "Up", no: false, bootId: boot.bootId, bootOrdinal: boot.bootOrdinal }),
      ...Object.fromEntries(labels.map(([, value], index) => [`:label${index}`, value])),
    },
  };
}

type Release = Parameters<Placement["release"]>[0];

async function releaseRoom(dynamo: Dynamo, release: Release): Promise<void> {
  const { hostId, vmId, revision } = release;
  const table = dynamo.tables.hosts;
  const doing = `releasing the room of VM ${vmId} on host ${hostId}`;
  const key = hostKey(hostId, reservationItem(vmId));
  for (let attempts = 1; attempts <= RELEASE_ATTEMPTS_MAX; attempts += 1) {
    const get = getItem({ TableName: table, Key: key, ConsistentRead: true });
    const { Item: row } = await calling(doing, () => dynamo.documents.send(get));
    const before =
      row === undefined
        ? undefined
        : parseRow(ReservationRow, row, { table, key: `${hostId} ${key.item}` });
    if (before !== undefined && before.revision > revision) return;
    const outcome = await transact(dynamo, doing, releaseActions(dynamo, release, before));
    if (outcome.held) return;
    // The host is gone and its sum with it; what it held goes too, lest a host of that name finds it held.
    if (outcome.failed[0] === undefined) {
      const gone = [releaseActions(dynamo, release, before)[0]].filter(
        (each) => each !== undefined,
      );
      if ((await transact(dynamo, doing, gone)).held) return;
    }
  }
  const changed = new Error(`changed ${RELEASE_ATTEMPTS_MAX} times meanwhile`);
  throw new ServiceFailure(doing, changed, { transient: true });
}

/** The reservation is kept as given back for a day: an older reserve that somebody sends again takes nothing. */
function releaseActions(
  { tables, clock }: Dynamo,
  { hostId, vmId, revision }: Release,
  before: ReservationRow | undefined,
): Actions {
  const table = tables.hosts;
  const given: Actions[number] = {
    Put: {
      TableName: table,
      Item: {
        ...hostKey(hostId, reservationItem(vmId)),
        revision,
        held: false,
        expiresAt: ttlSeconds(clock.now() + GIVEN_BACK_KEPT_MS),
      },
      ...(before === undefined
        ? {
            ConditionExpression: "attribute_not_exists(#hostId)",
            ExpressionAttributeNames: names("hostId"),
          }
        : {
            ConditionExpression: "#held = :held AND #revision = :before",
            ExpressionAttributeNames: names("held", "revision"),
            ExpressionAttributeValues: values({ held: before.held, before: before.revision }),
          }),
    },
  };
  if (before?.held !== true) return [given];
  const { cpus, memoryMiB } = before.need;
  return [
    given,
    {
      Update: {
        TableName: table,
        Key: hostKey(hostId, HOST_ITEM),
        UpdateExpression: CHANGE_SUMS,
        ConditionExpression: "attribute_exists(#hostId)",
        ExpressionAttributeNames: { ...SUM_NAMES, ...names("hostId") },
        ExpressionAttributeValues: sumValues({ cpus: -cpus, memoryMiB: -memoryMiB }),
      },
    },
  ];
}

const CHANGE_SUMS =
  "SET #reserved.#cpus = #reserved.#cpus + :cpus, #reserved.#memoryMiB = #reserved.#memoryMiB + :memoryMiB, " +
  "#freeCpus = #freeCpus - :cpus, #freeMemoryMiB = #freeMemoryMiB - :memoryMiB";
const SUM_NAMES = names("reserved", "cpus", "memoryMiB", "freeCpus", "freeMemoryMiB");

/** What is taken; negative gives back. */
function sumValues({ cpus, memoryMiB }: { readonly cpus: number; readonly memoryMiB: number }) {
  return values({ cpus, memoryMiB });
}
