import { describe, expect, it } from "vitest";
import type { ApartmentRecord } from "../../../shared/model/apartment-record.ts";
import { QUEUED_JOBS_MAX } from "../../../shared/model/apartment-record.ts";
import { VmId } from "../../../shared/model/ids.ts";
import { hasEnded } from "../../../shared/model/job.ts";
import {
  aHostFact,
  aJob,
  aMessage,
  aRecord,
  hostId,
  jobIdOf,
  otherHostId,
} from "../../support/a-record.ts";
import { OneJob } from "../../support/one-job.ts";
import { TurnWorld } from "../../support/turn-world.ts";

const RUNNING = { state: "Running" as const, hostId };
const TWO_HOSTS = { hosts: [aHostFact(), aHostFact({ hostId: otherHostId })] };
const MINUTE_MS = 60_000;
/** Longer than a job may be silent. */
const HOURS = { start: 86_400, stop: 86_400, migrate: 86_400, others: 86_400 };
const cancel = { kind: "cancel", jobId: jobIdOf(1), reason: "never mind" } as const;
const start = (record: ApartmentRecord, hosts = TWO_HOSTS) =>
  new OneJob(record, { type: "vm.start" }, hosts);
const stop = (record: ApartmentRecord, input: object) =>
  new OneJob(record, { type: "vm.stop", input });

const ended = (job: OneJob) => ({
  status: job.ended?.status,
  code: job.ended?.error?.code,
  state: job.record.vm.state,
  at: job.record.vm.hostId,
});
const called = (state: string, at?: string) => ({
  status: "cancelled",
  code: "cancelled",
  state,
  at,
});

describe("a job that is called off before it began", () => {
  it("ends at once, out of the middle of the queue", async () => {
    const world = new TurnWorld(aRecord({ paused: true }));
    for (const n of [1, 2, 3]) world.submit(aJob(n, { type: "vm.stop" }));
    await world.drain();
    world.cancel(jobIdOf(2));
    await world.drain();
    expect(world.record.queued.map(({ jobId }) => jobId)).toEqual([jobIdOf(1), jobIdOf(3)]);
    const job = world.tables.jobs.get(jobIdOf(2));
    expect(job).toMatchObject({ status: "cancelled", error: { code: "cancelled" }, attempts: 0 });
  });

  it("A3 ends though the cancel overtakes the submit, which then admits nothing", async () => {
    const world = new TurnWorld();
    const job = aJob(1, { type: "vm.start" });
    world.tables.jobs.put(job.id, job);
    world.cancel(job.id);
    await world.drain();
    expect(world.tables.jobs.get(job.id)?.status).toBe("cancelled");
    const { version } = world.record;
    world.send(aMessage({ kind: "submit", jobId: job.id }));
    await world.drain();
    expect(world.record).toMatchObject({ version, queued: [] });
    expect(world.record.active).toBeUndefined();
  });

  it("A7 ends once where cancel and submit are in one batch, in either order", async () => {
    for (const order of ["cancel first", "submit first"]) {
      const world = new TurnWorld();
      const job = aJob(1, { type: "vm.start" });
      if (order === "submit first") world.submit(job);
      else world.tables.jobs.put(job.id, job);
      world.cancel(job.id);
      if (order === "cancel first") world.submit({ ...job, cancelRequested: true });
      await world.drain();
      world.assertAtRest();
      expect(world.tables.jobs.get(job.id)?.status).toBe("cancelled");
      expect(world.history).toHaveLength(1);
    }
  });

  it("A7 changes nothing of a job that was turned away in the same batch: the apartment is full", async () => {
    const waiting = Array.from({ length: QUEUED_JOBS_MAX }, (_, n) => aJob(n + 2));
    const queued = waiting.map(({ id: jobId, type }) => ({ jobId, type }));
    const world = new TurnWorld(aRecord({ paused: true, queued }));
    for (const job of waiting) world.tables.jobs.put(job.id, job);
    world.submit(aJob(1));
    world.cancel(jobIdOf(1));
    await world.drain();
    expect(world.tables.jobs.get(jobIdOf(1))).toMatchObject({
      status: "failed",
      error: { code: "apartment_full" },
    });
    expect(world.record.applied.filter((id) => id === `submit:${jobIdOf(1)}`)).toHaveLength(1);
  });

  it("is found called off by its own record where the message was lost", async () => {
    const world = new TurnWorld();
    world.submit(aJob(1, { cancelRequested: true, cancelReason: "never mind" }));
    await world.drain();
    const { status, error } = world.tables.jobs.get(jobIdOf(1)) ?? {};
    expect(status).toBe("cancelled");
    expect(error?.detail).toContain("never mind");
  });

  it("changes nothing where the job has ended, is another VM's or is not there", async () => {
    const world = new TurnWorld();
    world.submit(aJob(1, { type: "vm.stop" }));
    await world.drain();
    const { version } = world.record;
    const others = aJob(2, { vmId: VmId.parse(jobIdOf(99)) });
    world.tables.jobs.put(others.id, others);
    for (const n of [1, 2, 3]) world.send(aMessage({ kind: "cancel", jobId: jobIdOf(n) }));
    await world.drain();
    expect(world.record.version).toBe(version);
    expect(world.tables.jobs.get(others.id)).toEqual(others);
  });
});

