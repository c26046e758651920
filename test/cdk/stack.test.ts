import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { FUNCTION_NAMES } from "../../cdk/function-names.ts";
import { parseEnvironment } from "../../shared/model/environment.ts";
import { stackTemplate } from "../support/template.ts";

const template = stackTemplate();
const functions = Object.values(template.findResources("AWS::Lambda::Function")).map(
  (resource) => resource["Properties"],
);

type Statement = {
  readonly Effect: string;
  readonly Action: string | readonly string[];
  readonly Resource: unknown;
};
const statements: { readonly policy: string; readonly statement: Statement }[] = Object.entries(
  template.findResources("AWS::IAM::Policy"),
).flatMap(([policy, resource]) =>
  resource["Properties"].PolicyDocument.Statement.map((statement: Statement) => ({
    policy,
    statement,
  })),
);
const actionsOf = ({ Action }: Statement) => [Action].flat();

describe("the functions", () => {
  it("are all there, on arm64 and Node 24, with logs that end", () => {
    expect(functions.map((one) => one.FunctionName).sort()).toEqual(
      FUNCTION_NAMES.map((name) => `vmsync-${name}`).sort(),
    );
    for (const one of functions)
      expect(one).toMatchObject({ Architectures: ["arm64"], Runtime: "nodejs24.x" });
    for (const group of Object.values(template.findResources("AWS::Logs::LogGroup")))
      expect(group["Properties"].RetentionInDays).toBe(30);
  });

  it("get an environment that their entry points can parse", () => {
    for (const one of functions) {
      const variables = Object.fromEntries(
        Object.entries(one.Environment.Variables).map(([name, value]) => [
          name,
          typeof value === "string" ? value : "resolved",
        ]),
      );
      const environment = parseEnvironment({ ...variables, AWS_REGION: "eu-west-1" });
      expect(environment.settings.reportIntervalSeconds).toBe(60);
    }
  });

  it("carry the settings that the deployment chose", () => {
    const chosen = stackTemplate({ "settings.reportIntervalSeconds": "30" });
    for (const one of Object.values(chosen.findResources("AWS::Lambda::Function")))
      expect(JSON.parse(one["Properties"].Environment.Variables.VMSYNC_SETTINGS)).toMatchObject({
        reportIntervalSeconds: 30,
      });
  });
});

describe("what functions may do", () => {
  it("has one wildcard: the command queues of this stage, which are made at run time", () => {
    const wild = statements.filter(({ statement }) =>
      // A table's indexes and a log group's streams are below one named resource.
      JSON.stringify(statement.Resource).replaceAll("/index/*", "").includes("*"),
    );
    for (const { statement } of wild)
      expect(JSON.stringify(statement.Resource)).toMatch(/:vmsync_\*"/);
    const actions = new Set(wild.flatMap(({ statement }) => actionsOf(statement)));
    expect([...actions].sort()).toEqual([
      "sqs:ChangeMessageVisibility",
      "sqs:CreateQueue",
      "sqs:DeleteMessage",
      "sqs:DeleteQueue",
      "sqs:GetQueueUrl",
      "sqs:ReceiveMessage",
      "sqs:SendMessage",
    ]);
  });

  it("has no wildcard action and no scan of a table", () => {
    const actions = statements.flatMap(({ statement }) => actionsOf(statement));
    expect(actions.filter((action) => action.includes("*"))).toEqual([]);
    expect(actions).not.toContain("dynamodb:Scan");
  });

  it("has no managed policy: nothing that somebody else may widen", () => {
    for (const role of Object.values(template.findResources("AWS::IAM::Role")))
      expect(role["Properties"].ManagedPolicyArns).toBeUndefined();
  });

  it.each<[string, readonly RegExp[]]>([
    ["sqs:CreateQueue", [/^AgentAccessIngestRole/]],
    ["sts:AssumeRole", [/^AgentAccessIngestRole/]],
    // The queue of a host that is forgotten.
    ["sqs:DeleteQueue", [/^AgentAccessIngestRole/, /^HttpApiapihostsRole/]],
  ])("lets nobody %s but those who need it", (action, allowed) => {
    const holders = statements
      .filter(({ statement }) => actionsOf(statement).includes(action))
      .map(({ policy }) => policy);
    const expected = allowed.map((name) => expect.stringMatching(name));
    expect([...new Set(holders)].sort()).toEqual(expected);
  });

  it("lets the agents' role receive from command queues and nothing else, for an hour", () => {
    const held = statements.filter(({ policy }) => policy.startsWith("AgentAccessAgentRole"));
    expect(held.flatMap(({ statement }) => actionsOf(statement)).sort()).toEqual([
      "sqs:ChangeMessageVisibility",
      "sqs:DeleteMessage",
      "sqs:ReceiveMessage",
    ]);
    template.hasResourceProperties("AWS::IAM::Role", { MaxSessionDuration: 3600 });
  });
});

describe("two stages in one account", () => {
  it("share no name", () => {
    const named = (stage: string) =>
      Object.values(stackTemplate({ stage }).toJSON()["Resources"]).flatMap((resource) => {
        const properties = Object(resource).Properties ?? {};
        return [
          "TableName",
          "QueueName",
          "FunctionName",
          "RoleName",
          "LogGroupName",
          "AlarmName",
          "ArchiveName",
        ]
          .map((key) => properties[key])
          .filter((name) => typeof name === "string");
      });
    const names = named("one");
    const others = named("one-two");
    expect(names.length).toBeGreaterThan(60);
    expect(names.filter((name) => others.includes(name))).toEqual([]);
  });
});

describe("the alarms", () => {
  const alarms = Object.values(template.findResources("AWS::CloudWatch::Alarm"));
  const runbook = readFileSync(new URL("../../docs/runbook.md", import.meta.url), "utf8");
  const sections = [...runbook.matchAll(/^## (.+)$/gm)].map(([, heading]) =>
    (heading ?? "").toLowerCase().replaceAll(" ", "-"),
  );
  const named = alarms.map((alarm) => {
    const [, section] = /docs\/runbook\.md#([a-z-]+)$/.exec(
      alarm["Properties"].AlarmDescription,
    ) ?? [undefined, "none"];
    return section ?? "none";
  });

  it("each name a section of the runbook that is there", () => {
    expect(named.filter((section) => !sections.includes(section))).toEqual([]);
  });

  it("leave no section of the runbook without an alarm", () => {
    expect([...new Set(named)].sort()).toEqual([...sections].sort());
  });

  it("watch every function", () => {
    for (const name of FUNCTION_NAMES)
      for (const kind of ["errors", "throttles"])
        template.hasResourceProperties("AWS::CloudWatch::Alarm", {
          AlarmName: `vmsync-${name}-${kind}`,
        });
  });

  it("tell the topic that the deployment names", () => {
    const alarmTopicArn = "arn:aws:sns:eu-west-1:111111111111:ops";
    const told = stackTemplate({ alarmTopicArn }).findResources("AWS::CloudWatch::Alarm");
    for (const alarm of Object.values(told))
      expect(alarm["Properties"].AlarmActions).toEqual([alarmTopicArn]);
  });
});
