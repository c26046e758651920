/**
 * Items as the stack has just written them, so that what engine and SDK write alone is as large: an apartment after each commit of
 * a job, the job, the room it holds, and what one append to the log of events puts.
 */
import {
  BatchGetCommand,
  type DynamoDBDocumentClient,
  GetCommand,
  QueryCommand,
} from "@aws-sdk/lib-dynamodb";
import { streamsOf } from "../../shared/model/event-log.ts";
import { EVENT_SHARDS } from "../../shared/model/tables.ts";
import { TopicEvent } from "../../shared/model/topic.ts";
import type { Item, Samples } from "./engine-protocol.ts";
import type { Verb } from "./load-protocol.ts";
import type { Site } from "./site.ts";

/** Of the stack that `runningStack` starts. */
export const STAGE = "vmsync";
/** Appends looked at, of each shard: those of the round before. */
const APPENDS = 5;
/** A commit may be replaced by the next between two looks. */
const ATTEMPTS_MAX = 20;

/** A job, and what makes its VM ready for another. */
export type Sampled = { readonly verb: Verb; readonly undo?: Verb };

/** To be called when a round of such jobs is over: the appends are of that. */
export async function takeSamples(
  documents: DynamoDBDocumentClient,
  site: Pick<Site, "vmIds" | "load" | "quiet">,
  sampled: Sampled,
): Promise<Samples> {
  const [vmId = ""] = site.vmIds;
  const append = await typicalAppend(documents);
  const commits = await commitsOf(documents, { ...site, vmId, ...sampled });
  return { append, commits, job: await newestJob(documents, vmId) };
}

export async function itemOf(
  documents: DynamoDBDocumentClient,
  table: string,
  Key: Item,
): Promise<Item> {
  const TableName = `${STAGE}-${table}`;
  const { Item } = await documents.send(new GetCommand({ TableName, Key, ConsistentRead: true }));
  if (Item === undefined) throw new Error(`${table} has no ${JSON.stringify(Key)}`);
  return Item;
}

/** The apartment's item after each commit that a job brings about, what its VM's change is reported with among them. */
async function commitsOf(
  documents: DynamoDBDocumentClient,
  {
    vmId,
    verb,
    undo,
    load,
    quiet,
  }: Pick<Site, "load" | "quiet"> & Sampled & { readonly vmId: string },
): Promise<readonly Item[]> {
  const look = () => itemOf(documents, "apartments", { id: vmId });
  const run = async (each: Verb) => {
    await load.run({ kind: "round", vmIds: [vmId], verb: each, watch: "last" });
    await quiet();
  };
  for (let attempt = 1; attempt <= ATTEMPTS_MAX; attempt += 1) {
    const before = Number((await look())["version"]);
    const seen = new Map<number, Item>();
    let isOver = false;
    const watching = (async () => {
      while (!isOver) {
        const item = await look();
        seen.set(Number(item["version"]), item);
      }
    })();
    await run(verb);
    isOver = true;
    await watching;
    const last = Number((await look())["version"]);
    if (undo !== undefined) await run(undo);
    const commits = Array.from({ length: last - before }, (_, n) => seen.get(before + 1 + n));
    if (commits.every((item) => item !== undefined)) return commits;
  }
  throw new Error(`the commits of a job of ${vmId} could not be seen one by one`);
}

/** As it was made: without what its turns said of it. */
async function newestJob(documents: DynamoDBDocumentClient, vmId: string): Promise<Item> {
  const { Items = [] } = await documents.send(
    new QueryCommand({
      TableName: `${STAGE}-jobs`,
      IndexName: "byVm",
      KeyConditionExpression: "#vmId = :vmId",
      ExpressionAttributeNames: { "#vmId": "vmId" },
      ExpressionAttributeValues: { ":vmId": vmId },
      ScanIndexForward: false,
      Limit: 1,
    }),
  );
  const { expiresAt: _, ...job } = await itemOf(documents, "jobs", { id: Items[0]?.["id"] });
  return { ...job, record: { ...job["record"], journal: [] } };
}

/** The events and pages of an append with as many events as half of the last have at most. */
async function typicalAppend(documents: DynamoDBDocumentClient): Promise<readonly Item[]> {
  const shards = Array.from({ length: EVENT_SHARDS }, (_, shard) => lastPages(documents, shard));
  const pages = (await Promise.all(shards)).flat();
  const bySize = pages.toSorted((one, other) => one.ids.length - other.ids.length);
  const typical = bySize[Math.floor(bySize.length / 2)];
  if (typical === undefined) throw new Error("the log of events is empty");
  const { shard, page, ids } = typical;
  const events = await itemsOf(
    documents,
    ids.map((id) => ({ stream: `event#${id}`, page: 0 })),
  );
  const streams = new Set(events.flatMap((item) => streamsOf(TopicEvent.parse(item["record"]))));
  const parts = [...streams].map((stream) => ({ stream: `${stream}#${shard}`, page }));
  return [...events, ...(await itemsOf(documents, parts))];
}

async function lastPages(documents: DynamoDBDocumentClient, shard: number) {
  const { Items = [] } = await documents.send(
    new QueryCommand({
      TableName: `${STAGE}-events`,
      KeyConditionExpression: "#stream = :stream AND #page > :head",
      ExpressionAttributeNames: { "#stream": "stream", "#page": "page" },
      ExpressionAttributeValues: { ":stream": `all#${shard}`, ":head": 0 },
      ScanIndexForward: false,
      Limit: APPENDS,
    }),
  );
  return Items.map(({ page, ids }) => ({ shard, page: Number(page), ids: [...ids].map(String) }));
}

async function itemsOf(
  documents: DynamoDBDocumentClient,
  Keys: readonly { readonly stream: string; readonly page: number }[],
): Promise<readonly Item[]> {
  const table = `${STAGE}-events`;
  const { Responses = {} } = await documents.send(
    new BatchGetCommand({ RequestItems: { [table]: { Keys: [...Keys] } } }),
  );
  return Responses[table] ?? [];
}
