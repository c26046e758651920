/** The tables of `shared/model/tables.ts`, and what may be granted on them. */
import { RemovalPolicy } from "aws-cdk-lib";
import { AttributeType, BillingMode, ProjectionType, Table } from "aws-cdk-lib/aws-dynamodb";
import type { IGrantable } from "aws-cdk-lib/aws-iam";
import { Construct } from "constructs";
import { TABLES, type TableName, type TableShape } from "../shared/model/tables.ts";

/** No `Scan`: nothing here reads a whole table. */
const READ_ACTIONS = ["dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:Query"];
/** A transaction needs the actions of its parts, and `ConditionCheckItem` for its bare conditions. */
const WRITE_ACTIONS = [
  "dynamodb:PutItem",
  "dynamodb:UpdateItem",
  "dynamodb:DeleteItem",
  "dynamodb:ConditionCheckItem",
];
const TYPES = { S: AttributeType.STRING, N: AttributeType.NUMBER } as const;

export interface TablesProps {
  readonly stage: string;
}

export class Tables extends Construct {
  readonly #tables: ReadonlyMap<TableName, Table>;

  constructor(scope: Construct, id: string, props: TablesProps) {
    super(scope, id);
    const made = new Map<TableName, Table>();
    for (const name of tableNames())
      made.set(name, makeTable(this, { name, stage: props.stage, shape: TABLES[name] }));
    this.#tables = made;
  }

  nameOf(name: TableName): string {
    return this.#table(name).tableName;
  }

  /** Reads of items and of indexes. */
  grantRead(grantee: IGrantable, ...names: readonly TableName[]): void {
    for (const name of names) this.#table(name).grant(grantee, ...READ_ACTIONS);
  }

  grantReadWrite(grantee: IGrantable, ...names: readonly TableName[]): void {
    for (const name of names) this.#table(name).grant(grantee, ...READ_ACTIONS, ...WRITE_ACTIONS);
  }

  #table(name: TableName): Table {
    const table = this.#tables.get(name);
    if (table === undefined) throw new Error(`no table ${name}`);
    return table;
  }
}

function makeTable(
  scope: Construct,
  wanted: { readonly name: TableName; readonly stage: string; readonly shape: TableShape },
): Table {
  const { shape } = wanted;
  const table = new Table(scope, wanted.name, {
    tableName: `${wanted.stage}-${wanted.name}`,
    partitionKey: { name: shape.partition.name, type: TYPES[shape.partition.type] },
    ...(shape.sort && { sortKey: { name: shape.sort.name, type: TYPES[shape.sort.type] } }),
    ...(shape.ttl && { timeToLiveAttribute: shape.ttl }),
    // Load follows what people do with their VMs; nothing to plan capacity from.
    billingMode: BillingMode.PAY_PER_REQUEST,
    removalPolicy: RemovalPolicy.RETAIN,
    deletionProtection: true,
    pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
  });
  for (const [indexName, index] of Object.entries(shape.indexes))
    table.addGlobalSecondaryIndex({
      indexName,
      partitionKey: { name: index.partition.name, type: TYPES[index.partition.type] },
      sortKey: { name: index.sort.name, type: TYPES[index.sort.type] },
      ...(index.include.length === 0
        ? { projectionType: ProjectionType.KEYS_ONLY }
        : { projectionType: ProjectionType.INCLUDE, nonKeyAttributes: [...index.include] }),
    });
  return table;
}

/** The keys of `TABLES`, typed. */
export function tableNames(): readonly TableName[] {
  const isName = (name: string): name is TableName => Object.hasOwn(TABLES, name);
  return Object.keys(TABLES).filter(isName);
}
