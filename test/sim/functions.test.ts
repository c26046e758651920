import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { readTemplate } from "../../local/template/read-template.ts";
import type { MappingModel } from "../../local/template/stack-model.ts";
import { synthesise } from "../../local/template/synthesise.ts";
import { RULES, targetOf } from "../../sim/bus-rules.ts";
import {
  APARTMENT_SOURCE,
  EVENT_SOURCE,
  FAILED_REPORT_SOURCE,
  FUNCTIONS,
} from "../../sim/functions.ts";
import { settings } from "../support/a-record.ts";

const outFolder = mkdtempSync(join(tmpdir(), "vmsync-test-"));
afterAll(() => rmSync(outFolder, { recursive: true, force: true }));
const model = readTemplate(synthesise({ stage: "vmsync", settings, outFolder }), {
  region: "memory",
  accountId: "000000000000",
  stackName: "vmsync",
  queueUrlOf: (name) => name,
});

describe("the functions of the simulation", () => {
  it.each(Object.entries(FUNCTIONS))(
    "run as long, and are tried as often, as the template says: %s",
    (name, numbers) => {
      const declared = model.functions.find((each) => each.name === `vmsync-${name}`);
      expect({ timeoutMs: declared?.timeoutMs, ...declared?.asynchronous }).toMatchObject(numbers);
    },
  );

  it("are given batches of the apartments' queues as the template says", () => {
    const { batchMessagesMax, batchesMax, deadLetterBatchesMax } = APARTMENT_SOURCE;
    expect(mapping("apartment")).toMatchObject({ batchMessagesMax, batchesMax, windowMs: 0 });
    expect(mapping("dead-letters")).toMatchObject({
      batchMessagesMax,
      batchesMax: deadLetterBatchesMax,
      windowMs: 0,
    });
    expect(queue("vmsync-apartments.fifo")).toMatchObject({
      VisibilityTimeout: String(APARTMENT_SOURCE.visibilitySeconds),
      RedrivePolicy: expect.stringContaining(`"maxReceiveCount":${APARTMENT_SOURCE.receivesMax}`),
    });
    expect(queue("vmsync-apartments-dead.fifo")).toMatchObject({
      VisibilityTimeout: String(APARTMENT_SOURCE.deadLetterVisibilitySeconds),
    });
  });

  it("are given batches of the events' queue as the template says", () => {
    const { visibilitySeconds, ...source } = EVENT_SOURCE;
    expect(mapping("events")).toMatchObject(source);
    expect(queue("vmsync-events")).toMatchObject({ VisibilityTimeout: String(visibilitySeconds) });
  });

  it("are given reports that were given up as the template says", () => {
    const { visibilitySeconds, ...source } = FAILED_REPORT_SOURCE;
    expect(mapping("redrive-reports")).toMatchObject(source);
    expect(queue("vmsync-reports-failed")).toMatchObject({
      VisibilityTimeout: String(visibilitySeconds),
    });
  });

  it("are all that the template gives batches to", () => {
    const names = new Set(model.mappings.map(({ functionName }) => functionName));
    expect([...names].sort()).toEqual(
      ["apartment", "dead-letters", "events", "redrive-reports"].map((name) => `vmsync-${name}`),
    );
  });

  it("are reached by the template's rules, and by no others", () => {
    const of = (rules: typeof RULES) =>
      rules.map(({ pattern, scheduleExpression, targets }) => ({
        pattern,
        scheduleExpression,
        targets: targets.map(({ arn }) => targetOf(arn).replace(/^vmsync-/, "")),
      }));
    expect(of(RULES)).toHaveLength(model.rules.length);
    expect(of(RULES)).toEqual(expect.arrayContaining(of(model.rules)));
  });
});

function mapping(name: string): MappingModel | undefined {
  return model.mappings.find(
    ({ functionName, queueName }) =>
      functionName === `vmsync-${name}` && !queueName.endsWith("-undelivered"),
  );
}

function queue(name: string): Readonly<Record<string, string>> | undefined {
  return model.queues.find((each) => each.name === name)?.attributes;
}
