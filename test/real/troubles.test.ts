/**
 * Operations under which something breaks, on real guests on two real hosts (issue 5, "Real parts"). The last test is about
 * what the third began: a job that waits for a dead agent gives up after more than a minute, and the others need none of it.
 */
import { afterAll, beforeAll, expect, test } from "vitest";
import * as z from "zod/mini";
import { Results } from "../../shared/model/agent-protocol.ts";
import type { Job } from "../../shared/model/job.ts";
import type { Vm } from "../../shared/model/vm.ts";
import { overlay } from "../support/lab/guest-image.ts";
import {
  POLL,
  type RealHost,
  type RealStack,
  realStack,
  timed,
} from "../support/lab/real-stack.ts";
import { type Answered, type Meddling, startMeddler } from "../support/meddler.ts";

/** Of a suspend: short, so that its deadline can be waited for. */
const OTHERS_SECONDS = 3;

let real: RealStack;
let a: RealHost;
let b: RealHost;

beforeAll(async () => {
  const set = [`commandTimeoutSeconds.others=${OTHERS_SECONDS}`];
  real = await realStack({ hosts: ["real-a", "real-b"], set });
  [a, b] = real.hosts;
});
afterAll(async () => {
  await real?.stop();
});

async function running(host: RealHost, more: object = {}): Promise<Vm> {
  const vm = await real.aVm("obeys", more);
  expect(await real.client.run(vm.id, "start", { hostId: host.hostId })).toMatchObject({
    status: "succeeded",
  });
  await real.booted(vm, host);
  return vm;
}

async function off(vm: Vm): Promise<void> {
  expect(await real.client.run(vm.id, "stop", { forced: true })).toMatchObject({
    status: "succeeded",
  });
}

/** A guest that takes about seven seconds to move, and has begun to. */
async function moving(): Promise<{ readonly vm: Vm; readonly job: Job }> {
  const disks = [{ source: real.image("obeys"), readOnly: true }];
  const vm = await running(a, { spec: { cpus: 1, memoryMiB: 1024, disks } });
  await a.lab.virsh("migrate-setspeed", vm.id, "1");
  const job = await real.client.submit(vm.id, "migrate", { hostId: b.hostId });
  await expect.poll(() => domainState(b, vm), POLL).toBe("paused");
  return { vm, job };
}

/** `none`: the host does not know it, or cannot be asked. */
async function domainState(host: RealHost, vm: Vm): Promise<string> {
  return await host.lab.virsh("domstate", vm.id).then(
    (said) => said.trim(),
    () => "none",
  );
}

async function stepOf(vm: Vm): Promise<string> {
  const { body } = await real.client.call("GET", `/v1/vms/${vm.id}/apartment`);
  const { active } = z.object({ active: z.optional(z.object({ step: z.string() })) }).parse(body);
  return active?.step ?? "none";
}

test("a migration whose target's libvirtd is killed in the middle leaves the guest running where it was", async () => {
  const { vm, job } = await moving();
  process.kill(await b.lab.daemonPid(), "SIGKILL");
  const ended = await timed("a migration whose target's libvirtd is killed", () =>
    real.client.ended(job.id),
  );
  expect(ended, JSON.stringify(ended)).toMatchObject({ status: "failed" });
  expect(await real.client.vm(vm.id)).toMatchObject({ state: "Running", hostId: a.hostId });
  expect(await domainState(a, vm)).toBe("running");
  await expect.poll(() => domainState(b, vm), POLL).toBe("none");
  await off(vm);
});

test("an agent killed in the middle of a migration: it goes on, and the job ends in what it came to", async () => {
  const { vm, job } = await moving();
  await a.agent().kill();
  a.startAgent();
  const ended = await timed("a migration whose agent is killed", () => real.client.ended(job.id));
  expect(ended, JSON.stringify(ended)).toMatchObject({ status: "succeeded" });
  expect(await real.client.vm(vm.id)).toMatchObject({ state: "Running", hostId: b.hostId });
  expect([await domainState(a, vm), await domainState(b, vm)]).toEqual(["none", "running"]);
  await off(vm);
});

let orphaned: { readonly vm: Vm; readonly job: Job };

test("an agent that dies leaves its job waiting, and nobody else", async () => {
  const vm = await running(b);
  await b.agent().kill();
  orphaned = { vm, job: await real.client.submit(vm.id, "suspend") };
  await expect.poll(() => stepOf(vm), POLL).toBe("suspending");
});

test("a guest that hangs: a forced stop takes as long as libvirt does, and ends it", async () => {
  const vm = await running(a);
  process.kill(await a.lab.guestPid(vm.id), "SIGSTOP");
  const ended = await timed("a forced stop of a guest that hangs", () =>
    real.client.run(vm.id, "stop", { forced: true }),
  );
  expect(ended, JSON.stringify(ended)).toMatchObject({ status: "succeeded" });
  expect(await real.client.vm(vm.id)).toMatchObject({ state: "Stopped" });
  expect(await domainState(a, vm)).toBe("shut off");
});

test("a guest that ignores the shutdown goes on running; its power is taken when that was asked for", async () => {
  const vm = await real.aVm("ignores");
  await real.client.run(vm.id, "start", { hostId: a.hostId });
  await real.booted(vm, a);
  const ignored = await real.client.run(vm.id, "stop", { graceSeconds: 1 });
  expect(ignored).toMatchObject({ status: "failed", error: { code: "timed_out" } });
  expect(await real.client.vm(vm.id)).toMatchObject({ state: "Running" });
  const rebooted = await timed("a reboot that the guest ignores", () =>
    real.client.run(vm.id, "reboot"),
  );
  expect(rebooted).toMatchObject({ status: "failed", error: { code: "timed_out" } });
  expect(await real.client.vm(vm.id)).toMatchObject({ state: "Running" });
  const taken = await real.client.run(vm.id, "stop", { graceSeconds: 1, thenForce: true });
  expect(taken).toMatchObject({ status: "succeeded" });
  expect(await domainState(a, vm)).toBe("shut off");
});

