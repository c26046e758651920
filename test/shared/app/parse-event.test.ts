import { describe, expect, it } from "vitest";
import { parseEvent } from "../../../shared/app/parse-event.ts";
import { memoryBus } from "../../../shared/memory/memory-bus.ts";
import { TopicEvent } from "../../../shared/model/topic.ts";
import { T0, vmId } from "../../support/a-record.ts";

const event = TopicEvent.parse({
  family: "vm.state",
  topic: `vm.state.${vmId}`,
  id: `${vmId}.3.1`,
  at: T0 + 7,
  account: "acme",
  detail: { vmId, from: "Stopped", to: "Starting", note: "größe ✓" },
});
/** As a rule of the bus delivers it. */
const delivered = async (put: TopicEvent): Promise<string> => {
  const rule = {
    ...{ name: "r", busName: "vmsync", arn: "arn:aws:events:r", enabled: true },
    pattern: { source: ["vmsync"] },
    targets: [{ id: "t", arn: "arn:aws:lambda:us-east-1:111111111111:function:t" }],
  };
  const { bus, request } = memoryBus({ clock: { now: () => T0 }, rules: [rule] });
  await bus.put([put]);
  const taken = request({ action: "take", max: 1, leaseMs: 1 });
  return taken.kind === "taken" ? (taken.deliveries[0]?.payload ?? "") : "";
};

describe("an event's text", () => {
  it("is read back as it was put", async () => {
    expect(parseEvent(await delivered(event))).toEqual({ ok: true, event });
    const { account: _, ...nobodys } = event;
    expect(parseEvent(await delivered(nobodys))).toEqual({ ok: true, event: nobodys });
  });

  it.each([
    ["{", "the whole"],
    [JSON.stringify({ source: "aws.ec2" }), "source"],
    [JSON.stringify({ source: "vmsync", "detail-type": "hush", detail: {} }), "detail-type"],
    [JSON.stringify({ source: "vmsync", "detail-type": "custom", detail: {} }), "detail.topic"],
  ])("is refused with where it is wrong, quoting nothing: %s", (text, where) => {
    expect(parseEvent(text)).toEqual({ ok: false, reason: `not an event: ${where} is not valid` });
  });
});
