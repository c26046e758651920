import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type BusEngine, openBusEngine } from "../../../local/engine/bus-engine.ts";
import { openQueueEngine } from "../../../local/engine/queue-engine.ts";
import { type RuleTargets, startRuleTargets } from "../../../local/lambda/rule-targets.ts";
import { openStore, type Store } from "../../../local/store/open-store.ts";
import { type ManualClock, manualClock } from "../manual-clock.ts";

const functionArn = "arn:aws:lambda:us-east-1:111111111111:function:f";
const rules = [
  {
    name: "r",
    busName: "vmsync",
    arn: "arn:aws:events:us-east-1:111111111111:rule/vmsync/r",
    enabled: true,
    pattern: { source: ["vmsync"] },
    targets: [{ id: "f", arn: functionArn }],
  },
  {
    name: "s",
    busName: "default",
    arn: "arn:aws:events:us-east-1:111111111111:rule/s",
    enabled: true,
    scheduleExpression: "rate(1 minute)",
    targets: [{ id: "f", arn: functionArn }],
  },
];

describe("the targets of rules", () => {
  let clock: ManualClock;
  let store: Store;
  let targets: RuleTargets;
  let invoked: string[];
  let refuse: boolean;
  beforeEach(() => {
    clock = manualClock();
    store = openStore(":memory:");
    invoked = [];
    refuse = false;
  });
  afterEach(async () => {
    await targets.stop();
    await store.close();
  });

  const start = (): BusEngine => {
    const place = { store, clock, region: "us-east-1", accountId: "111111111111" };
    const bus = openBusEngine({ ...place, rules, queues: openQueueEngine(place) });
    targets = startRuleTargets({
      bus,
      clock,
      onFailure: () => {},
      onBroken: (error) => {
        throw error;
      },
      invoke: async (arn, event) => {
        if (refuse) throw new Error("not now");
        const { source } = JSON.parse(event);
        invoked.push(`${arn === functionArn ? "f" : arn} ${source}`);
      },
    });
    return bus;
  };
  const put = (bus: BusEngine) =>
    bus.putEvents([{ source: "vmsync", detailType: "t", detail: "{}", busName: "vmsync" }]);

  it("get each event once", async () => {
    const bus = start();
    await put(bus);
    await put(bus);
    await expect.poll(() => invoked).toEqual(["f vmsync", "f vmsync"]);
    clock.advance(1_000);
    expect(invoked).toHaveLength(2);
  });

  it("are invoked each minute by a schedule", async () => {
    start();
    for (const runs of [1, 2, 3]) {
      await clock.waitedFor();
      clock.advance(60_000);
      await expect.poll(() => invoked).toEqual(Array(runs).fill("f aws.events"));
    }
  });

  it("get an event again that could not be handed over, after a while", async () => {
    refuse = true;
    const bus = start();
    await put(bus);
    await clock.waitedFor();
    refuse = false;
    await expect
      .poll(() => {
        clock.advance(1_000);
        return invoked;
      })
      .toContain("f vmsync");
  });

  it("get an event again that a stop interrupted", async () => {
    refuse = true;
    await put(start());
    await targets.stop();
    refuse = false;
    start();
    clock.advance(2_000);
    await expect.poll(() => invoked).toContain("f vmsync");
  });
});
