import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  apply,
  type BusDeps,
  type BusRequest,
  type BusResponse,
  nextDueAt,
} from "../../../shared/memory/bus-model.ts";
import { compileRule, type RuleSpec } from "../../../shared/memory/bus-rules.ts";
import { type Delivery, emptyBusState, evolve } from "../../../shared/memory/bus-state.ts";

const aRule = (overrides: Partial<RuleSpec> = {}): RuleSpec => ({
  name: "r",
  busName: "vmsync",
  arn: "arn:aws:events:us-east-1:111111111111:rule/vmsync/r",
  enabled: true,
  pattern: { source: ["vmsync"] },
  targets: [{ id: "f", arn: "arn:aws:lambda:us-east-1:111111111111:function:f" }],
  ...overrides,
});
const aTarget = (overrides: Partial<RuleSpec["targets"][number]> = {}) => ({
  id: "f",
  arn: "arn:aws:lambda:us-east-1:111111111111:function:f",
  ...overrides,
});

function bench(rules: readonly RuleSpec[]) {
  let ids = 0;
  const deps: BusDeps = {
    region: "us-east-1",
    accountId: "111111111111",
    eventId: () => `event-${++ids}`,
  };
  const made = {
    state: emptyBusState(rules),
    now: Date.parse("2026-01-01T00:00:00Z"),
    ask: (request: BusRequest): BusResponse => {
      const { response, changes } = apply(deps, made.state, made.now, request);
      evolve(made.state, changes);
      return response;
    },
    put: (source = "vmsync") =>
      made.ask({
        action: "putEvents",
        entries: [{ source, detailType: "t", detail: '{"a":1}', busName: "vmsync" }],
      }),
    take: (max = 10): readonly Delivery[] => {
      const response = made.ask({ action: "take", max, leaseMs: 1_000 });
      return response.kind === "taken" ? response.deliveries : [];
    },
    fail: (id: string) => {
      const response = made.ask({ action: "fail", id, error: { code: "E", message: "m" } });
      return response.kind === "failed" ? response.outcome : response.kind;
    },
  };
  return made;
}

describe("deliveries", () => {
  it("go to every target of every rule that matches, on its bus, and to no other", () => {
    const made = bench([
      aRule({ targets: [aTarget(), aTarget({ id: "g", input: '{"fixed":true}' })] }),
      aRule({ name: "s", pattern: { source: ["other"] } }),
      aRule({ name: "off", enabled: false }),
      aRule({ name: "elsewhere", busName: "default" }),
    ]);
    made.put();
    const taken = made.take();
    expect(taken.map(({ id }) => id)).toEqual(["event-1/vmsync/r/f", "event-1/vmsync/r/g"]);
    expect(taken[1]?.payload).toBe('{"fixed":true}');
  });

  it("B3: are leased, and due again when not acknowledged in time", () => {
    const made = bench([aRule()]);
    made.put();
    const [first] = made.take();
    expect(made.take()).toEqual([]);
    made.now += 1_000;
    expect(made.take().map(({ id }) => id)).toEqual([first?.id]);
    made.ask({ action: "acknowledge", id: first?.id ?? "" });
    made.now += 1_000;
    expect(made.take()).toEqual([]);
    expect(nextDueAt(made.state)).toBeUndefined();
  });

  it("B2: are tried 186 times within 24 hours, then dropped", () => {
    const made = bench([aRule()]);
    made.put();
    const start = made.now;
    let attempts = 0;
    for (let due = nextDueAt(made.state); due !== undefined; due = nextDueAt(made.state)) {
      made.now = Math.max(made.now, due);
      for (const { id } of made.take()) {
        attempts++;
        made.fail(id);
      }
    }
    expect(attempts).toBe(186);
    const hours = (made.now - start) / 3_600_000;
    expect(hours).toBeGreaterThan(23);
    expect(hours).toBeLessThan(24);
  });

  it("B2: go to the dead-letter queue, with the reason, when the target's retries are used up", () => {
    const deadLetterArn = "arn:aws:sqs:us-east-1:111111111111:dead";
    const made = bench([aRule({ targets: [aTarget({ retriesMax: 1, deadLetterArn })] })]);
    made.put();
    const outcomes = [];
    for (let attempt = 0; attempt < 2; attempt++) {
      outcomes.push(...made.take().map(({ id }) => made.fail(id)));
      made.now += 60_000;
    }
    expect(outcomes).toEqual(["retried", "deadLettered"]);
    const [dead] = made.take();
    expect(dead).toMatchObject({
      destination: { kind: "deadLetterQueue", arn: deadLetterArn },
      deadLetterAttributes: {
        ERROR_CODE: "E",
        EXHAUSTED_RETRY_CONDITION: "MaximumRetryAttempts",
        RETRY_ATTEMPTS: "1",
      },
    });
    expect(made.fail(dead?.id ?? "")).toBe("retried");
  });

  it("B2: are given up by age", () => {
    const made = bench([aRule({ targets: [aTarget({ eventAgeSecondsMax: 60 })] })]);
    made.put();
    made.now += 60_000;
    expect(made.take().map(({ id }) => made.fail(id))).toEqual(["dropped"]);
  });

  it("B1: reach an acknowledgement in any interleaving of failures, lost leases and new events", () => {
    const step = fc.constantFrom("put", "take", "fail", "acknowledge", "wait");
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const made = bench([aRule()]);
        let put = 0;
        const acknowledged = new Set<string>();
        let open: readonly Delivery[] = [];
        for (const s of steps) {
          if (s === "put") {
            made.put();
            put++;
          } else if (s === "take") open = made.take(3);
          else if (s === "wait") made.now += 700;
          else {
            const id = open[0]?.id;
            open = open.slice(1);
            if (id !== undefined && s === "fail") made.fail(id);
            else if (id !== undefined) {
              made.ask({ action: "acknowledge", id });
              acknowledged.add(id);
            }
          }
        }
        made.now += 3_600_000;
        for (const { id } of made.take(1_000)) {
          expect(acknowledged.has(id)).toBe(false);
          acknowledged.add(id);
        }
        expect(acknowledged.size).toBe(put);
      }),
    );
  });
});

