import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { CommandId, LogicalId } from "../../../shared/model/ids.ts";
import { EVENTS_KEPT_MAX, type HeardEvent } from "../../../shared/model/listening.ts";
import { aRecord, jobIdOf, T0, vmId } from "../../support/a-record.ts";
import { OneJob } from "../../support/one-job.ts";
import { PREPARE_MS, RELEASE_TOPIC, withRelease } from "../../support/release-work.ts";

const job = { type: "test.await-release", input: { version: 3 } };
const aListener = () => new OneJob(aRecord(), job, { work: withRelease });

/** The interest of the job's only topic. */
const interestOf = (run: OneJob): CommandId => {
  const [listening] = run.record.active?.topics ?? [];
  if (listening === undefined) throw new Error("the job listens to nothing");
  return listening.id;
};
const release = (version: number, overrides: Partial<HeardEvent> = {}): HeardEvent => ({
  topic: "custom.release.web",
  id: `event-${version}`,
  at: T0,
  detail: { version, ready: true },
  ...overrides,
});
const told = (id: CommandId, event: HeardEvent) => ({ kind: "topic", id, event }) as const;
const listening = (id: CommandId) => ({ kind: "listening", id }) as const;
const prepared = (run: OneJob) => {
  run.hear(listening(interestOf(run)));
  run.now += PREPARE_MS;
  return run.hear({ kind: "wake", dueAt: run.now });
};

describe("a job that listens to a topic", () => {
  it("registers its interest, and goes on when that is known", () => {
    const run = aListener();
    const id = interestOf(run);
    expect(run.effects("listen")).toEqual([
      {
        kind: "listen",
        interest: {
          id,
          topic: RELEASE_TOPIC,
          to: vmId,
          jobId: jobIdOf(1),
          account: "acme",
          expiresAt: T0 + 90 * 86_400_000,
        },
      },
    ]);
    expect(run.record.active).toMatchObject({ step: "listen", status: "running" });
    run.hear(listening(CommandId.parse("another")));
    expect(run.record.active?.step).toBe("listen");
    run.hear(listening(id));
    expect(run.record.active?.step).toBe("prepare");
  });

  it("waits, and shows for what, until an event of it comes; then listens no more", () => {
    const run = prepared(aListener());
    const id = interestOf(run);
    expect(run.record.active).toMatchObject({
      status: "waiting",
      waitFor: { kind: "topic", prefixes: ["custom.release"] },
    });
    run.hear(told(id, release(2)));
    expect(run.record.active?.memo).toMatchObject({ seen: 1 });
    run.hear(told(id, release(3)));
    expect(run.ended).toMatchObject({ status: "succeeded", result: { version: 3, seen: 2 } });
    expect(run.effects("unlisten")).toEqual([
      { kind: "unlisten", interest: { id, topic: RELEASE_TOPIC } },
    ]);
  });

  it.each([
    ["of another topic", release(3, { topic: "custom.released" })],
    ["that says otherwise", release(3, { detail: { version: 3, ready: false } })],
    ["that does not say it", release(3, { detail: { version: 3 } })],
  ])("takes no event %s, whatever it was sent for", (_, event) => {
    const run = prepared(aListener());
    const before = run.record;
    run.hear(told(interestOf(run), event));
    expect(run.record).toBe(before);
  });

  it("takes no event for an interest that it does not have", () => {
    const run = prepared(aListener());
    const before = run.record;
    run.hear(told(CommandId.parse("another"), release(3)));
    expect(run.record).toBe(before);
  });

  it("hears what comes before it is told that it listens, and before it waits", () => {
    const early = aListener();
    early.hear(told(interestOf(early), release(3)));
    expect(early.record.active?.step).toBe("listen");
    expect(prepared(early).ended).toMatchObject({ status: "succeeded", result: { seen: 1 } });
    const busy = aListener();
    busy.hear(listening(interestOf(busy)), told(interestOf(busy), release(3)));
    expect(busy.record.active?.step).toBe("prepare");
    busy.now += PREPARE_MS;
    expect(busy.hear({ kind: "wake", dueAt: busy.now }).ended).toMatchObject({
      status: "succeeded",
    });
  });

  it("is told what was kept in its order, the newest few of it", () => {
    const run = aListener();
    const id = interestOf(run);
    for (const version of [5, 1, 2]) run.hear(told(id, release(version)));
    expect(run.record.active?.topics?.[0]?.heard).toHaveLength(EVENTS_KEPT_MAX);
    expect(prepared(run).record.active?.memo).toMatchObject({ seen: 2 });
    run.hear(told(id, release(3)));
    expect(run.ended).toMatchObject({ result: { version: 3, seen: 3 } });
  });

  it("is told an event once, however often and under whatever name it comes", () => {
    const run = prepared(aListener());
    const id = interestOf(run);
    run.hear(told(id, release(1)), told(id, release(1)));
    run.turn([
      {
        ok: true,
        message: { v: 1, logicalId: LogicalId.parse("x"), body: told(id, release(1)) },
      },
    ]);
    expect(run.record.active?.memo).toMatchObject({ seen: 1 });
  });

  it("A8: ends by its deadline when every wake-up is lost", () => {
    const lost = aListener().silenceToTheEnd();
    expect(lost.ended).toMatchObject({ status: "failed", error: { detail: "listen" } });
    const deaf = prepared(aListener()).silenceToTheEnd();
    expect(deaf.ended).toMatchObject({ status: "failed", error: { detail: "wait" } });
    expect(deaf.effects("unlisten")).toHaveLength(1);
    const ends = deaf.effects("event").map(({ event }) => event.detail);
    expect(ends).toMatchObject([
      { type: "test.await-release", status: "failed", error: { code: "timed_out" } },
    ]);
  });

  it("listens no more when it is called off, or cannot go on", () => {
    const called = prepared(aListener()).hear({ kind: "cancel", jobId: jobIdOf(1) });
    expect(called.ended).toMatchObject({ status: "cancelled" });
    expect(called.effects("unlisten")).toHaveLength(1);
    const broken = prepared(aListener());
    const id = interestOf(broken);
    broken.hear(told(id, release(0, { detail: { version: "three", ready: true } })));
    expect(broken.ended).toMatchObject({ status: "failed", error: { code: "poison_message" } });
    expect(broken.effects("unlisten")).toHaveLength(1);
  });

  it("takes nothing of it any more once it has ended", () => {
    const run = prepared(aListener());
    const id = interestOf(run);
    run.hear(told(id, release(3)));
    const ended = run.record;
    run.hear(told(id, release(4)), listening(id));
    expect(run.record).toBe(ended);
  });
});

