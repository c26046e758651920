import { describe, expect, it } from "vitest";
import { LogicalId } from "../../../shared/model/ids.ts";
import type { JobRecord } from "../../../shared/model/job.ts";
import { JOINED_MAX } from "../../../shared/model/join.ts";
import { aJob, aMessage, jobIdOf } from "../../support/a-record.ts";
import { JobWorld, vmIdNumber } from "../../support/job-world.ts";

const HOUR_MS = 3_600_000;
const parentVm = vmIdNumber(1);
const gathering = (input: object): Partial<JobRecord> => ({
  type: "test.gather",
  vmId: parentVm,
  input: { until: "all", ...input },
});
const anErrand = (vm: number, input: object = {}): Partial<JobRecord> => ({
  type: "test.errand",
  vmId: vmIdNumber(vm),
  input,
});
const child = (vm: number, input: object = {}) => ({
  key: `vm-${vm}`,
  vmId: vmIdNumber(vm),
  errand: input,
});
const joining = (...ns: readonly number[]) => ({
  jobs: ns.map((n) => ({ key: `job-${n}`, jobId: jobIdOf(n) })),
});

/** VMs that are there, with nothing to do. */
async function aJobWorld(vms: number): Promise<JobWorld> {
  const world = new JobWorld();
  for (let vm = 1; vm <= vms; vm += 1) await world.submit(1_000 + vm, anErrand(vm));
  await world.drain();
  return world;
}

/** Has something done at the very moment at which a job is joined: before the joiner is noted, or after. */
function atTheJoin(world: JobWorld, when: "before" | "after", what: () => Promise<void>): void {
  const { jobs } = world.deps;
  let done = false;
  const once = async () => {
    if (!done) {
      done = true;
      await what();
    }
  };
  world.deps = {
    ...world.deps,
    jobs: {
      ...jobs,
      addJoiner: async (id, joiner) => {
        if (when === "before") await once();
        const answer = await jobs.addJoiner(id, joiner);
        if (when === "after") await once();
        return answer;
      },
    },
  };
}