describe("schedules", () => {
  const minute = (name = "r") =>
    aRule({ name, pattern: undefined, scheduleExpression: "rate(1 minute)" });

  it("B4: fire first after one interval, then each, and once for those that passed unseen", () => {
    const made = bench([minute()]);
    const fire = (ms: number) => {
      made.now += ms;
      made.ask({ action: "fireSchedules" });
      return made.take().length;
    };
    expect([fire(0), fire(59_999), fire(1), fire(0)]).toEqual([0, 0, 1, 0]);
    const later = bench([minute()]);
    evolve(later.state, [{ kind: "scheduleFired", ruleArn: aRule().arn, at: later.now - 200_000 }]);
    later.ask({ action: "fireSchedules" });
    const [delivery, ...others] = later.take();
    expect(others).toEqual([]);
    expect(JSON.parse(delivery?.payload ?? "")).toMatchObject({
      "detail-type": "Scheduled Event",
      source: "aws.events",
      time: "2025-12-31T23:59:40Z",
      resources: [aRule().arn],
    });
    later.ask({ action: "acknowledge", id: delivery?.id ?? "" });
    expect(nextDueAt(later.state)).toBe(later.now + 40_000);
  });

  it.each(["rate(1 minute)", "rate(2 minutes)", "rate(1 hour)", "rate(3 days)"])(
    "take %s",
    (scheduleExpression) => {
      expect(compileRule(aRule({ scheduleExpression })).trigger.kind).toBe("rate");
    },
  );

  // Recorded as refused by AWS, but for cron, which is only not supported here.
  it.each([
    "rate(10 seconds)",
    "rate(1 minutes)",
    "rate(10 minute)",
    "rate(0 minutes)",
    "rate(-10 minutes)",
    "rate(10 MINUTES)",
    "rate( 10 minutes )",
    " rate(10 minutes)",
    "rate()",
    "cron(0 20 * * ? *)",
  ])("refuse %s by name", (scheduleExpression) => {
    expect(() => compileRule(aRule({ scheduleExpression }))).toThrow(scheduleExpression);
  });
});

describe("rules", () => {
  it.each([
    ["InputPath", aTarget({ inputPath: "$.detail" })],
    ["InputTransformer", aTarget({ inputTransformer: {} })],
    [
      "arn:aws:sns:us-east-1:111111111111:t",
      aTarget({ arn: "arn:aws:sns:us-east-1:111111111111:t" }),
    ],
    ["work.fifo", aTarget({ arn: "arn:aws:sqs:us-east-1:111111111111:work.fifo" })],
    ["q.fifo", aTarget({ deadLetterArn: "arn:aws:sqs:us-east-1:111111111111:q.fifo" })],
  ])("are refused by name for %s", (named, target) => {
    expect(() => compileRule(aRule({ targets: [target] }))).toThrow(named);
  });

  it("are refused by name for a pattern that AWS refuses", () => {
    expect(() => compileRule(aRule({ pattern: { source: [] } }))).toThrow("rule r: event pattern");
  });
});
