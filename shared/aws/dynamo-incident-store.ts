/** Incidents, one item each by their deterministic id; a resolved one goes after its retention. */
import type { IncidentFilter, IncidentStore } from "../app/ports.ts";
import { IncidentRecord } from "../model/incident.ts";
import { incidentMatches } from "../model/list-filters.ts";
import { OpenedRow } from "../model/rows.ts";
import type { Settings } from "../model/settings.ts";
import { getItem, putItem, type Row, updateItem } from "./documents.ts";
import { batchGet } from "./dynamo-batch-get.ts";
import { conditional, type Dynamo } from "./dynamo-call.ts";
import { type IndexListing, listIndex } from "./dynamo-list.ts";
import { parseRecord, parseRow } from "./dynamo-row.ts";
import { names, values } from "./expression.ts";
import { ttlSeconds } from "./job-row.ts";
import { calling } from "./service-failure.ts";

type Deps = Dynamo & { readonly retention: Pick<Settings, "incidentRetentionDays"> };

const DAY_MS = 86_400_000;

export function dynamoIncidentStore(deps: Deps): IncidentStore {
  const { documents, tables } = deps;
  const table = tables.incidents;
  return {
    open: async (incident) => {
      const put = putItem({
        TableName: table,
        Item: {
          id: incident.id,
          kind: "incident",
          openedAt: incident.openedAt,
          account: incident.account,
          record: incident,
        },
        ConditionExpression:
          "attribute_not_exists(#id) OR (attribute_exists(#record.#resolvedAt) AND #openedAt < :openedAt)",
        ExpressionAttributeNames: names("id", "record", "resolvedAt", "openedAt"),
        ExpressionAttributeValues: values({ openedAt: incident.openedAt }),
      });
      const doing = `opening incident ${incident.id}`;
      const written = await conditional(deps, doing, () => documents.send(put));
      return written.held ? "opened" : "already_open";
    },
    resolve: async (id, at) => {
      const update = updateItem({
        TableName: table,
        Key: { id },
        UpdateExpression: "SET #record.#resolvedAt = :at, #expiresAt = :ttl",
        ConditionExpression: "attribute_exists(#id) AND attribute_not_exists(#record.#resolvedAt)",
        ExpressionAttributeNames: names("id", "record", "resolvedAt", "expiresAt"),
        ExpressionAttributeValues: values({ at, ttl: ttlSeconds(at + retentionMs(deps)) }),
      });
      const doing = `resolving incident ${id}`;
      const written = await conditional(deps, doing, () => documents.send(update));
      return written.held ? "resolved" : "not_open";
    },
    read: async (id) => {
      const get = getItem({ TableName: table, Key: { id }, ConsistentRead: true });
      const answer = await calling(`reading incident ${id}`, () => documents.send(get));
      return unexpired(deps, answer.Item === undefined ? [] : [answer.Item])[0];
    },
    list: (filter, page) => listIndex(deps, incidentListing(deps, filter), page),
  };
}

function retentionMs({ retention }: Deps): number {
  return retention.incidentRetentionDays * DAY_MS;
}

/** TTL deletes late: what is past its retention is gone on reading. */
function unexpired(deps: Deps, rows: readonly Row[]): readonly IncidentRecord[] {
  const table = deps.tables.incidents;
  const incidents = rows.map((row) =>
    parseRecord(IncidentRecord, row, { table, key: String(row["id"]) }),
  );
  const keptSince = deps.clock.now() - retentionMs(deps);
  return incidents.filter(({ resolvedAt }) => resolvedAt === undefined || resolvedAt > keptSince);
}

function incidentListing(deps: Deps, filter: IncidentFilter): IndexListing<IncidentRecord> {
  const table = deps.tables.incidents;
  return {
    table,
    ...(filter.account === undefined
      ? { index: "byKind", partition: { attribute: "kind", value: "incident" } }
      : { index: "byAccount", partition: { attribute: "account", value: filter.account } }),
    order: "descending",
    positionOf: (row) => {
      const { id, openedAt } = parseRow(OpenedRow, row, { table, key: "of a listing index" });
      return { id, at: openedAt };
    },
    keyOf: ({ id, at }) => ({ id, openedAt: at ?? 0 }),
    fetch: async (ids) => {
      const keys = ids.map((id) => ({ id }));
      const found = await batchGet(deps, "listing incidents", {
        [table]: { keys, consistent: false },
      });
      const incidents = unexpired(deps, found.get(table) ?? []);
      return new Map(incidents.map((incident) => [incident.id, incident]));
    },
    matches: (incident) => incidentMatches(incident, filter),
  };
}
