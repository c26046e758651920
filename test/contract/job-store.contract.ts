import { beforeEach, describe, expect, test } from "vitest";
import type { JobEffect } from "../../shared/model/effect.ts";
import { AccountId, HostId, hostApartmentId, VmId } from "../../shared/model/ids.ts";
import type { JobRecord } from "../../shared/model/job.ts";
import { JOINERS_MAX, type Joiner } from "../../shared/model/join.ts";
import { aJob, jobIdOf, T0, vmId } from "../support/a-record.ts";
import { allPages } from "./all-pages.ts";
import type { OpenStores, StoreWorld } from "./store-world.ts";

const anEffect = (overrides: Partial<JobEffect>): JobEffect => ({
  kind: "job",
  jobId: jobIdOf(1),
  revision: 2,
  status: "running",
  attempts: 1,
  journal: [],
  ...overrides,
});
const entry = (note: string) => ({ at: T0, step: "step", note });

export function jobStoreContract(open: OpenStores): void {
  describe("JobStore", () => {
    let world: StoreWorld;
    beforeEach(async () => {
      world = await open();
    });
    const accept = (n: number, overrides: Partial<JobRecord> = {}) =>
      world.submissions.accept({ job: aJob(n, overrides), now: T0 });

    test("reads nothing of a job that does not exist or is past its time", async () => {
      expect(await world.jobs.read(jobIdOf(1))).toBeUndefined();
      await accept(1, { expiresAt: T0 + 1_000 });
      expect(await world.jobs.read(jobIdOf(1))).toEqual(aJob(1, { expiresAt: T0 + 1_000 }));
      world.clock.advance(1_000);
      expect(await world.jobs.read(jobIdOf(1))).toBeUndefined();
    });

    test("creates a job once, and leaves one that is there as it is", async () => {
      const job = aJob(1, { status: "running", revision: 4 });
      expect(await world.jobs.create(job)).toBe("created");
      expect(await world.jobs.create(aJob(1, { status: "queued" }))).toBe("exists");
      expect(await world.jobs.read(jobIdOf(1))).toEqual(job);
      expect(await world.jobs.unsent({ before: T0, limit: 5 })).toEqual([]);
      const end = anEffect({ revision: 5, status: "succeeded", expiresAt: T0 + 1_000 });
      expect(await world.jobs.project(end)).toEqual({ status: "projected" });
    });

    describe("project", () => {
      test("writes what the effect names and leaves the rest", async () => {
        await accept(1, {
          parentId: jobIdOf(7),
          input: { graceSeconds: 5 },
          cancelRequested: true,
        });
        const named = {
          status: "waiting",
          attempts: 3,
          hostId: HostId.parse("host-a"),
          progress: { step: "boot", percent: 40 },
          startedAt: T0 + 1,
        } as const;
        const first = await world.jobs.project(anEffect({ ...named, journal: [entry("a")] }));
        expect(first).toEqual({ status: "projected" });
        const before = { parentId: jobIdOf(7), input: { graceSeconds: 5 }, cancelRequested: true };
        const expected = aJob(1, { ...before, ...named, revision: 2, journal: [entry("a")] });
        expect(await world.jobs.read(jobIdOf(1))).toEqual(expected);
        await world.jobs.project(anEffect({ revision: 3, status: "running", attempts: 3 }));
        const next = await world.jobs.read(jobIdOf(1));
        expect(next).toEqual({ ...expected, revision: 3, status: "running" });
      });

      test("holds against a lower revision only, so that an older one changes nothing", async () => {
        await accept(1);
        await world.jobs.project(anEffect({ revision: 5, status: "waiting" }));
        for (const revision of [4, 5]) {
          const late = anEffect({ revision, status: "running", journal: [entry("late")] });
          expect(await world.jobs.project(late)).toEqual({ status: "superseded" });
        }
        const job = await world.jobs.read(jobIdOf(1));
        expect(job).toMatchObject({ revision: 5, status: "waiting", journal: [] });
      });

      test("appends each journal entry once, in order, however often it is sent", async () => {
        await accept(1);
        const second = anEffect({ revision: 3, journal: [entry("b ✓"), entry("c")] });
        await world.jobs.project(anEffect({ revision: 2, journal: [entry("a")] }));
        await Promise.all([world.jobs.project(second), world.jobs.project(second)]);
        await world.jobs.project(second);
        const notes = (await world.jobs.read(jobIdOf(1)))?.journal.map(({ note }) => note);
        expect(notes).toEqual(["a", "b ✓", "c"]);
      });

      test.each(["succeeded", "failed", "cancelled"] as const)(
        "A7: a job that is %s never changes again",
        async (status) => {
          await accept(1);
          const end = anEffect({
            status,
            result: { done: true },
            error: { code: "cancelled", detail: "so wollte man's" },
            finishedAt: T0 + 9,
            expiresAt: T0 + 90_000,
          });
          expect(await world.jobs.project(end)).toEqual({ status: "projected" });
          const ended = await world.jobs.read(jobIdOf(1));
          expect(ended).toMatchObject({ status, finishedAt: T0 + 9, expiresAt: T0 + 90_000 });
          const later = anEffect({ revision: 9, status: "running", journal: [entry("no")] });
          expect(await world.jobs.project(later)).toEqual({ status: "superseded" });
          expect(await world.jobs.read(jobIdOf(1))).toEqual(ended);
        },
      );

      test("says that a job is missing, and does not make it", async () => {
        expect(await world.jobs.project(anEffect({}))).toEqual({ status: "missing" });
        expect(await world.jobs.read(jobIdOf(1))).toBeUndefined();
        await accept(1, { expiresAt: T0 + 1_000, status: "succeeded", revision: 1 });
        world.clock.advance(1_000);
        expect(await world.jobs.project(anEffect({}))).toEqual({ status: "missing" });
      });
    });

    describe("joining", () => {
      const joiner = (n: number): Joiner => ({ apartmentId: vmId, jobId: jobIdOf(n) });
      const hosts: Joiner = {
        apartmentId: hostApartmentId(HostId.parse("host-a")),
        jobId: jobIdOf(60),
      };
      const end = anEffect({ status: "succeeded", result: {} });
      const sorted = (joiners: readonly Joiner[] | undefined) =>
        joiners?.toSorted((one, other) => (one.jobId < other.jobId ? -1 : 1));

      test("A7: the write that ends a job answers who joined it, each once; no other write does", async () => {
        await world.jobs.create(aJob(1), joiner(50));
        for (const each of [joiner(51), joiner(51), hosts, joiner(50)])
          expect(await world.jobs.addJoiner(jobIdOf(1), each)).toBe("joined");
        expect(await world.jobs.project(anEffect({ revision: 1 }))).toEqual({
          status: "projected",
        });
        const ended = await world.jobs.project(end);
        expect(ended.status).toBe("projected");
        expect(sorted(ended.joiners)).toEqual([joiner(50), joiner(51), hosts]);
      });

      test("A7: an end that is written again answers them again", async () => {
        await world.jobs.create(aJob(1), joiner(50));
        await world.jobs.project(end);
        const again = { status: "superseded", joiners: [joiner(50)] };
        expect(await world.jobs.project(end)).toEqual(again);
        expect(await world.jobs.project(anEffect({ revision: 9 }))).toEqual({
          status: "superseded",
        });
      });

      test("A7: whoever joins either is answered by the end or told that there was one", async () => {
        await accept(1);
        const [joined, ended] = await Promise.all([
          world.jobs.addJoiner(jobIdOf(1), joiner(50)),
          world.jobs.project(end),
        ]);
        expect(joined === "ended" ? [] : [joiner(50)]).toEqual(ended.joiners ?? []);
        expect(await world.jobs.addJoiner(jobIdOf(1), joiner(51))).toBe("ended");
      });

      test("is no revision, and shows in no job", async () => {
        await accept(1);
        await world.jobs.addJoiner(jobIdOf(1), joiner(50));
        expect(await world.jobs.read(jobIdOf(1))).toEqual(aJob(1));
      });

      test("says what is not there, and makes nothing of it", async () => {
        expect(await world.jobs.addJoiner(jobIdOf(1), joiner(50))).toBe("missing");
        expect(await world.jobs.read(jobIdOf(1))).toBeUndefined();
        await accept(2, { expiresAt: T0 + 1_000, status: "failed" });
        world.clock.advance(1_000);
        expect(await world.jobs.addJoiner(jobIdOf(2), joiner(50))).toBe("missing");
      });

      test("is refused to more than a job's end can tell", async () => {
        await accept(1);
        for (let n = 0; n < JOINERS_MAX; n += 1)
          await world.jobs.addJoiner(jobIdOf(1), joiner(100 + n));
        expect(await world.jobs.addJoiner(jobIdOf(1), joiner(99))).toBe("full");
        expect(await world.jobs.addJoiner(jobIdOf(1), joiner(100))).toBe("joined");
        expect((await world.jobs.project(end)).joiners).toHaveLength(JOINERS_MAX);
      });
    });

    describe("requestCancel", () => {
      test("notes it once, with the first reason, and is no revision", async () => {
        await accept(1);
        const first = await world.jobs.requestCancel(jobIdOf(1), "never mind");
        const expected = aJob(1, { cancelRequested: true, cancelReason: "never mind" });
        expect(first).toEqual(expected);
        expect(await world.jobs.requestCancel(jobIdOf(1), "another")).toEqual(expected);
        expect(await world.jobs.requestCancel(jobIdOf(1), undefined)).toEqual(expected);
        expect(await world.jobs.read(jobIdOf(1))).toEqual(expected);
      });

      test("stays through the projections that follow", async () => {
        await accept(1);
        await world.jobs.requestCancel(jobIdOf(1), undefined);
        await world.jobs.project(anEffect({ status: "waiting" }));
        const job = await world.jobs.read(jobIdOf(1));
        expect(job).toMatchObject({ status: "waiting", cancelRequested: true });
      });

      test("A7: answers a job that has ended as it ended", async () => {
        await accept(1);
        await world.jobs.project(anEffect({ status: "succeeded", result: {} }));
        const ended = await world.jobs.read(jobIdOf(1));
        expect(await world.jobs.requestCancel(jobIdOf(1), "too late")).toEqual(ended);
        expect(await world.jobs.read(jobIdOf(1))).toEqual(ended);
      });

      test("answers nothing for a job that is not there or past its time", async () => {
        expect(await world.jobs.requestCancel(jobIdOf(1), undefined)).toBeUndefined();
        expect(await world.jobs.read(jobIdOf(1))).toBeUndefined();
        await accept(2, { expiresAt: T0 + 1_000, status: "failed" });
        world.clock.advance(1_000);
        expect(await world.jobs.requestCancel(jobIdOf(2), undefined)).toBeUndefined();
      });
    });

    describe("list", () => {
      const other = VmId.parse("44444444-4444-4444-8444-444444444444");
      beforeEach(async () => {
        for (let n = 1; n <= 21; n += 1) {
          await accept(n, {
            createdAt: T0 + n,
            account: AccountId.parse(n % 3 === 0 ? "umbrella" : "acme"),
            vmId: n % 2 === 0 ? vmId : other,
            hostId: HostId.parse(n % 5 === 0 ? "host-b" : "host-a"),
            type: n % 7 === 0 ? "vm.stop" : "vm.start",
            status: n === 4 ? "failed" : "queued",
            expiresAt: n === 10 ? T0 + 1_000 : undefined,
          });
        }
      });
      const listed = async (filter: Parameters<StoreWorld["jobs"]["list"]>[0], limit: number) => {
        const jobs = await allPages((page) => world.jobs.list(filter, page), limit);
        return jobs.map((job) => job.createdAt - T0);
      };
      const downFrom = (fits: (n: number) => boolean) =>
        Array.from({ length: 21 }, (_, n) => 21 - n).filter(fits);

      test("goes over everything, newest first, each once", async () => {
        expect(await listed({}, 4)).toEqual(downFrom(() => true));
      });

      test("filters by account, VM, host, status and type, alone and together", async () => {
        const account = AccountId.parse("umbrella");
        const hostId = HostId.parse("host-b");
        expect(await listed({ account }, 3)).toEqual(downFrom((n) => n % 3 === 0));
        expect(await listed({ vmId }, 3)).toEqual(downFrom((n) => n % 2 === 0));
        expect(await listed({ hostId }, 3)).toEqual([20, 15, 10, 5]);
        expect(await listed({ status: "failed" }, 3)).toEqual([4]);
        expect(await listed({ type: "vm.stop" }, 3)).toEqual([21, 14, 7]);
        expect(await listed({ account, vmId }, 3)).toEqual([18, 12, 6]);
        const none = { account, vmId, hostId, status: "failed", type: "vm.stop" } as const;
        expect(await listed(none, 3)).toEqual([]);
      });

      test("leaves out what is past its time", async () => {
        world.clock.advance(1_000);
        expect(await listed({}, 4)).toEqual(downFrom((n) => n !== 10));
      });

      test("answers bad_cursor to what it did not make", async () => {
        const page = await world.jobs.list({}, { limit: 2, cursor: "nonsense" });
        expect(page).toEqual({ ok: false, reason: "bad_cursor" });
      });
    });

    test("unsent answers jobs that no apartment has admitted, oldest first, at most so many", async () => {
      for (let n = 1; n <= 12; n += 1) await accept(n, { createdAt: T0 + 20 - n });
      await accept(13, { createdAt: T0, vmId: undefined });
      await world.jobs.project(anEffect({ jobId: jobIdOf(12), revision: 2 }));
      const expected = [11, 10, 9, 8, 7, 6, 5].map((n) => ({ jobId: jobIdOf(n), to: vmId }));
      expect(await world.jobs.unsent({ before: T0 + 15, limit: 50 })).toEqual(expected);
      const few = await world.jobs.unsent({ before: T0 + 15, limit: 3 });
      expect(few).toEqual(expected.slice(0, 3));
    });

    test("unsent answers a job about a host with the host's apartment", async () => {
      const hostId = HostId.parse("host-a");
      await accept(1, { vmId: undefined, hostId });
      const expected = [{ jobId: jobIdOf(1), to: hostApartmentId(hostId) }];
      expect(await world.jobs.unsent({ before: T0, limit: 5 })).toEqual(expected);
    });
  });
}