describe("wake-ups that are lost, early, doubled or late", () => {
  type Move = "listening" | "wake" | { readonly version: number; readonly times: number };
  const move: fc.Arbitrary<Move> = fc.oneof(
    fc.constant<Move>("listening"),
    fc.constant<Move>("wake"),
    fc.record({ version: fc.integer({ min: 1, max: 5 }), times: fc.integer({ min: 1, max: 3 }) }),
  );

  it("A7, A8: change when a job ends, never how it ends given what it heard while it waited", () => {
    fc.assert(
      fc.property(fc.array(move, { maxLength: 20 }), (moves) => {
        const run = aListener();
        const id = interestOf(run);
        let ends = 0;
        let heardInTime = false;
        const toldBefore = new Set<number>();
        for (const each of moves) {
          const before = run.record;
          const waits = before.active?.waitFor.kind === "topic";
          if (each === "listening") run.hear(listening(id));
          else if (each === "wake") {
            run.now += PREPARE_MS;
            run.hear({ kind: "wake", dueAt: run.now });
          } else {
            const message = told(id, release(each.version));
            run.hear(...Array.from({ length: each.times }, () => message));
            // What came before it waited may have made room for newer ones: told again, it is no news.
            if (waits && each.version >= 3 && !toldBefore.has(each.version)) heardInTime = true;
            toldBefore.add(each.version);
          }
          const { active, wakeAt, version } = run.record;
          if (before.active !== undefined && active === undefined) ends += 1;
          if (active !== undefined) expect(wakeAt).toBeLessThanOrEqual(active.deadlineAt);
          if (before.active === undefined) expect(version).toBe(before.version);
        }
        const { active } = run.record;
        const keptGood = (active?.topics?.[0]?.heard ?? []).some(
          ({ detail }) => Number(detail["version"]) >= 3,
        );
        if (active !== undefined) {
          expect(heardInTime).toBe(false);
          if (active.step === "listen") run.hear(listening(id));
          run.silenceToTheEnd();
          ends += 1;
          expect(run.ended?.status).toBe(keptGood ? "succeeded" : "failed");
        }
        expect(ends).toBe(1);
        expect(run.record.active).toBeUndefined();
      }),
    );
  });
});
