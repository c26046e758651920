import { describe, expect, it } from "vitest";
import { CommandId } from "../../../shared/model/ids.ts";
import { TopicEvent } from "../../../shared/model/topic.ts";
import { listeners } from "../../../sim/checks/listeners.ts";
import { aRecord, T0 } from "../../support/a-record.ts";
import { OneJob } from "../../support/one-job.ts";
import { RELEASE_TOPIC, withRelease } from "../../support/release-work.ts";

const MINUTE_MS = 60_000;
const released = TopicEvent.parse({
  family: "custom",
  topic: `${RELEASE_TOPIC.prefix}.web`,
  id: "released",
  at: T0,
  detail: { ready: true, version: 3 },
});

/** A job that was told that it listens and hears nothing, while this is told so many minutes before and after. */
function unheard(told: {
  readonly atMinute: number;
  readonly event?: TopicEvent;
}): readonly string[] {
  const broken: string[] = [];
  let now = T0;
  const watching = listeners(
    () => now,
    (invariant) => broken.push(invariant),
  );
  const job = { type: "test.await-release", input: { version: 3 } };
  const run = new OneJob(aRecord(), job, { work: withRelease });
  const step = (go: () => void) => {
    const before = run.record;
    go();
    watching.committed(before, run.record);
  };
  const id = CommandId.parse(run.record.active?.topics?.[0]?.id);
  const tell = () => watching.told(told.event ?? released);
  if (told.atMinute < 0) tell();
  now += 1;
  step(() => run.hear({ kind: "listening", id }));
  now += Math.max(0, told.atMinute) * MINUTE_MS;
  if (told.atMinute >= 0) tell();
  now = T0 + 120 * MINUTE_MS;
  while (run.record.active !== undefined) step(() => run.silence());
  return broken;
}

describe("a job that ends in vain", () => {
  it("broke nothing if nothing was told since it knew that it listens, or not for it, or just now", () => {
    expect(unheard({ atMinute: -1 })).toEqual([]);
    expect(unheard({ atMinute: 1, event: { ...released, detail: { ready: false } } })).toEqual([]);
    expect(unheard({ atMinute: 119 })).toEqual([]);
  });

  it("is found while it knows that it listens, by who asks for its topic", () => {
    const broken: string[] = [];
    const watching = listeners(
      () => T0,
      (invariant) => broken.push(invariant),
    );
    const job = { type: "test.await-release", input: { version: 3 } };
    const run = new OneJob(aRecord(), job, { work: withRelease });
    const id = CommandId.parse(run.record.active?.topics?.[0]?.id);
    const before = run.record;
    const nobody = () => watching.found([RELEASE_TOPIC.prefix], []);
    nobody();
    run.hear({ kind: "listening", id });
    watching.committed(before, run.record);
    watching.found(["custom.other"], []);
    const { jobId, account } = run.record.active ?? {};
    if (jobId === undefined || account === undefined) throw new Error("it has ended");
    const interest = { id, topic: RELEASE_TOPIC, to: run.record.id, jobId, account, expiresAt: T0 };
    watching.found([RELEASE_TOPIC.prefix], [interest]);
    expect(broken).toEqual([]);
    nobody();
    expect(broken).toEqual(["wake_up"]);
  });

  it("broke what it should have heard long ago", () => {
    expect(unheard({ atMinute: 1 })).toEqual(["wake_up"]);
  });
});
