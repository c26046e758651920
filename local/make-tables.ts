/** Makes the template's tables in the DynamoDB engine, where they are not there yet. */
import {
  CreateTableCommand,
  DescribeTableCommand,
  DynamoDBClient,
  ResourceInUseException,
  type TableDescription,
  UpdateTimeToLiveCommand,
  waitUntilTableExists,
} from "@aws-sdk/client-dynamodb";
import { StartError } from "./start-error.ts";
import type { TableModel } from "./template/stack-model.ts";
import type { KeyPair } from "./wire/credentials.ts";

export interface MakeTablesProps {
  readonly endpoint: string;
  readonly region: string;
  readonly credentials: KeyPair;
  readonly tables: readonly TableModel[];
}

/** Local engines make a table at once; another endpoint may take a while. */
const TABLE_SECONDS_MAX = 60;

/** Throws a `StartError` where a table is there with other keys or indexes, or the engine cannot be reached. */
export async function makeTables(props: MakeTablesProps): Promise<void> {
  const { endpoint, region, credentials, tables } = props;
  const client = new DynamoDBClient({ endpoint, region, credentials });
  try {
    for (const table of tables) await makeTable(client, table);
  } catch (cause) {
    if (cause instanceof StartError) throw cause;
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new StartError(`the DynamoDB engine at ${endpoint} does not work: ${why}`, { cause });
  } finally {
    client.destroy();
  }
}

async function makeTable(client: DynamoDBClient, table: TableModel): Promise<void> {
  const { TableName } = table.create;
  try {
    await client.send(new CreateTableCommand(table.create));
  } catch (error) {
    if (!(error instanceof ResourceInUseException)) throw error;
    const { Table } = await client.send(new DescribeTableCommand({ TableName }));
    if (shapeOf(Table ?? {}) !== shapeOf(table.create))
      throw new StartError(`table ${TableName} is there with other keys or indexes`, {
        cause: error,
      });
    return;
  }
  await waitUntilTableExists({ client, maxWaitTime: TABLE_SECONDS_MAX }, { TableName });
  if (table.ttlAttribute !== undefined)
    await client.send(
      new UpdateTimeToLiveCommand({
        TableName,
        TimeToLiveSpecification: { AttributeName: table.ttlAttribute, Enabled: true },
      }),
    );
}

/** Keys and indexes, comparable. */
function shapeOf(table: Pick<TableDescription, "KeySchema" | "GlobalSecondaryIndexes">): string {
  const keys = (schema: TableDescription["KeySchema"]) =>
    (schema ?? []).map(({ AttributeName, KeyType }) => `${AttributeName}:${KeyType}`).join();
  const indexes = (table.GlobalSecondaryIndexes ?? []).map(
    ({ IndexName, KeySchema }) => `${IndexName}(${keys(KeySchema)})`,
  );
  return `${keys(table.KeySchema)} ${indexes.sort().join(" ")}`;
}
