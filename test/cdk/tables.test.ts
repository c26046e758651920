import { describe, expect, it } from "vitest";
import { tableNames } from "../../cdk/tables.ts";
import { TABLES } from "../../shared/model/tables.ts";
import { stackTemplate } from "../support/template.ts";

const template = stackTemplate();
const made = Object.values(template.findResources("AWS::DynamoDB::Table"));

describe("the tables", () => {
  it("are those of the model, prefixed with the stage", () => {
    const names = made.map((table) => table["Properties"].TableName).sort();
    expect(names).toEqual(
      tableNames()
        .map((name) => `vmsync-${name}`)
        .sort(),
    );
  });

  it("stay when the stack goes, restorable to any second, and cannot be deleted by a slip", () => {
    for (const table of made) {
      expect(table["DeletionPolicy"]).toBe("Retain");
      expect(table["UpdateReplacePolicy"]).toBe("Retain");
      expect(table["Properties"]).toMatchObject({
        PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
        DeletionProtectionEnabled: true,
        BillingMode: "PAY_PER_REQUEST",
      });
    }
  });

  it.each(tableNames())("%s has the model's keys, indexes and time to live", (name) => {
    const shape = TABLES[name];
    const table = made.find((one) => one["Properties"].TableName === `vmsync-${name}`);
    const properties = table?.["Properties"];
    const keys = [shape.partition, ...("sort" in shape ? [shape.sort] : [])];
    expect(properties.KeySchema.map((key: { AttributeName: string }) => key.AttributeName)).toEqual(
      keys.map((key) => key.name),
    );
    expect(properties.TimeToLiveSpecification).toEqual(
      "ttl" in shape ? { AttributeName: shape.ttl, Enabled: true } : undefined,
    );
    const indexes = (properties.GlobalSecondaryIndexes ?? []).map(
      (index: {
        IndexName: string;
        KeySchema: { AttributeName: string }[];
        Projection: { ProjectionType: string; NonKeyAttributes?: string[] };
      }) => [
        index.IndexName,
        index.KeySchema.map((key) => key.AttributeName),
        index.Projection.ProjectionType,
        index.Projection.NonKeyAttributes ?? [],
      ],
    );
    expect(indexes).toEqual(
      Object.entries(shape.indexes).map(([indexName, index]) => [
        indexName,
        [index.partition.name, index.sort.name],
        index.include.length === 0 ? "KEYS_ONLY" : "INCLUDE",
        index.include,
      ]),
    );
  });
});
