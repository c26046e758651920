import { describe, expect, it } from "vitest";
import { resolverOf } from "../../../local/template/resolve.ts";
import { Template } from "../../../local/template/template.ts";

const site = {
  region: "us-east-1",
  accountId: "111111111111",
  stackName: "test",
  queueUrlOf: (name: string) => `http://queues/${name}`,
};
const template = Template.parse({
  Conditions: {
    Here: { "Fn::Equals": [{ Ref: "AWS::Region" }, "us-east-1"] },
    Elsewhere: { "Fn::Not": [{ Condition: "Here" }] },
    Both: { "Fn::And": [{ Condition: "Here" }, { Condition: "Elsewhere" }] },
    Either: { "Fn::Or": [{ Condition: "Elsewhere" }, { Condition: "Here" }] },
    Odd: { "Fn::Contains": [[], "a"] },
  },
  Resources: {
    Queue: {
      Type: "AWS::SQS::Queue",
      // biome-ignore lint/suspicious/noTemplateCurlyInString: CloudFormation writes it so
      Properties: { QueueName: { "Fn::Sub": "q-${AWS::Region}" } },
    },
    Table: { Type: "AWS::DynamoDB::Table", Properties: { TableName: "t" } },
    Bus: { Type: "AWS::Events::EventBus", Properties: { Name: "b" } },
    Role: { Type: "AWS::IAM::Role" },
    Topic: { Type: "AWS::SNS::Topic" },
    Left: { Type: "AWS::SQS::Queue", Properties: { QueueName: { Ref: "Right" } } },
    Right: { Type: "AWS::SQS::Queue", Properties: { QueueName: { Ref: "Left" } } },
    Gone: { Type: "AWS::SQS::Queue", Condition: "Elsewhere" },
  },
});
const { resolve, exists } = resolverOf(template, site);

describe("resolving a template", () => {
  it.each([
    [{ Ref: "Table" }, "t"],
    [{ Ref: "Queue" }, "http://queues/q-us-east-1"],
    [{ "Fn::GetAtt": ["Queue", "Arn"] }, "arn:aws:sqs:us-east-1:111111111111:q-us-east-1"],
    [{ "Fn::GetAtt": "Table.Arn" }, "arn:aws:dynamodb:us-east-1:111111111111:table/t"],
    [{ "Fn::GetAtt": ["Role", "Arn"] }, "arn:aws:iam::111111111111:role/Role"],
    [{ "Fn::Join": ["/", ["a", { Ref: "Table" }, "c"]] }, "a/t/c"],
    [{ "Fn::Join": ["+", { "Fn::Split": ["-", "a-b"] }] }, "a+b"],
    [{ "Fn::Select": [1, { "Fn::Split": [":", { "Fn::GetAtt": ["Queue", "Arn"] }] }] }, "aws"],
    [{ "Fn::Select": ["0", ["x", "y"]] }, "x"],
    // biome-ignore lint/suspicious/noTemplateCurlyInString: CloudFormation writes it so
    [{ "Fn::Sub": "${Table}/${Queue.QueueName}/${!kept}" }, "t/q-us-east-1/${kept}"],
    // biome-ignore lint/suspicious/noTemplateCurlyInString: CloudFormation writes it so
    [{ "Fn::Sub": ["${Own}-${AWS::AccountId}", { Own: { Ref: "Bus" } }] }, "b-111111111111"],
    [{ "Fn::If": ["Here", "yes", "no"] }, "yes"],
    [{ "Fn::If": ["Both", "yes", "no"] }, "no"],
    [{ "Fn::If": ["Either", "yes", "no"] }, "yes"],
    [{ a: [1, { Ref: "AWS::NoValue" }, { b: { Ref: "AWS::NoValue" } }] }, { a: [1, {}] }],
    [{ Ref: "AWS::Partition" }, "aws"],
    ["text", "text"],
  ])("%j is %j", (value, expected) => {
    expect(resolve(value, "here")).toEqual(expected);
  });

  it.each([
    ["an unknown intrinsic", { "Fn::ImportValue": "x" }, "Fn::ImportValue"],
    ["a reference to nothing", { Ref: "Nobody" }, "Nobody"],
    ["a reference to a type that is not made here", { Ref: "Topic" }, "AWS::SNS::Topic"],
    ["an attribute that is not known", { "Fn::GetAtt": ["Table", "StreamArn"] }, "StreamArn"],
    ["an unknown form", { "Fn::Join": "x" }, "this form of Fn::Join"],
    ["a circle", { Ref: "Left" }, "refers to itself"],
    ["a condition that is not there", { "Fn::If": ["Never", 1, 2] }, "Never"],
    ["a condition that is not understood", { "Fn::If": ["Odd", 1, 2] }, "Fn::Contains"],
  ])("stops at %s, naming it and its place", (_, value, named) => {
    const attempt = () => resolve({ deep: [value] }, "Place");
    expect(attempt).toThrow(named);
    expect(attempt).toThrow(/Place\.deep\.0|condition Never|Conditions\.Odd|Queue\.|Left|Right/);
  });

  it("leaves out a resource whose condition does not hold", () => {
    expect(exists("Gone")).toBe(false);
    expect(exists("Queue")).toBe(true);
  });
});