describe("a start that is called off", () => {
  it("while it holds room, gives the room back and ends Stopped", () => {
    const job = start(aRecord()).hear(cancel);
    expect(ended(job)).toEqual(called("Stopped"));
    expect(job.effects("release")).toMatchObject([{ hostId }]);
    expect(job.ended?.journal.map(({ note }) => note)).toContain("was asked to cancel: never mind");
  });

  it("with its command out, says so, and succeeds if the VM came on all the same", () => {
    const job = start(aRecord()).reserved("held").hear(cancel);
    expect(job.record.active).toMatchObject({ step: "starting", waitFor: { kind: "result" } });
    job.answered({ status: "done", power: "on" });
    expect(ended(job)).toMatchObject({ status: "succeeded", state: "Running", at: hostId });
  });

  it("with its command out, tries no other host when this one refuses", () => {
    const job = start(aRecord()).reserved("held").hear(cancel);
    job.answered({ status: "failed", code: "libvirt_1", power: "off" });
    expect(ended(job)).toEqual(called("Stopped"));
    expect(job.effects("release")).toMatchObject([{ hostId }]);
    expect(job.effects("reserve")).toEqual([]);
  });

  it("with its command out and its host silent, asks what is true before it ends", () => {
    const job = start(aRecord()).reserved("held").hear(cancel).silence();
    expect(job.command.call.verb).toBe("probe");
    job.answered({ status: "done", power: "off" });
    expect(ended(job)).toEqual(called("Stopped"));
  });

  it("A6 leaves what nobody confirmed unsettled, and the job that follows asks there under a newer epoch", () => {
    const job = start(aRecord()).reserved("held").hear(cancel).silenceToTheEnd();
    expect(ended(job)).toMatchObject({ status: "failed", code: "timed_out", state: "Unknown" });
    const { epoch } = job.record;
    job.submitAnother(2, { type: "vm.start", input: { hostId: otherHostId } });
    expect(job.command).toMatchObject({ hostId, call: { verb: "probe" } });
    expect(job.command.epoch).toBeGreaterThan(epoch + 1);
  });

  it("while it asks about what others left, keeps what was certain and claims no more", () => {
    const unsettled = [
      { commandId: "c-1" as never, hostId, epoch: 1, jobId: jobIdOf(9), verb: "start" },
    ];
    const asking = (state: "Stopped" | "Starting") =>
      start(aRecord({ epoch: 1, unsettled, vm: { state } }))
        .answered({ status: "failed", code: "libvirt_1" })
        .hear(cancel);
    expect(ended(asking("Stopped"))).toEqual(called("Stopped"));
    expect(ended(asking("Starting"))).toEqual(called("Unknown"));
  });
});

describe("a stop that is called off", () => {
  it("while the guest has its grace, succeeds if the guest obeys", () => {
    const job = stop(aRecord({ vm: RUNNING }), {}).hear(cancel);
    expect(job.record.active?.step).toBe("asking");
    job.answered({ status: "done", power: "off" });
    expect(ended(job)).toMatchObject({ status: "succeeded", state: "Stopped" });
  });

  it("takes no power after the grace", () => {
    const job = stop(aRecord({ vm: RUNNING }), { thenForce: true }).hear(cancel);
    job.answered({ status: "failed", code: "timeout", power: "on" });
    expect(ended(job)).toEqual(called("Running", hostId));
    expect(job.effects("command")).toEqual([]);
  });

  it("sends nothing again after its agent restarted, and says what was found", () => {
    const job = stop(aRecord({ vm: RUNNING }), { forced: true }).hear(cancel);
    job.answered({ status: "stale" });
    expect(job.command.call.verb).toBe("probe");
    job.answered({ status: "done", power: "paused" });
    expect(ended(job)).toEqual(called("Suspended", hostId));
  });

  it("before it knows what is true, ends without having sent anything", () => {
    const job = stop(aRecord({ vm: { state: "Stopping", hostId } }), {});
    job.answered({ status: "failed", code: "libvirt_1" }).hear(cancel);
    expect(ended(job)).toEqual(called("Unknown", hostId));
  });

  it("when it is found on, sends nothing", () => {
    const job = stop(aRecord({ vm: { state: "Unknown", hostId } }), {}).hear(cancel);
    job.answered({ status: "done", power: "on" });
    expect(ended(job)).toEqual(called("Running", hostId));
  });
});

describe("silence", () => {
  const patient = { settings: { jobExpireHours: 1, commandTimeoutSeconds: HOURS } };
  it("ends an active job expired, with an incident, by its last sign of life and not by its age", () => {
    const job = new OneJob(aRecord(), { type: "vm.start" }, patient).reserved("held");
    const sentAt = job.now;
    job.now += 50 * MINUTE_MS;
    job.observed(hostId, "off");
    expect(job.record.wakeAt).toBe(job.now + 60 * MINUTE_MS);
    job.silence();
    expect(job.now - sentAt).toBe(110 * MINUTE_MS);
    expect(ended(job)).toMatchObject({ status: "failed", code: "expired", state: "Unknown" });
    expect(job.record.openIncidents.map(({ kind }) => kind)).toEqual(["stalled_job"]);
    expect(job.record.unsettled).toHaveLength(1);
  });

  it("does not end jobs that wait in the queue", () => {
    const job = new OneJob(aRecord({ paused: true }), { type: "vm.start" }, patient);
    expect(job.record.wakeAt).toBeUndefined();
    expect(hasEnded(job.ended?.status ?? "queued")).toBe(false);
  });
});