describe("a job that joins another's", () => {
  const said = { ends: { "job-2": { said: jobIdOf(2) } } };

  it("is told at once of one that ended before", async () => {
    const world = await aJobWorld(2);
    await world.submit(2, anErrand(2));
    await world.drain();
    const parent = await world.submit(3, gathering(joining(2)));
    await world.drain();
    expect(world.job(parent)).toMatchObject({ status: "succeeded", result: said });
  });

  it("is told of one whose end another job of its VM was told of just before", async () => {
    const world = await aJobWorld(2);
    await world.submit(2, anErrand(2));
    for (const n of [3, 4]) await world.submit(n, gathering({ ...joining(2), forMs: 9 * HOUR_MS }));
    await world.drain();
    for (const n of [3, 4])
      expect(world.job({ id: jobIdOf(n) })).toMatchObject({ status: "succeeded", result: said });
  });

  it.each(["before", "after"] as const)(
    "is told of one that ends while it is joined, right %s the joiner is noted",
    async (when) => {
      const world = await aJobWorld(2);
      const other = await world.submit(2, anErrand(2, { forMs: HOUR_MS }));
      await world.drain();
      atTheJoin(world, when, async () => {
        await world.tick();
        await world.drain();
        expect(world.job(other).status).toBe("succeeded");
      });
      const parent = await world.submit(3, gathering({ ...joining(2), forMs: 9 * HOUR_MS }));
      await world.drain();
      expect(world.job(parent)).toMatchObject({ status: "succeeded", result: said });
    },
  );

  it("is told of one that ends after", async () => {
    const world = await aJobWorld(2);
    await world.submit(2, anErrand(2, { forMs: HOUR_MS }));
    const parent = await world.submit(3, gathering({ ...joining(2), forMs: 9 * HOUR_MS }));
    await world.drain();
    expect(world.job(parent).status).toBe("waiting");
    expect(world.record(parentVm)?.active).toMatchObject({
      waitFor: { kind: "jobs" },
      joined: [{ jobId: jobIdOf(2) }],
    });
    await world.finish();
    expect(world.job(parent)).toMatchObject({ status: "succeeded", result: said });
  });

  it("is told the errors of those that failed, and goes by them itself", async () => {
    const world = await aJobWorld(3);
    await world.submit(2, anErrand(2, { fails: true }));
    await world.submit(3, anErrand(3));
    const parent = await world.submit(4, gathering(joining(2, 3)));
    await world.finish();
    const ends = { "job-2": { code: "host_refused" }, "job-3": { said: jobIdOf(3) } };
    expect(world.job(parent)).toMatchObject({ status: "succeeded", result: { ends } });
  });

  it("is told join_failed of one that is not there, and of a result that is of another type", async () => {
    const world = await aJobWorld(2);
    const other = aJob(2, { ...anErrand(2), status: "succeeded", revision: 3, result: { eh: 1 } });
    world.world.memory.tables.jobs.put(other.id, other);
    const parent = await world.submit(3, gathering(joining(2, 77)));
    await world.finish();
    const ends = { "job-2": { code: "join_failed" }, "job-77": { code: "join_failed" } };
    expect(world.job(parent)).toMatchObject({ result: { ends } });
  });

  it("waits for any: the first is told, and the rest are nothing to it", async () => {
    const world = await aJobWorld(3);
    await world.submit(2, anErrand(2, { forMs: 2 * HOUR_MS }));
    await world.submit(3, anErrand(3, { forMs: HOUR_MS }));
    const parent = await world.submit(
      4,
      gathering({ ...joining(2, 3), until: "any", forMs: 9 * HOUR_MS }),
    );
    await world.finish();
    const ends = { "job-3": { said: jobIdOf(3) } };
    expect(world.job(parent)).toMatchObject({ status: "succeeded", result: { ends } });
  });

  it("A8 finds an end that nobody told it of when its deadline comes", async () => {
    const world = await aJobWorld(2);
    const other = await world.submit(2, anErrand(2, { forMs: HOUR_MS }));
    const parent = await world.submit(3, gathering({ ...joining(2), forMs: 2 * HOUR_MS }));
    await world.drain();
    await world.tick();
    await world.turn();
    expect(world.job(other).status).toBe("succeeded");
    expect(world.world.taken()).toMatchObject([{ message: { body: { kind: "job-ended" } } }]);
    await world.finish();
    expect(world.job(parent)).toMatchObject({ status: "succeeded", result: said });
  });

  it("A8 is told when its deadline comes first", async () => {
    const world = await aJobWorld(2);
    await world.submit(2, anErrand(2, { forMs: 9 * HOUR_MS }));
    const parent = await world.submit(3, gathering({ ...joining(2), forMs: HOUR_MS }));
    await world.finish();
    expect(world.job(parent)).toMatchObject({ status: "failed", error: { code: "join_failed" } });
  });

  it("A7 is told by whoever finds it ended, where its end was written and not told", async () => {
    const world = await aJobWorld(2);
    await world.submit(2, anErrand(2, { forMs: HOUR_MS }));
    const parent = await world.submit(3, gathering({ ...joining(2), forMs: 9 * HOUR_MS }));
    await world.drain();
    const { jobs } = world.deps;
    const whole = world.deps;
    world.deps = {
      ...whole,
      jobs: {
        ...jobs,
        project: async (effect) => {
          await jobs.project(effect);
          throw new Error("died after the write");
        },
      },
    };
    await world.tick();
    await world.turn();
    expect(world.job({ id: jobIdOf(2) }).status).toBe("succeeded");
    world.deps = whole;
    // The message comes again, and its turn sends again what the commit stored (A4).
    await world.drain();
    expect(world.job(parent)).toMatchObject({ status: "succeeded", result: said });
  });

  it("does not believe that one has ended before its record says so", async () => {
    const world = await aJobWorld(2);
    await world.submit(2, anErrand(2, { forMs: HOUR_MS }));
    const parent = await world.submit(3, gathering({ ...joining(2), forMs: 9 * HOUR_MS }));
    await world.drain();
    const version = world.record(parentVm)?.version;
    const early = aMessage({ kind: "job-ended", jobId: jobIdOf(2) });
    await world.deps.apartmentQueue.send([{ to: parentVm, message: early }]);
    await world.drain();
    expect(world.record(parentVm)?.version).toBe(version);
    await world.finish();
    expect(world.job(parent).status).toBe("succeeded");
  });
});

