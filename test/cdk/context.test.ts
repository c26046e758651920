import { describe, expect, it } from "vitest";
import { readContext } from "../../cdk/context.ts";

describe("the context of a deployment", () => {
  it("has the default stage and settings when nothing is given", () => {
    expect(readContext({ "aws:cdk:anything": true })).toMatchObject({
      ok: true,
      stage: "vmsync",
      settings: { reportIntervalSeconds: 60 },
    });
  });

  it("takes settings name by name, nested ones dotted", () => {
    const context = readContext({
      "settings.reportIntervalSeconds": "30",
      "settings.commandTimeoutSeconds.start": "60",
    });
    expect(context).toMatchObject({
      ok: true,
      settings: { reportIntervalSeconds: 30, commandTimeoutSeconds: { start: 60, stop: 300 } },
    });
  });

  it.each([
    ["JSON text", '{"leaseSeconds":90}'],
    ["an object", { leaseSeconds: 90 }],
  ])("takes settings as %s", (_, settings) => {
    expect(readContext({ settings })).toMatchObject({ ok: true, settings: { leaseSeconds: 90 } });
  });

  it.each([
    ["an unknown setting", { "settings.nope": "1" }, 'unknown setting "nope"'],
    ["a wrong value", { "settings.leaseSeconds": "soon" }, 'setting "leaseSeconds"'],
    ["settings that are not JSON", { settings: "{" }, "settings is not JSON"],
    ["settings given twice", { settings: "{}", "settings.leaseSeconds": "9" }, "not both"],
    ["a stage in capitals", { stage: "Prod" }, 'stage "Prod" must be'],
    ["a stage that would not fit into names", { stage: "a".repeat(21) }, "1 to 20"],
    ["an alarm topic that is no ARN", { alarmTopicArn: "ops" }, "alarmTopicArn"],
  ])("refuses %s in one line", (_, context, said) => {
    const read = readContext(context);
    if (read.ok) throw new Error("was taken");
    expect(read.reason).toContain(said);
    expect(read.reason).not.toContain("\n");
  });

  it("takes a stage that still fits into every name", () => {
    const stage = "a".repeat(20);
    expect(readContext({ stage })).toMatchObject({ ok: true, stage });
    expect(`${stage}-reconcile-host`.length).toBeLessThanOrEqual(64);
  });
});
