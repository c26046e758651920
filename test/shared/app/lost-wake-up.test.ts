/**
 * A job that listens, over real ports in memory: whatever of registering, telling and waking dies half-way or is done twice,
 * what was told after the job knew that it listens reaches it (design.md, "The lost wake-up").
 */
import { describe, expect, it } from "vitest";
import { recordEvents } from "../../../shared/app/record-events.ts";
import { submission } from "../../../shared/app/submission.ts";
import { takeTurns } from "../../../shared/app/take-turns.ts";
import { TopicEvent } from "../../../shared/model/topic.ts";
import { aJob, aMessage, aRecord, jobIdOf, T0, vmId } from "../../support/a-record.ts";
import { aWorld, type World } from "../../support/memory-world.ts";
import { PREPARE_MS, withRelease } from "../../support/release-work.ts";

const job = aJob(1, { type: "test.await-release", input: { version: 3 } });
const released = TopicEvent.parse({
  family: "custom",
  topic: "custom.release.web",
  id: "custom.release-3",
  at: T0,
  account: "acme",
  detail: { version: 3, ready: true },
});

type Deps = World["deps"];

/** Takes the turns of everything that waits; what fails is delivered again, as the queue would. */
async function turns(world: World, deps: Deps = world.deps): Promise<void> {
  for (let messages = world.taken(); messages.length > 0; messages = world.taken()) {
    const deliveries = messages.map(({ to, message }, n) => ({
      messageId: `m${n}`,
      group: to,
      sequence: String(n + 1),
      receiptHandle: `h${n}`,
      receiveCount: 1,
      content: { ok: true as const, message },
    }));
    const failed = await takeTurns({ ...deps, work: withRelease }, deliveries);
    if (failed.length > 0) await takeTurns({ ...world.deps, work: withRelease }, deliveries);
  }
}

/** As the bus hands it over. */
const bodyOf = ({ family, detail, ...event }: TopicEvent) =>
  JSON.stringify({
    source: "vmsync",
    "detail-type": family,
    detail: { ...detail, ...event, at: new Date(event.at).toISOString() },
  });
const tell = (deps: Deps) => recordEvents(deps, [{ messageId: "m", body: bodyOf(released) }]);

async function aListener(deps?: (world: World) => Deps): Promise<World> {
  const world = aWorld();
  await world.deps.submissions.accept({ vm: { record: aRecord() }, job, now: T0 });
  const submitted = submission(job);
  if (submitted === undefined) throw new Error("the job has no apartment");
  await world.deps.apartmentQueue.send([submitted]);
  await turns(world, deps?.(world));
  return world;
}
async function prepared(world: World): Promise<void> {
  world.clock.at += PREPARE_MS;
  const [due] = await world.deps.apartments.due({ before: world.clock.at, limit: 10 });
  if (due === undefined) throw new Error("nothing is due");
  const message = aMessage({ kind: "wake", dueAt: due.wakeAt });
  await world.deps.apartmentQueue.send([{ to: due.id, message }]);
  await turns(world);
}
const failingOnce = <P extends object, M extends keyof P>(port: P, method: M): P => {
  let failed = false;
  return new Proxy(port, {
    get: (target, name, receiver) => {
      const found = Reflect.get(target, name, receiver);
      if (name !== method || failed || typeof found !== "function") return found;
      return async () => {
        failed = true;
        throw new Error(`${String(method)} failed`);
      };
    },
  });
};
const statusOf = async ({ deps }: World) => (await deps.jobs.read(jobIdOf(1)))?.status;

describe("what is told to a topic", () => {
  it("reaches the job that listens, and is recorded", async () => {
    const world = await aListener();
    await prepared(world);
    expect(await statusOf(world)).toBe("waiting");
    await tell(world.deps);
    await turns(world);
    expect(await statusOf(world)).toBe("succeeded");
    expect(await world.deps.events.feed({}, { limit: 9 })).toMatchObject({ items: [released] });
    expect(await world.deps.interests.under(["custom.release"])).toEqual([]);
  });

  it("reaches it when it is told as soon as the job knows that it listens", async () => {
    const world = await aListener();
    await tell(world.deps);
    await turns(world);
    await prepared(world);
    expect(await statusOf(world)).toBe("succeeded");
  });

  it("is found by whoever asks who listens before the job is told that it does", async () => {
    const found: number[] = [];
    await aListener(({ deps }) => ({
      ...deps,
      apartmentQueue: {
        send: async (messages) => {
          const interests = await deps.interests.under([released.topic, "custom.release"]);
          if (messages.some(({ message }) => message.body.kind === "listening"))
            found.push(interests.length);
          await deps.apartmentQueue.send(messages);
        },
      },
    }));
    expect(new Set(found)).toEqual(new Set([1]));
  });

  it.each([
    [
      "registering fails",
      (world: World): Deps => ({
        ...world.deps,
        interests: failingOnce(world.deps.interests, "register"),
      }),
    ],
    [
      "the answer is not sent",
      (world: World): Deps => ({
        ...world.deps,
        apartmentQueue: failingOnce(world.deps.apartmentQueue, "send"),
      }),
    ],
    [
      "the commit fails",
      (world: World): Deps => ({
        ...world.deps,
        apartments: failingOnce(world.deps.apartments, "commit"),
      }),
    ],
  ])("reaches it all the same when at first %s", async (_, broken) => {
    const world = await aListener(broken);
    const { active } = (await world.deps.apartments.read(vmId)) ?? {};
    expect(active?.step).toBe("prepare");
    await tell(world.deps);
    await turns(world);
    await prepared(world);
    expect(await statusOf(world)).toBe("succeeded");
  });

  it.each([
    [
      "it cannot be recorded",
      (world: World): Deps => ({ ...world.deps, events: failingOnce(world.deps.events, "append") }),
    ],
    [
      "nobody can be asked who listens",
      (world: World): Deps => ({
        ...world.deps,
        interests: failingOnce(world.deps.interests, "under"),
      }),
    ],
    [
      "the message is not sent",
      (world: World): Deps => ({
        ...world.deps,
        apartmentQueue: failingOnce(world.deps.apartmentQueue, "send"),
      }),
    ],
  ])("comes again, and does once what is to be done, when at first %s", async (_, broken) => {
    const world = await aListener();
    await prepared(world);
    const deps = broken(world);
    await expect(tell(deps)).rejects.toThrow("failed");
    await tell(deps);
    await turns(world);
    expect(await statusOf(world)).toBe("succeeded");
    expect((await world.deps.jobs.read(jobIdOf(1)))?.result).toEqual({ version: 3, seen: 1 });
    expect(await world.deps.events.feed({}, { limit: 9 })).toMatchObject({ items: [released] });
  });
});