describe("a job that starts others", () => {
  it("starts each once, as its own, and is told how they ended", async () => {
    const world = await aJobWorld(4);
    const start = [child(2), child(3, { forMs: HOUR_MS }), child(4, { fails: true })];
    const parent = await world.submit(2, gathering({ start, forMs: 9 * HOUR_MS }));
    await world.drain();
    const started = world.startedBy(parent);
    expect(started.map(({ vmId, type }) => [vmId, type])).toEqual(
      [2, 3, 4].map((vm) => [vmIdNumber(vm), "test.errand"]),
    );
    await world.finish();
    const ends = {
      "vm-2": { said: started[0]?.id },
      "vm-3": { said: started[1]?.id },
      "vm-4": { code: "host_refused" },
    };
    expect(world.job(parent)).toMatchObject({ status: "succeeded", result: { ends } });
    expect(world.startedBy(parent)).toHaveLength(3);
  });

  it("A4 starts none twice when its effects are sent again", async () => {
    const world = await aJobWorld(2);
    const parent = await world.submit(2, gathering({ start: [child(2)] }));
    const whole = world.deps;
    const { apartmentQueue } = whole;
    world.deps = {
      ...whole,
      apartmentQueue: {
        send: async (messages) => {
          await apartmentQueue.send(messages);
          throw new Error("died after sending");
        },
      },
    };
    await world.turn();
    world.deps = whole;
    await world.submit(3, anErrand(1));
    await world.finish();
    expect(world.startedBy(parent)).toHaveLength(1);
    expect(world.job(parent).status).toBe("succeeded");
  });

  it("is told of one whose VM is gone", async () => {
    const world = await aJobWorld(1);
    const parent = await world.submit(2, gathering({ start: [child(9)] }));
    await world.drain();
    const ends = { "vm-9": { code: "vm_state_conflict" } };
    expect(world.job(parent)).toMatchObject({ status: "succeeded", result: { ends } });
  });

  it("called off, calls off what it started and nothing else", async () => {
    const world = await aJobWorld(4);
    const others = await world.submit(2, anErrand(2, { forMs: HOUR_MS }));
    const start = [child(3, { forMs: HOUR_MS }), child(4)];
    const parent = await world.submit(3, gathering({ start, ...joining(2) }));
    await world.drain();
    await world.deps.jobs.requestCancel(parent.id, undefined);
    const cancel = aMessage({ kind: "cancel", jobId: parent.id });
    await world.deps.apartmentQueue.send([{ to: parentVm, message: cancel }]);
    await world.drain();
    expect(world.job(parent).status).toBe("cancelled");
    expect(world.startedBy(parent).map(({ status }) => status)).toEqual(["cancelled", "succeeded"]);
    expect(world.job(others)).toMatchObject({ status: "waiting", cancelRequested: false });
  });

  it("called off, may wait until what it started has ended", async () => {
    const world = await aJobWorld(2);
    const start = [child(2, { forMs: HOUR_MS })];
    const parent = await world.submit(2, gathering({ start, stays: true }));
    await world.drain();
    const cancel = aMessage({ kind: "cancel", jobId: parent.id });
    await world.deps.apartmentQueue.send([{ to: parentVm, message: cancel }]);
    await world.turn();
    expect(world.job(parent).status).toBe("waiting");
    await world.drain();
    expect(world.job(parent).status).toBe("cancelled");
  });

  it.each([
    ["under one key", [child(2), child(2)]],
    ["none at all", []],
    ["more than a record holds", Array.from({ length: JOINED_MAX + 1 }, (_, n) => child(100 + n))],
  ])("fails as poison where it starts %s", async (_, start) => {
    const world = await aJobWorld(2);
    const parent = await world.submit(2, gathering({ start }));
    await world.drain();
    expect(world.job(parent)).toMatchObject({ error: { code: "poison_message" } });
    expect(world.startedBy(parent)).toEqual([]);
  });
});

