/**
 * The apartments' records: one item each, the record in the attribute `record`, its keys for the indexes beside it.
 *
 * A2 is upheld by `commit`: the one write, conditional on the version before it.
 */
import type { ApartmentStore, VmFilter } from "../app/ports.ts";
import { AnyApartmentRecord, type ApartmentRecord, isOfVm } from "../model/apartment-record.ts";
import type { ApartmentId, HostId, JobId } from "../model/ids.ts";
import { vmMatches } from "../model/list-filters.ts";
import { CreatedRow, DomainRow, DueRow } from "../model/rows.ts";
import { VmAtHost, vmAtHost } from "../model/vm-at-host.ts";
import { deleteItem, getItem, putItem, queryItems, type Row } from "./documents.ts";
import { batchGet } from "./dynamo-batch-get.ts";
import { conditional, type Dynamo } from "./dynamo-call.ts";
import { type IndexListing, listIndex } from "./dynamo-list.ts";
import { parseRecord, parseRow } from "./dynamo-row.ts";
import { names, values } from "./expression.ts";
import { ALL_INDEX_SHARDS, indexShard } from "./index-shard.ts";
import { ttlSeconds, unexpiredJobs } from "./job-row.ts";
import { calling } from "./service-failure.ts";

export function dynamoApartmentStore(dynamo: Dynamo): ApartmentStore {
  const { documents, tables } = dynamo;
  const read = async (id: ApartmentId) => {
    const get = { TableName: tables.apartments, Key: { id }, ConsistentRead: true };
    const answer = await calling(`reading apartment ${id}`, () => documents.send(getItem(get)));
    return answer.Item === undefined ? undefined : parseApartment(tables.apartments, answer.Item);
  };
  return {
    read: async (id) => {
      const record = await read(id);
      return record !== undefined && isOfVm(record) ? record : undefined;
    },
    createHost: async (record) => {
      const put = {
        TableName: tables.apartments,
        Item: apartmentItem(record),
        ConditionExpression: "attribute_not_exists(#id)",
        ExpressionAttributeNames: names("id"),
      };
      const doing = `making apartment ${record.id}`;
      const written = await conditional(dynamo, doing, () => documents.send(putItem(put)));
      return written.held ? "created" : "exists";
    },
    load: async (id, jobIds) =>
      jobIds.length === 0 ? { record: await read(id), jobs: [] } : load(dynamo, id, jobIds),
    commit: async (next) => {
      const put = {
        TableName: tables.apartments,
        Item: apartmentItem(next),
        ConditionExpression: "#version = :before",
        ExpressionAttributeNames: names("version"),
        ExpressionAttributeValues: values({ before: next.version - 1 }),
      };
      const doing = `committing version ${next.version} of apartment ${next.id}`;
      const written = await conditional(dynamo, doing, () => documents.send(putItem(put)));
      return written.held ? "committed" : "conflict";
    },
    list: (filter, page) => listIndex(dynamo, apartmentListing(dynamo, filter), page),
    atHost: (hostId) => atHost(dynamo, hostId),
    due: (query) => due(dynamo, query),
    readDomainXml: async (id, version) => {
      const get = { TableName: tables.domains, Key: { vmId: id, version }, ConsistentRead: true };
      const doing = `reading domain XML ${version} of VM ${id}`;
      const { Item: row } = await calling(doing, () => documents.send(getItem(get)));
      const address = { table: tables.domains, key: `${id} ${version}` };
      return row === undefined ? undefined : parseRow(DomainRow, row, address).xml;
    },
    forgetDomainXml: async (id, version) => {
      const forget = { TableName: tables.domains, Key: { vmId: id, version } };
      const doing = `forgetting domain XML ${version} of VM ${id}`;
      await calling(doing, () => documents.send(deleteItem(forget)));
    },
  };
}

/** The item of a record, for whoever writes one (`Submissions` makes the first). */
export function apartmentItem(record: AnyApartmentRecord): Row {
  const due =
    record.wakeAt === undefined ? {} : { wakeShard: indexShard(record.id), wakeAt: record.wakeAt };
  const gone = isOfVm(record) ? record.gone : undefined;
  const there = isOfVm(record) ? vmAtHost(record) : undefined;
  return {
    ...(there && { ...there.row, lastAt: there.lastAt }),
    id: record.id,
    version: record.version,
    ...(gone === undefined ? {} : { expiresAt: ttlSeconds(gone.keptUntil) }),
    ...(isOfVm(record) ? { kind: "vm", account: record.vm.account } : { kind: "host-apartment" }),
    createdAt: record.createdAt,
    ...due,
    record,
  };
}

