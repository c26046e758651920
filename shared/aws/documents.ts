/**
 * DynamoDB with items as plain values.
 *
 * As the SDK's own document client has it, but over the commands of the plain client: what a kind of command passes through is put
 * together once (`cacheMiddleware`, which the document client refuses), not for every call.
 */
import {
  BatchGetItemCommand,
  type ConditionCheck,
  type Delete,
  DeleteItemCommand,
  type DeleteItemCommandInput,
  type DynamoDBClient,
  GetItemCommand,
  type GetItemCommandInput,
  type Put,
  PutItemCommand,
  type PutItemCommandInput,
  QueryCommand,
  type QueryCommandInput,
  TransactWriteItemsCommand,
  type Update,
  UpdateItemCommand,
  type UpdateItemCommandInput,
} from "@aws-sdk/client-dynamodb";
import { marshall, unmarshall } from "@aws-sdk/util-dynamodb";

/** An item before its schema has seen it. */
export type Row = Readonly<Record<string, unknown>>;

export interface Documents {
  readonly send: <Output>(call: DocumentCall<Output>) => Promise<Output>;
}
/** Made by the functions below; may be sent more than once. */
export type DocumentCall<Output> = (client: DynamoDBClient) => Promise<Output>;

/** A call's input with plain values where the service has attribute values. */
type Plain<Input> = {
  readonly [Field in keyof Input]: Field extends ValueField
    ? Row | Extract<Input[Field], undefined>
    : Input[Field];
};
type ValueField = "Item" | "Key" | "ExpressionAttributeValues" | "ExclusiveStartKey";

export type UpdateAction = Plain<Update>;
export type TransactAction = {
  readonly Put?: Plain<Put>;
  readonly Update?: UpdateAction;
  readonly Delete?: Plain<Delete>;
  readonly ConditionCheck?: Plain<ConditionCheck>;
};

export type KeysToGet = Readonly<
  Record<string, { readonly Keys: readonly Row[]; readonly ConsistentRead?: boolean | undefined }>
>;

export function documentClient(client: DynamoDBClient): Documents {
  return { send: (call) => call(client) };
}

export function getItem(
  input: Plain<GetItemCommandInput>,
): DocumentCall<{ readonly Item: Row | undefined }> {
  const command = { ...input, Key: written(input.Key) };
  return async (client) => {
    const { Item } = await client.send(new GetItemCommand(command));
    return { Item: read(Item) };
  };
}

/** What the service answers of the item, if the call asked for it (`ReturnValues`). */
type Changing = DocumentCall<{ readonly Attributes: Row | undefined }>;

export function putItem(input: Plain<PutItemCommandInput>): Changing {
  const { ExpressionAttributeValues: values, Item, ...rest } = input;
  const command = { ...rest, Item: written(Item), ExpressionAttributeValues: written(values) };
  return async (client) => {
    const { Attributes } = await client.send(new PutItemCommand(command));
    return { Attributes: read(Attributes) };
  };
}

export function updateItem(input: Plain<UpdateItemCommandInput>): Changing {
  const { ExpressionAttributeValues: values, Key, ...rest } = input;
  const command = { ...rest, Key: written(Key), ExpressionAttributeValues: written(values) };
  return async (client) => {
    const { Attributes } = await client.send(new UpdateItemCommand(command));
    return { Attributes: read(Attributes) };
  };
}

export function deleteItem(input: Plain<DeleteItemCommandInput>): Changing {
  const { ExpressionAttributeValues: values, Key, ...rest } = input;
  const command = { ...rest, Key: written(Key), ExpressionAttributeValues: written(values) };
  return async (client) => {
    const { Attributes } = await client.send(new DeleteItemCommand(command));
    return { Attributes: read(Attributes) };
  };
}

export function queryItems(
  input: Plain<QueryCommandInput>,
): DocumentCall<{ readonly Items: readonly Row[]; readonly LastEvaluatedKey: Row | undefined }> {
  const { ExpressionAttributeValues: values, ExclusiveStartKey: from, ...rest } = input;
  const command = {
    ...rest,
    ExclusiveStartKey: written(from),
    ExpressionAttributeValues: written(values),
  };
  return async (client) => {
    const { Items = [], LastEvaluatedKey } = await client.send(new QueryCommand(command));
    return {
      Items: Items.map((item) => unmarshall(item)),
      LastEvaluatedKey: read(LastEvaluatedKey),
    };
  };
}

export function batchGetItems(wanted: KeysToGet): DocumentCall<{
  readonly found: Readonly<Record<string, readonly Row[]>>;
  readonly unprocessed: KeysToGet;
}> {
  const RequestItems = mapped(wanted, ({ Keys, ...rest }) => ({
    ...rest,
    Keys: Keys.map((key) => marshall(key)),
  }));
  return async (client) => {
    const { Responses = {}, UnprocessedKeys = {} } = await client.send(
      new BatchGetItemCommand({ RequestItems }),
    );
    return {
      found: mapped(Responses, (items) => items.map((item) => unmarshall(item))),
      unprocessed: mapped(UnprocessedKeys, ({ Keys = [], ConsistentRead }) => ({
        Keys: Keys.map((key) => unmarshall(key)),
        ConsistentRead,
      })),
    };
  };
}

export function transactWrite(
  actions: readonly TransactAction[],
  ClientRequestToken: string,
): DocumentCall<void> {
  const TransactItems = actions.map(({ Put, Update, Delete, ConditionCheck }) => ({
    ...(Put && { Put: { ...withValues(Put), Item: written(Put.Item) } }),
    ...(Update && { Update: { ...withValues(Update), Key: written(Update.Key) } }),
    ...(Delete && { Delete: { ...withValues(Delete), Key: written(Delete.Key) } }),
    ...(ConditionCheck && {
      ConditionCheck: { ...withValues(ConditionCheck), Key: written(ConditionCheck.Key) },
    }),
  }));
  return async (client) => {
    await client.send(new TransactWriteItemsCommand({ TransactItems, ClientRequestToken }));
  };
}

function withValues<Action extends { readonly ExpressionAttributeValues?: Row | undefined }>(
  action: Action,
) {
  return { ...action, ExpressionAttributeValues: written(action.ExpressionAttributeValues) };
}

/** Optional fields of a record are absent attributes. */
function written(values: Row | undefined) {
  return values && marshall(values, { removeUndefinedValues: true });
}

function read(item: Parameters<typeof unmarshall>[0] | undefined): Row | undefined {
  return item && unmarshall(item);
}

function mapped<From, To>(
  from: Readonly<Record<string, From>>,
  change: (each: From) => To,
): Record<string, To> {
  return Object.fromEntries(Object.entries(from).map(([name, each]) => [name, change(each)]));
}