describe("a job that starts others in its own apartment", () => {
  const own = (key: string, input: object = {}) => ({ key, vmId: parentVm, errand: input });
  const active = (world: JobWorld) => world.record(parentVm)?.active;
  const outer = (world: JobWorld) => world.record(parentVm)?.outer?.map(({ jobId }) => jobId);

  it("steps back for one after the other, ahead of all that wait, and goes on in the commit in which they end", async () => {
    const world = await aJobWorld(1);
    const parent = await world.submit(2, gathering({ start: [own("a"), own("b")] }));
    const behind = await world.submit(3, anErrand(1));
    const version = world.record(parentVm)?.version ?? 0;
    await world.turn();
    expect(world.record(parentVm)?.version).toBe(version + 1);
    const [a, b] = world.startedBy(parent);
    const ends = { a: { said: a?.id }, b: { said: b?.id } };
    expect(world.job(parent)).toMatchObject({ status: "succeeded", result: { ends } });
    expect(world.job(behind).status).toBe("succeeded");
    await world.drain();
    expect(world.record(parentVm)).toMatchObject({ queued: [] });
    expect(world.startedBy(parent)).toHaveLength(2);
  });

  it("A1 only the inner one acts meanwhile, and is shown with what has stepped back for it", async () => {
    const world = await aJobWorld(1);
    const parent = await world.submit(2, gathering({ start: [own("a", { forMs: HOUR_MS })] }));
    const behind = await world.submit(3, anErrand(1));
    await world.drain();
    const [inner] = world.startedBy(parent);
    expect(active(world)?.jobId).toBe(inner?.id);
    expect(outer(world)).toEqual([parent.id]);
    expect(world.job(behind).status).toBe("queued");
    expect(world.job(parent).status).toBe("waiting");
    await world.finish();
    expect(world.job(parent).status).toBe("succeeded");
    expect(outer(world)).toBeUndefined();
    expect(world.job(behind).status).toBe("succeeded");
  });

  it("hears meanwhile of others that it waits for, and is told of all together", async () => {
    const world = await aJobWorld(2);
    const start = [child(2), own("a", { forMs: HOUR_MS }), own("b", { fails: true })];
    const parent = await world.submit(2, gathering({ start, forMs: 9 * HOUR_MS }));
    await world.finish();
    const { result } = world.job(parent);
    expect(Object.keys(Object(result).ends).sort()).toEqual(["a", "b", "vm-2"]);
    expect(result).toMatchObject({ ends: { b: { code: "host_refused" } } });
  });

  it("waiting for any, goes on with the first; what it started next is then one among the others", async () => {
    const world = await aJobWorld(1);
    const start = [own("a"), own("b", { forMs: HOUR_MS })];
    const parent = await world.submit(2, gathering({ start, until: "any" }));
    await world.finish();
    expect(Object.keys(Object(world.job(parent).result).ends)).toEqual(["a"]);
    for (const job of world.startedBy(parent)) expect(job.status).toBe("succeeded");
  });

  it("goes on though the apartment is paused: they are part of it", async () => {
    const world = await aJobWorld(1);
    const start = [own("a", { forMs: HOUR_MS }), own("b")];
    const parent = await world.submit(2, gathering({ start }));
    await world.drain();
    const pause = aMessage({ kind: "pause", paused: true });
    await world.deps.apartmentQueue.send([{ to: parentVm, message: pause }]);
    await world.submit(3, anErrand(1));
    await world.finish();
    expect(world.job(parent).status).toBe("succeeded");
    expect(world.record(parentVm)?.queued).toHaveLength(1);
  });

  it.each(["stays", "goes at once"])(
    "called off, calls off the inner one and those to come, and %s",
    async (how) => {
      const world = await aJobWorld(1);
      const start = [own("a", { forMs: HOUR_MS }), own("b")];
      const parent = await world.submit(2, gathering({ start, stays: how === "stays" }));
      await world.drain();
      await world.deps.jobs.requestCancel(parent.id, undefined);
      const cancel = aMessage({ kind: "cancel", jobId: parent.id });
      await world.deps.apartmentQueue.send([{ to: parentVm, message: cancel }]);
      await world.finish();
      expect(world.job(parent).status).toBe("cancelled");
      expect(world.startedBy(parent).map(({ status }) => status)).toEqual([
        "cancelled",
        "cancelled",
      ]);
      expect(world.record(parentVm)).toMatchObject({ queued: [] });
      expect(active(world)).toBeUndefined();
    },
  );

  it("A4 takes each step once where its worker dies before its effects are sent", async () => {
    const world = await aJobWorld(1);
    const whole = world.deps;
    const parent = await world.submit(2, gathering({ start: [own("a"), own("b")] }));
    const { jobs } = whole;
    world.deps = {
      ...whole,
      jobs: {
        ...jobs,
        create: async () => {
          throw new Error("died");
        },
      },
    };
    await world.turn();
    world.deps = whole;
    await world.finish();
    expect(world.job(parent).status).toBe("succeeded");
    expect(world.startedBy(parent).map(({ status }) => status)).toEqual(["succeeded", "succeeded"]);
  });
});