test("a command that comes while the agent is dead is done, once, by the next one", async () => {
  const vm = await real.aVm("obeys");
  await a.agent().kill();
  const job = await real.client.submit(vm.id, "start", { hostId: a.hostId });
  await expect.poll(() => stepOf(vm), POLL).toBe("starting");
  a.startAgent();
  const ended = await timed("a start whose agent is dead at first", () =>
    real.client.ended(job.id),
  );
  expect(ended, JSON.stringify(ended)).toMatchObject({ status: "succeeded" });
  expect(await domainState(a, vm)).toBe("running");
  await off(vm);
});

test("an agent killed between doing and answering: done once, and told by the next one", async () => {
  const disks = [{ source: await overlay(real.image("obeys")) }];
  const vm = await running(a, { spec: { cpus: 1, memoryMiB: 8, disks } });
  const held = Promise.withResolvers<void>();
  const never = new Promise<Answered>(() => {});
  const holds: Meddling = (asked, pass) => {
    if (!asked.path.endsWith("/results")) return pass();
    held.resolve();
    return never;
  };
  const way = await startMeddler(real.stack.url, holds);
  await a.agent().stop();
  a.startAgent(way.url);
  await expect.poll(() => a.agent().output(), POLL).toContain("agent is up");
  const job = await real.client.submit(vm.id, "snapshot", { name: "once" });
  await held.promise;
  const taken = await a.lab.virsh("snapshot-list", vm.id);
  await a.agent().kill();
  await way.stop();

  const told: Results["results"] = [];
  const listens = await startMeddler(real.stack.url, (asked, pass) => {
    if (asked.path.endsWith("/results"))
      told.push(...Results.parse(JSON.parse(asked.body)).results);
    return pass();
  });
  a.startAgent(listens.url);
  const ended = await timed("a snapshot whose agent is killed before it answers", () =>
    real.client.ended(job.id),
  );
  expect(ended, JSON.stringify(ended)).toMatchObject({ status: "succeeded" });
  expect(await a.lab.virsh("snapshot-list", vm.id)).toBe(taken);
  expect(told[0]).toMatchObject({ vmId: vm.id, status: "done" });
  await a.agent().stop();
  await listens.stop();
  a.startAgent();
  await off(vm);
});

const Session = z.looseObject({ endpoint: z.string() });

test("commands delivered twice are done once", async () => {
  const queue = await startMeddler(real.stack.awsEndpoints.sqs, twice());
  const way = await startMeddler(real.stack.url, async (asked, pass) => {
    const answer = await pass();
    if (!asked.path.endsWith("/session") || answer.status !== 200) return answer;
    const session = Session.parse(JSON.parse(answer.body));
    return { ...answer, body: JSON.stringify({ ...session, endpoint: queue.url }) };
  });
  await a.agent().stop();
  a.startAgent(way.url);
  await expect.poll(() => a.agent().output(), POLL).toContain("agent is up");
  const vm = await running(a);
  const pid = await a.lab.guestPid(vm.id);
  for (const verb of ["suspend", "resume", "reboot"])
    expect(await real.client.run(vm.id, verb)).toMatchObject({ status: "succeeded" });
  expect(await a.lab.guestPid(vm.id)).toBe(pid);
  await off(vm);
  expect(await real.client.run(vm.id, "start", { hostId: a.hostId })).toMatchObject({
    status: "succeeded",
  });
  await off(vm);
  expect(await domainState(a, vm)).toBe("shut off");
  await a.agent().stop();
  await Promise.all([way.stop(), queue.stop()]);
  a.startAgent();
});

/** Every answer that has messages comes a second time, as the queue may do. */
function twice(): Meddling {
  let again: Answered | undefined;
  return async (asked, pass) => {
    if (!asked.operation.endsWith("ReceiveMessage")) return await pass();
    const repeated = again;
    again = undefined;
    if (repeated !== undefined) return repeated;
    const answer = await pass();
    if (answer.body.includes("ReceiptHandle")) again = answer;
    return answer;
  };
}

test("an agent that thaws after its command's deadline does what the job still wants", async () => {
  const vm = await running(a);
  process.kill(a.agent().pid, "SIGSTOP");
  const job = await real.client.submit(vm.id, "suspend");
  await expect.poll(() => stepOf(vm), POLL).toBe("probing"); // The deadline is over.
  process.kill(a.agent().pid, "SIGCONT");
  const ended = await timed("a suspend whose agent thaws after its deadline", () =>
    real.client.ended(job.id),
  );
  expect(ended, JSON.stringify(ended)).toMatchObject({ status: "succeeded" });
  expect(await domainState(a, vm)).toBe("paused");
  expect(await real.client.vm(vm.id)).toMatchObject({ state: "Suspended" });
  await off(vm);
});

test("an agent back after its job has ended does nothing of it, and what is true is recorded again", async () => {
  const { vm, job } = orphaned;
  expect(await real.client.ended(job.id)).toMatchObject({
    ...{ status: "failed", error: { code: "timed_out" } },
  });
  expect(await real.client.vm(vm.id)).toMatchObject({ state: "Unknown" });
  b.startAgent();
  await timed("a VM that was Unknown is Running again after its agent's return", () =>
    expect.poll(async () => (await real.client.vm(vm.id)).state, POLL).toBe("Running"),
  );
  expect(await domainState(b, vm)).toBe("running");
  await off(vm);
});

test("an agent that is told to stop does", async () => {
  expect(await b.agent().stop()).toBe(0);
});