async function load(dynamo: Dynamo, id: ApartmentId, jobIds: readonly JobId[]) {
  const { apartments, jobs } = dynamo.tables;
  const found = await batchGet(dynamo, `loading apartment ${id}`, {
    [apartments]: { keys: [{ id }], consistent: true },
    [jobs]: { keys: [...new Set(jobIds)].map((jobId) => ({ id: jobId })), consistent: true },
  });
  const row = found.get(apartments)?.[0];
  return {
    record: row === undefined ? undefined : parseApartment(apartments, row),
    jobs: unexpiredJobs(dynamo, found.get(jobs) ?? []),
  };
}

/** Of 1 MiB, or some 5,000 VMs each. What is beyond looks as if it were not there, and is told again without need. */
const HOST_PAGES_MAX = 10;

async function atHost({ documents, tables }: Dynamo, hostId: HostId): Promise<readonly VmAtHost[]> {
  const doing = `looking for the VMs of host ${hostId}`;
  const found: VmAtHost[] = [];
  let after: Row | undefined;
  for (let pages = 0; pages < HOST_PAGES_MAX; pages += 1) {
    const query = queryItems({
      TableName: tables.apartments,
      IndexName: "byHost",
      KeyConditionExpression: "#lastAt = :hostId",
      ExpressionAttributeNames: names("lastAt"),
      ExpressionAttributeValues: values({ hostId }),
      ExclusiveStartKey: after,
    });
    const answer = await calling(doing, () => documents.send(query));
    const address = { table: tables.apartments, key: `byHost ${hostId}` };
    for (const row of answer.Items ?? []) found.push(parseRow(VmAtHost, row, address));
    after = answer.LastEvaluatedKey;
    if (after === undefined) break;
  }
  return found;
}

async function due(
  { documents, tables }: Dynamo,
  { before, limit }: { readonly before: number; readonly limit: number },
) {
  const ofShard = async (shard: number) => {
    const query = {
      TableName: tables.apartments,
      IndexName: "due",
      KeyConditionExpression: "#wakeShard = :shard AND #wakeAt <= :before",
      ExpressionAttributeNames: names("wakeShard", "wakeAt"),
      ExpressionAttributeValues: values({ shard, before }),
      Limit: limit,
    };
    const doing = `looking for what is due in shard ${shard}`;
    const answer = await calling(doing, () => documents.send(queryItems(query)));
    return (answer.Items ?? []).map((row) =>
      parseRow(DueRow, row, { table: tables.apartments, key: `due ${shard}` }),
    );
  };
  const shards = await Promise.all(ALL_INDEX_SHARDS.map(ofShard));
  return shards
    .flat()
    .toSorted((one, other) => one.wakeAt - other.wakeAt)
    .slice(0, limit);
}

function apartmentListing(dynamo: Dynamo, filter: VmFilter): IndexListing<ApartmentRecord> {
  const table = dynamo.tables.apartments;
  const address = { table, key: "of a listing index" };
  return {
    table,
    ...(filter.account === undefined
      ? { index: "byKind", partition: { attribute: "kind", value: "vm" } }
      : { index: "byAccount", partition: { attribute: "account", value: filter.account } }),
    order: "descending",
    positionOf: (row) => {
      const { id, createdAt } = parseRow(CreatedRow, row, address);
      return { id, at: createdAt };
    },
    keyOf: ({ id, at }) => ({ id, createdAt: at ?? 0 }),
    fetch: async (ids) => {
      const keys = ids.map((id) => ({ id }));
      const found = await batchGet(dynamo, "listing apartments", {
        [table]: { keys, consistent: false },
      });
      const records = (found.get(table) ?? [])
        .map((row) => parseApartment(table, row))
        .filter(isOfVm);
      return new Map(records.map((record) => [record.id, record]));
    },
    matches: (record) => vmMatches(record, filter),
  };
}

function parseApartment(table: string, row: Row): AnyApartmentRecord {
  return parseRecord(AnyApartmentRecord, row, { table, key: String(row["id"]) });
}
