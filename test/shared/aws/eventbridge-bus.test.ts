import { EventBridgeClient } from "@aws-sdk/client-eventbridge";
import { afterEach, expect, test } from "vitest";
import { eventbridgeBus } from "../../../shared/aws/eventbridge-bus.ts";
import { TopicEvent } from "../../../shared/model/topic.ts";
import { T0 } from "../../support/a-record.ts";
import { type ScriptedAnswer, type ScriptedAws, scriptedAws } from "../../support/scripted-aws.ts";
import { testClock } from "../../support/test-clock.ts";

const ok = { EventId: "11111111-1111-1111-1111-111111111111" };
const failed = { ErrorCode: "ThrottlingException", ErrorMessage: "slow down" };
const answer = (...entries: readonly object[]): ScriptedAnswer => ({
  status: 200,
  body: { FailedEntryCount: entries.filter((entry) => entry === failed).length, Entries: entries },
});
const events = (count: number, detail: TopicEvent["detail"] = {}) =>
  Array.from({ length: count }, (_, n) =>
    TopicEvent.parse({ family: "incident", topic: "incident.orphan", id: `e${n}`, at: T0, detail }),
  );

let aws: ScriptedAws;
afterEach(() => aws.close());

async function busOn(answers: readonly ScriptedAnswer[]) {
  aws = await scriptedAws(answers);
  const client = new EventBridgeClient(aws.config);
  return eventbridgeBus({ events: client, busName: "vmsync", clock: testClock() });
}
const requested = () => {
  const requests: { Entries: { Detail: string }[] }[] = JSON.parse(JSON.stringify(aws.requests));
  return requests.map(({ Entries }) => Entries.map(({ Detail }) => JSON.parse(Detail).id));
};

test("entries that failed are put again, and only those", async () => {
  const bus = await busOn([answer(ok, failed, ok, failed), answer(ok, failed), answer(ok)]);
  await bus.put(events(4));
  expect(requested()).toEqual([["e0", "e1", "e2", "e3"], ["e1", "e3"], ["e3"]]);
});

test("gives up after a few attempts with a failure that is worth a later try", async () => {
  const bus = await busOn([answer(failed)]);
  const put = bus.put(events(1));
  await expect(put).rejects.toMatchObject({ name: "ServiceFailure", transient: true });
  expect(aws.requests).toHaveLength(4);
});

test("a request holds ten entries at most, and 256 KiB", async () => {
  const bus = await busOn([answer(ok)]);
  await bus.put(events(23));
  expect(requested().map((ids) => ids.length)).toEqual([10, 10, 3]);
  await bus.put(events(5, { filler: "ü".repeat(50 * 1024) }));
  expect(
    requested()
      .slice(3)
      .map((ids) => ids.length),
  ).toEqual([2, 2, 1]);
});
