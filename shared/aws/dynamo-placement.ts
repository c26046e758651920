/**
 * Room on hosts: an item for each reservation and the sum on the host's item, always written together.
 */
import {
  DeleteCommand,
  GetCommand,
  QueryCommand,
  type TransactWriteCommandInput,
} from "@aws-sdk/lib-dynamodb";
import type { Placement } from "../app/ports.ts";
import type { ReserveEffect } from "../model/effect.ts";
import type { HostId, VmId } from "../model/ids.ts";
import { byRoom, hostFact, takesVms, whyRefused } from "../model/placement.ts";
import { PlaceableRow, ReservationRow } from "../model/rows.ts";
import { type Dynamo, type Row, transact } from "./dynamo-call.ts";
import { parseRow } from "./dynamo-row.ts";
import { names, values } from "./expression.ts";
import { HOST_ITEM, hostKey, PLACEMENT_UP, parseHost, reservationItem } from "./host-row.ts";
import { calling, ServiceFailure } from "./service-failure.ts";

/** One query of a few hundred KB; of more hosts than this, placement sees the first by id. */
const CANDIDATES_READ_MAX = 1000;
/** A reservation changes between reading and deleting only when another worker releases it: the second try finds nothing. */
const RELEASE_ATTEMPTS_MAX = 3;

export function dynamoPlacement(dynamo: Dynamo): Placement {
  const { documents, tables } = dynamo;
  return {
    candidates: async (limit) => {
      const rows = await queryPlaceable(dynamo);
      return rows.filter(takesVms).map(hostFact).toSorted(byRoom).slice(0, limit);
    },
    host: async (id) => {
      const get = { TableName: tables.hosts, Key: hostKey(id, HOST_ITEM), ConsistentRead: true };
      const answer = await calling(`reading host ${id}`, () => documents.send(new GetCommand(get)));
      return answer.Item === undefined ? undefined : hostFact(parseHost(tables.hosts, answer.Item));
    },
    reserve: (effect) => reserve(dynamo, effect),
    release: (release) => releaseRoom(dynamo, release),
  };
}

async function queryPlaceable({ documents, tables }: Dynamo) {
  const query = new QueryCommand({
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

type Actions = NonNullable<TransactWriteCommandInput["TransactItems"]>;

async function reserve(dynamo: Dynamo, effect: ReserveEffect) {
  const { hostId, vmId } = effect;
  const table = dynamo.tables.hosts;
  const doing = `reserving room for VM ${vmId} on host ${hostId}`;
  const outcome = await transact(dynamo, doing, reserveActions(table, effect));
  if (outcome.held) return { status: "held" } as const;
  const [reservation, host] = outcome.failed;
  // What this VM holds there already is its own, whatever has become of the host.
  if (reservation !== undefined) return { status: "held" } as const;
  if (host?.stored === undefined) return { status: "refused", reason: "host_not_found" } as const;
  const reason = whyRefused(parseHost(table, host.stored), effect);
  if (reason === undefined) throw new Error(`${doing}: refused by the condition, not by the rules`);
  return { status: "refused", reason } as const;
}

function reserveActions(table: string, effect: ReserveEffect): Actions {
  const { hostId, vmId, jobId, need, boot } = effect;
  const labels = Object.entries(effect.labels);
  const labelsMatch = labels.map((_, index) => ` AND #labels.#label${index} = :label${index}`);
  return [
    {
      Put: {
        TableName: table,
        Item: { ...hostKey(hostId, reservationItem(vmId)), need, jobId },
        ConditionExpression: "attribute_not_exists(#hostId)",
        ExpressionAttributeNames: names("hostId"),
      },
    },
    {
      Update: {
        TableName: table,
        Key: hostKey(hostId, HOST_ITEM),
        UpdateExpression: CHANGE_SUMS,
        // The same rules as `whyRefused`, which reads the stored item when this fails.
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
        ReturnValuesOnConditionCheckFailure: "ALL_OLD",
      },
    },
  ];
}

async function releaseRoom(
  dynamo: Dynamo,
  { hostId, vmId }: { readonly hostId: HostId; readonly vmId: VmId },
): Promise<void> {
  const table = dynamo.tables.hosts;
  const doing = `releasing the room of VM ${vmId} on host ${hostId}`;
  const key = hostKey(hostId, reservationItem(vmId));
  for (let attempts = 1; attempts <= RELEASE_ATTEMPTS_MAX; attempts += 1) {
    const get = new GetCommand({ TableName: table, Key: key, ConsistentRead: true });
    const { Item: row } = await calling(doing, () => dynamo.documents.send(get));
    if (row === undefined) return;
    const outcome = await transact(dynamo, doing, releaseActions(table, { hostId, key, row }));
    if (outcome.held) return;
    if (outcome.failed[0] === undefined) {
      // The host is gone and its sum with it; the reservation goes too, lest a host of that name finds it held.
      await calling(doing, () =>
        dynamo.documents.send(new DeleteCommand({ TableName: table, Key: key })),
      );
      return;
    }
  }
  throw new ServiceFailure(doing, new Error(`changed ${RELEASE_ATTEMPTS_MAX} times meanwhile`));
}

function releaseActions(
  table: string,
  { hostId, key, row }: { readonly hostId: HostId; readonly key: Row; readonly row: Row },
): Actions {
  const { need, jobId } = parseRow(ReservationRow, row, { table, key: `${hostId} ${row["item"]}` });
  return [
    {
      Delete: {
        TableName: table,
        Key: { ...key },
        ConditionExpression: "#jobId = :jobId AND #need = :need",
        ExpressionAttributeNames: names("jobId", "need"),
        ExpressionAttributeValues: values({ jobId, need }),
      },
    },
    {
      Update: {
        TableName: table,
        Key: hostKey(hostId, HOST_ITEM),
        UpdateExpression: CHANGE_SUMS,
        ConditionExpression: "attribute_exists(#hostId)",
        ExpressionAttributeNames: { ...SUM_NAMES, ...names("hostId") },
        ExpressionAttributeValues: sumValues({ cpus: -need.cpus, memoryMiB: -need.memoryMiB }),
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
