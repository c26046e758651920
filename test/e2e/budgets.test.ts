import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import type { Calls } from "../../local/call-counter.ts";
import { Job } from "../../shared/model/job.ts";
import { type RunningStack, runningStack } from "../support/running-stack.ts";
import { aSigningHost, sendWire, signedBy } from "../support/signing-host.ts";

const PATIENT = { timeout: 10_000, interval: 100 };
const QUICK = { startMs: 5, shutdownMs: 5, powerOffMs: 5 };
const WRITES = /^dynamodb:(Put|Update|Delete|TransactWrite|BatchWrite)/;
const READS = /^dynamodb:(Get|Query|BatchGet|Scan|TransactGet)/;
const SENDS = /^sqs:Send/;
const PUTS = /^events:PutEvents/;

/** An agent's clock is shown to people, and read by nobody. */
const NOW = new Date(0).toISOString();

function total(counts: Readonly<Record<string, number>>, name: RegExp): number {
  return Object.entries(counts)
    .filter(([each]) => name.test(each))
    .reduce((sum, [, count]) => sum + count, 0);
}

/** Functions that only look on while a job runs: the test's own reading, the schedule. */
const ONLOOKERS = /api-jobs|api-events|sweeper/;
/** Functions that a report passes through. */
const REPORT_WAY = /ingest|reconcile-host|apartment/;

function cost(
  { awsByFunction, invocations }: Calls,
  counts = (name: string) => !ONLOOKERS.test(name),
) {
  const names = Object.keys(invocations).filter(counts);
  const calls = names.map((name) => awsByFunction[name] ?? {});
  const sum = (kind: RegExp) => calls.reduce((all, each) => all + total(each, kind), 0);
  return {
    writes: sum(WRITES),
    reads: sum(READS),
    sends: sum(SENDS),
    puts: sum(PUTS),
    invocations: names.reduce((all, name) => all + (invocations[name] ?? 0), 0),
  };
}

/** The budgets of design.md, "Limits it must live with", in AWS calls. */
describe("budgets, counted in AWS calls", () => {
  let stack: RunningStack;

  beforeAll(async () => {
    // No report comes by itself within the test: what is counted is the job.
    stack = await runningStack({
      set: [
        "reportIntervalSeconds=3600",
        "hostDisconnectedAfterSeconds=7200",
        "hostDownAfterSeconds=8000",
      ],
    });
    await stack.addHost("host-a", { ...QUICK, events: "untold" });
    const warm = await stack.client.createVm({ name: "warm" });
    await run(warm.id, "start");
    await run(warm.id, "stop");
  });
  afterAll(() => stack.stop());

  /** Whether the end of a job is in its VM's history. */
  async function isRecorded(vmId: string, jobId: string): Promise<boolean> {
    const { body } = await stack.client.call("GET", `/v1/vms/${vmId}/history`);
    const told: readonly { readonly topic: string; readonly detail: object }[] = Object(body).items;
    return told.some(
      ({ topic, detail }) =>
        topic === `job.state.${jobId}` && Object(detail).status === "succeeded",
    );
  }

  /** A job with all that belongs to it: what it told is recorded a second later. */
  async function run(vmId: string, verb: string): Promise<void> {
    const key = { "idempotency-key": `${verb}-${vmId}` };
    const { status, body } = await stack.client.call("POST", `/v1/vms/${vmId}/${verb}`, {}, key);
    expect(status).toBe(202);
    const { id } = Job.parse(body);
    expect(await stack.client.ended(id)).toMatchObject({ status: "succeeded" });
    await vi.waitFor(async () => expect(await isRecorded(vmId, id)).toBe(true), PATIENT);
  }

  async function costOf(vmId: string, verb: string): Promise<ReturnType<typeof cost>> {
    stack.stack.calls.reset();
    await run(vmId, verb);
    return cost(stack.stack.calls.read());
  }

  // On a machine that is busy with other tests a job's events can fall into two batches.
  const again = { retry: 2 };

  it(
    "a start that succeeds at the first try, from API call to terminal job, token and placement included",
    again,
    async () => {
      const vm = await stack.client.createVm({ name: "counted" });
      const spent = await costOf(vm.id, "start");
      expect(spent.writes).toBeLessThanOrEqual(10);
      expect(spent.reads).toBeLessThanOrEqual(8);
      expect(spent.sends).toBeLessThanOrEqual(4);
      expect(spent.puts).toBeLessThanOrEqual(3);
      expect(spent.invocations).toBeLessThanOrEqual(6);
      // A counter that counts nothing keeps every budget.
      expect(spent).toMatchObject({ sends: 4, puts: 2, invocations: 6 });
    },
  );

  it("a stop costs less than a start", again, async () => {
    const vm = await stack.client.createVm({ name: "stopped" });
    await run(vm.id, "start");
    const spent = await costOf(vm.id, "stop");
    expect(spent.writes).toBeLessThanOrEqual(9);
    expect(spent.reads).toBeLessThanOrEqual(8);
    expect(spent.sends).toBeLessThanOrEqual(3);
    expect(spent.puts).toBeLessThanOrEqual(3);
    expect(spent.invocations).toBeLessThanOrEqual(6);
  });

  /** A host with one VM, that says what the test has it say. */
  async function aReporter() {
    const { url } = stack.stack;
    const host = await aSigningHost({ url, client: stack.client }, "host-signing");
    const { id: vmId } = await stack.client.createVm({ name: "reported" });
    let seq = 0;
    const report = async (detail: string) => {
      seq += 1;
      const vms = [{ vmId, power: "off", detail }];
      const { bootId } = host;
      const body = { bootId, seq, kind: "periodic", complete: true, observedAt: NOW, vms };
      stack.stack.calls.reset();
      expect(await sendWire(url, signedBy(host, "reports", body))).toMatchObject({ status: 202 });
      return spent();
    };
    return { vmId, report };
  }
  const spent = () => cost(stack.stack.calls.read(), (name) => REPORT_WAY.test(name));
  const QUIET = { writes: 1, reads: 0, sends: 0, puts: 0, invocations: 1 };

  it("a quiet report is one write; one with one change costs what is allowed, and the next nothing more", async () => {
    const { vmId, report } = await aReporter();
    // The last of a report's writes: that it was worked off. Whoever reports before has two of them under way.
    const workedOff = () => expect.poll(() => spent().writes, PATIENT).toBe(4);
    await report("shut off");
    await workedOff();
    expect(await report("shut off")).toEqual(QUIET);
    await report("shut off (crashed)");
    await workedOff();
    expect(spent()).toEqual({ writes: 4, reads: 3, sends: 1, puts: 1, invocations: 3 });
    expect((await stack.client.vm(vmId)).power.detail).toBe("shut off (crashed)");
    expect(await report("shut off (crashed)")).toEqual(QUIET);
  });
});
