/** API tokens, by the first half of the token; only their hashes are here. */
import type { TokenStore } from "../app/ports.ts";
import { CreatedRow } from "../model/rows.ts";
import { TokenRecord } from "../model/token.ts";
import { deleteItem, getItem, putItem, type Row } from "./documents.ts";
import { batchGet } from "./dynamo-batch-get.ts";
import { conditional, type Dynamo } from "./dynamo-call.ts";
import { type IndexListing, listIndex } from "./dynamo-list.ts";
import { parseRecord, parseRow } from "./dynamo-row.ts";
import { names } from "./expression.ts";
import { calling } from "./service-failure.ts";

export function dynamoTokenStore(dynamo: Dynamo): TokenStore {
  const { documents } = dynamo;
  const table = dynamo.tables.tokens;
  return {
    create: async (token) => {
      const put = putItem({
        TableName: table,
        Item: { id: token.id, kind: "token", createdAt: token.createdAt, record: token },
        ConditionExpression: "attribute_not_exists(#id)",
        ExpressionAttributeNames: names("id"),
      });
      const doing = `creating token ${token.id}`;
      const written = await conditional(dynamo, doing, () => documents.send(put));
      return written.held ? "created" : "exists";
    },
    read: async (id) => {
      // Consistent: a token works from the answer that showed it, and not after its removal was answered.
      const get = getItem({ TableName: table, Key: { id }, ConsistentRead: true });
      const answer = await calling(`reading token ${id}`, () => documents.send(get));
      return answer.Item === undefined ? undefined : parseToken(table, answer.Item);
    },
    list: (page) => listIndex(dynamo, tokenListing(dynamo), page),
    remove: async (id) => {
      const remove = deleteItem({
        TableName: table,
        Key: { id },
        ConditionExpression: "attribute_exists(#id)",
        ExpressionAttributeNames: names("id"),
      });
      const doing = `removing token ${id}`;
      const written = await conditional(dynamo, doing, () => documents.send(remove));
      return written.held ? "removed" : "not_found";
    },
  };
}

function parseToken(table: string, row: Row): TokenRecord {
  return parseRecord(TokenRecord, row, { table, key: String(row["id"]) });
}

function tokenListing(dynamo: Dynamo): IndexListing<TokenRecord> {
  const table = dynamo.tables.tokens;
  return {
    table,
    index: "byKind",
    partition: { attribute: "kind", value: "token" },
    order: "descending",
    positionOf: (row) => {
      const { id, createdAt } = parseRow(CreatedRow, row, { table, key: "of a listing index" });
      return { id, at: createdAt };
    },
    keyOf: ({ id, at }) => ({ id, createdAt: at ?? 0 }),
    fetch: async (ids) => {
      const keys = ids.map((id) => ({ id }));
      const found = await batchGet(dynamo, "listing tokens", {
        [table]: { keys, consistent: false },
      });
      const tokens = (found.get(table) ?? []).map((row) => parseToken(table, row));
      return new Map(tokens.map((token) => [token.id, token]));
    },
    matches: () => true,
  };
}