describe("a circle of jobs that wait for each other", () => {
  const code = (world: JobWorld, n: number) =>
    Object.values(Object(world.job({ id: jobIdOf(n) }).result).ends ?? {});

  it("is refused to a job that waits for itself, or for one behind it", async () => {
    const world = await aJobWorld(1);
    await world.submit(2, gathering(joining(2)));
    await world.drain();
    expect(code(world, 2)).toEqual([{ code: "join_cycle" }]);
    await world.submit(3, gathering(joining(4)));
    await world.submit(4, anErrand(1));
    await world.drain();
    expect(code(world, 3)).toEqual([{ code: "join_cycle" }]);
    expect(world.job({ id: jobIdOf(4) }).status).toBe("succeeded");
  });

  it("is refused to whoever closes it, over any number of apartments", async () => {
    const world = await aJobWorld(3);
    const on = (vm: number, n: number) => ({ ...gathering(joining(n)), vmId: vmIdNumber(vm) });
    await world.submit(2, on(1, 3));
    await world.submit(3, on(2, 4));
    await world.submit(4, on(3, 2));
    await world.drain();
    const cycles = [2, 3, 4].filter((n) => JSON.stringify(code(world, n)).includes("join_cycle"));
    expect(cycles.length).toBeGreaterThan(0);
    for (const n of [2, 3, 4]) expect(world.job({ id: jobIdOf(n) }).status).toBe("succeeded");
    expect(world.world.clock.at).toBe(world.job({ id: jobIdOf(2) }).createdAt);
  });

  it("is refused where both close it at the same moment", async () => {
    const world = await aJobWorld(2);
    const on = (vm: number, n: number) => ({ ...gathering(joining(n)), vmId: vmIdNumber(vm) });
    let waiting = 2;
    let open = () => {};
    const both = new Promise<void>((resolve) => {
      open = resolve;
    });
    const { jobs } = world.deps;
    world.deps = {
      ...world.deps,
      jobs: {
        ...jobs,
        addJoiner: async (id, joiner) => {
          waiting -= 1;
          if (waiting === 0) open();
          await both;
          return jobs.addJoiner(id, joiner);
        },
      },
    };
    await world.submit(2, on(1, 3));
    await world.submit(3, on(2, 2));
    await world.drain();
    expect(code(world, 2)).toEqual([{ code: "join_cycle" }]);
    expect(world.job({ id: jobIdOf(3) }).status).toBe("succeeded");
  });

  it("is refused to who starts a job that would queue behind one that waits for it", async () => {
    const world = await aJobWorld(2);
    await world.submit(2, { ...gathering({ start: [child(2)] }), vmId: vmIdNumber(1) });
    await world.submit(3, { ...gathering({ start: [child(1)] }), vmId: vmIdNumber(2) });
    await world.drain();
    const codes = [2, 3].flatMap((n) => code(world, n));
    expect(codes).toContainEqual({ code: "join_cycle" });
    const jobs = world.world.memory.tables.jobs.all();
    expect(jobs.map(({ status }) => status).filter((each) => each === "waiting")).toEqual([]);
    expect(world.world.clock.at).toBe(world.job({ id: jobIdOf(2) }).createdAt);
  });

  it("A3 is told once: told again, when its message was long forgotten, nothing comes of it", async () => {
    const world = await aJobWorld(3);
    await world.submit(2, anErrand(2, { forMs: HOUR_MS }));
    await world.submit(3, anErrand(3, { forMs: HOUR_MS }));
    await world.submit(4, gathering({ ...joining(2, 3), forMs: 9 * HOUR_MS }));
    await world.drain();
    const told = aMessage({ kind: "join-refused", parentId: jobIdOf(4), jobId: jobIdOf(2) });
    const versions: unknown[] = [];
    for (const logicalId of [told.logicalId, LogicalId.parse("forgotten")]) {
      const message = { ...told, logicalId };
      await world.deps.apartmentQueue.send([{ to: parentVm, message }]);
      await world.drain();
      versions.push(world.record(parentVm)?.version);
    }
    expect(versions[1]).toBe(versions[0]);
    await world.finish();
    expect(code(world, 4)).toContainEqual({ code: "join_cycle" });
  });

  it("is no circle where one that was joined does not wait any more", async () => {
    const world = await aJobWorld(3);
    await world.submit(2, anErrand(2, { forMs: HOUR_MS }));
    await world.submit(3, {
      ...gathering({ ...joining(2), forMs: 9 * HOUR_MS }),
      vmId: vmIdNumber(3),
    });
    const first = await world.submit(
      4,
      gathering({ ...joining(3, 2), until: "any", forMs: 9 * HOUR_MS }),
    );
    await world.finish();
    expect(world.job(first)).toMatchObject({ status: "succeeded" });
    expect(code(world, 3)).toEqual([{ said: jobIdOf(2) }]);
  });
});
