import { beforeEach, describe, expect, test } from "vitest";
import { AccountId } from "../../shared/model/ids.ts";
import { aJob, aRecord, jobIdOf, T0, vmId } from "../support/a-record.ts";
import type { OpenStores, StoreWorld } from "./store-world.ts";

const account = AccountId.parse("acme");
const requestHash = "0".repeat(64);
const otherHash = "1".repeat(64);
const DAY_MS = 86_400_000;

const aKey = (key: string, hash: string = requestHash) => ({
  account,
  key,
  requestHash: hash,
  expiresAt: T0 + DAY_MS,
});

export function submissionsContract(open: OpenStores): void {
  describe("Submissions", () => {
    let world: StoreWorld;
    beforeEach(async () => {
      world = await open();
    });

    test("brings a job into being", async () => {
      const accepted = await world.submissions.accept({ job: aJob(1), now: T0 });
      expect(accepted).toEqual({ status: "accepted" });
      expect(await world.jobs.read(jobIdOf(1))).toEqual(aJob(1));
    });

    test("A3: accepting a job again, whatever has become of it, leaves it as it is", async () => {
      await world.submissions.accept({ job: aJob(1), now: T0 });
      const effect = { kind: "job", jobId: jobIdOf(1), revision: 5, attempts: 1 } as const;
      await world.jobs.project({ ...effect, status: "succeeded", journal: [] });
      const again = await world.submissions.accept({ job: aJob(1), now: T0 });
      expect(again).toEqual({ status: "accepted" });
      expect((await world.jobs.read(jobIdOf(1)))?.status).toBe("succeeded");
    });

    test("brings a VM, its XML and its first job into being together", async () => {
      const record = aRecord({ vm: { domainXmlVersion: 1 } });
      const accepted = await world.submissions.accept({
        job: aJob(1),
        vm: { record, domainXml: "<domain/>" },
        idempotency: aKey("k"),
        now: T0,
      });
      expect(accepted).toEqual({ status: "accepted" });
      expect(await world.apartments.read(vmId)).toEqual(record);
      expect(await world.apartments.readDomainXml(vmId, 1)).toBe("<domain/>");
      expect(await world.jobs.read(jobIdOf(1))).toEqual(aJob(1));
    });

    test("refuses a VM whose id is taken, and then makes nothing of the rest", async () => {
      await world.submissions.accept({ vm: { record: aRecord() }, now: T0 });
      const refused = await world.submissions.accept({
        job: aJob(1),
        vm: {
          record: aRecord({ vm: { name: "another", domainXmlVersion: 1 } }),
          domainXml: "<d/>",
        },
        idempotency: aKey("k"),
        now: T0,
      });
      expect(refused).toEqual({ status: "vm_exists" });
      expect(await world.jobs.read(jobIdOf(1))).toBeUndefined();
      expect((await world.apartments.read(vmId))?.vm.name).toBe("web");
      expect(await world.apartments.readDomainXml(vmId, 1)).toBeUndefined();
      const recalled = await world.submissions.recall({ ...aKey("k"), now: T0 });
      expect(recalled).toBeUndefined();
    });

    test("of many that make the same VM, one does", async () => {
      const outcomes = await Promise.all(
        [1, 2, 3, 4, 5].map((n) =>
          world.submissions.accept({ job: aJob(n), vm: { record: aRecord() }, now: T0 }),
        ),
      );
      const statuses = outcomes.map(({ status }) => status).toSorted();
      const refused = ["vm_exists", "vm_exists", "vm_exists", "vm_exists"];
      expect(statuses).toEqual(["accepted", ...refused]);
      const jobs = await Promise.all([1, 2, 3, 4, 5].map((n) => world.jobs.read(jobIdOf(n))));
      expect(jobs.filter((job) => job !== undefined)).toHaveLength(1);
    });

    test("throws on domain XML that its VM does not name, and makes nothing", async () => {
      const vm = { record: aRecord(), domainXml: "<domain/>" };
      await expect(world.submissions.accept({ vm, now: T0 })).rejects.toThrow("without a version");
      expect(await world.apartments.read(vmId)).toBeUndefined();
    });

    describe("with a key", () => {
      test("the same request again answers what the first made", async () => {
        await world.submissions.accept({ job: aJob(1), idempotency: aKey("k"), now: T0 });
        const again = await world.submissions.accept({
          job: aJob(2),
          idempotency: aKey("k"),
          now: T0 + DAY_MS - 1,
        });
        expect(again).toEqual({ status: "replayed", jobId: jobIdOf(1) });
        expect(await world.jobs.read(jobIdOf(2))).toBeUndefined();
      });

      test("a replay of a creation names VM and job, and wins over vm_exists", async () => {
        const submission = { job: aJob(1), vm: { record: aRecord() }, idempotency: aKey("k") };
        await world.submissions.accept({ ...submission, now: T0 });
        const again = await world.submissions.accept({ ...submission, now: T0 });
        expect(again).toEqual({ status: "replayed", jobId: jobIdOf(1), vmId });
      });

      test("another request with the key is a conflict and makes nothing", async () => {
        await world.submissions.accept({ job: aJob(1), idempotency: aKey("k"), now: T0 });
        const other = await world.submissions.accept({
          job: aJob(2),
          idempotency: aKey("k", otherHash),
          now: T0,
        });
        expect(other).toEqual({ status: "idempotency_conflict" });
        expect(await world.jobs.read(jobIdOf(2))).toBeUndefined();
      });

      test("an expired key is as good as new, though its item is still there", async () => {
        await world.submissions.accept({ job: aJob(1), idempotency: aKey("k"), now: T0 });
        const now = T0 + DAY_MS;
        expect(await world.submissions.recall({ ...aKey("k"), now })).toBeUndefined();
        const idempotency = { ...aKey("k", otherHash), expiresAt: now + DAY_MS };
        const again = await world.submissions.accept({ job: aJob(2), idempotency, now });
        expect(again).toEqual({ status: "accepted" });
        const recalled = await world.submissions.recall({ ...aKey("k", otherHash), now });
        expect(recalled).toEqual({ status: "replayed", jobId: jobIdOf(2) });
      });

      test("keys are an account's own", async () => {
        await world.submissions.accept({ job: aJob(1), idempotency: aKey("k"), now: T0 });
        const idempotency = { ...aKey("k"), account: AccountId.parse("umbrella") };
        const other = await world.submissions.accept({ job: aJob(2), idempotency, now: T0 });
        expect(other).toEqual({ status: "accepted" });
      });

      test("of many requests with one key at once, one is accepted and the others answer it", async () => {
        const numbers = [1, 2, 3, 4, 5, 6];
        const outcomes = await Promise.all(
          numbers.map((n) =>
            world.submissions.accept({ job: aJob(n), idempotency: aKey("k"), now: T0 }),
          ),
        );
        const winner = numbers[outcomes.findIndex(({ status }) => status === "accepted")] ?? 0;
        const replayed = { status: "replayed", jobId: jobIdOf(winner) };
        expect(outcomes.filter(({ status }) => status === "replayed")).toEqual(
          Array.from({ length: 5 }, () => replayed),
        );
      });

      test("a seed is that of the first, settled or not, until the key expires", async () => {
        const { submissions } = world;
        const accept = (seed: string, now: number) =>
          submissions.accept({ seed, idempotency: { ...aKey("k"), expiresAt: now + DAY_MS }, now });
        expect(await accept("one", T0)).toEqual({ status: "accepted" });
        expect(await accept("two", T0)).toEqual({ status: "replayed", seed: "one" });
        await submissions.settle(aKey("k"));
        await submissions.settle(aKey("k"));
        const settled = { status: "replayed", seed: "one", done: true };
        expect(await accept("three", T0)).toEqual(settled);
        expect(await submissions.recall({ ...aKey("k"), now: T0 })).toEqual(settled);
        expect(await accept("four", T0 + DAY_MS)).toEqual({ status: "accepted" });
        expect(await accept("five", T0 + DAY_MS)).toEqual({ status: "replayed", seed: "four" });
      });

      test("settling a key that is none, or another request's by now, changes nothing", async () => {
        const { submissions } = world;
        await submissions.settle(aKey("k"));
        expect(await submissions.recall({ ...aKey("k"), now: T0 })).toBeUndefined();
        await submissions.accept({ seed: "one", idempotency: aKey("k"), now: T0 });
        await submissions.settle(aKey("k", otherHash));
        const kept = await submissions.recall({ ...aKey("k"), now: T0 });
        expect(kept).toEqual({ status: "replayed", seed: "one" });
      });

      test("recall answers what the key made, a conflict, or nothing", async () => {
        const recall = (hash: string) =>
          world.submissions.recall({ ...aKey("any visible: ~!#/…", hash), now: T0 });
        expect(await recall(requestHash)).toBeUndefined();
        const idempotency = aKey("any visible: ~!#/…");
        await world.submissions.accept({ job: aJob(1), idempotency, now: T0 });
        expect(await recall(requestHash)).toEqual({ status: "replayed", jobId: jobIdOf(1) });
        expect(await recall(otherHash)).toEqual({ status: "idempotency_conflict" });
      });
    });
  });
}
