/** Runs in a worker thread: hosts that do nothing but report, over HTTP, so that the stack's own thread does not pay for them. */
import { performance } from "node:perf_hooks";
import { parentPort, workerData } from "node:worker_threads";
import type { ReportedVm } from "../../shared/model/agent-protocol.ts";
import { aReport, listed, vmIdOf } from "../../test/support/joined-host.ts";
import { clientOf } from "../../test/support/running-stack.ts";
import {
  aSigningHost,
  type SigningHost,
  sendWire,
  signedBy,
} from "../../test/support/signing-host.ts";
import type { ReportersReply, ReportersRequest, ReportersStart } from "./reporters-protocol.ts";

const start: ReportersStart = workerData;
const client = clientOf(start);

/** VMs made, or hosts joined, at a time. */
const IN_FLIGHT = 16;

type Reporter = { readonly host: SigningHost; readonly first: number; seq: number };
const reporters: Reporter[] = [];
/** What the hypervisor says of a VM, by its number: how often it has changed. */
const changes = new Map<number, number>();

parentPort?.on("message", (request: ReportersRequest) => {
  void serve(request).then((reply) => parentPort?.postMessage(reply));
});

async function serve(request: ReportersRequest): Promise<ReportersReply> {
  const cpuBefore = process.threadCpuUsage();
  const before = performance.now();
  try {
    const answeredMs = request.kind === "prepare" ? await prepare() : await inTurn(request);
    const { user, system } = process.threadCpuUsage(cpuBefore);
    return {
      ...{ ok: true, answeredMs, spanMs: performance.now() - before },
      cpuMs: (user + system) / 1000,
    };
  } catch (error) {
    return { ok: false, reason: String(error) };
  }
}

async function prepare(): Promise<readonly number[]> {
  const { url, hosts, vmsPerHost } = start;
  await atMost(IN_FLIGHT, hosts * vmsPerHost, async (n) => {
    await client.createVm({ id: vmIdOf(n), name: `bench-${n}` });
  });
  await atMost(IN_FLIGHT, hosts, async (n) => {
    const host = await aSigningHost({ url, client }, `bench-${n}`);
    reporters.push({ host, first: n * vmsPerHost, seq: 0 });
  });
  return inTurn({ reportsEach: 1, changedPercent: 0 });
}

/** So many reports of each host, one after the other. */
async function inTurn(
  wanted: Pick<Extract<ReportersRequest, { kind: "report" }>, "reportsEach" | "changedPercent">,
): Promise<readonly number[]> {
  const { reportsEach, changedPercent } = wanted;
  const ofHost = async (reporter: Reporter) => {
    const answeredMs: number[] = [];
    for (let sent = 0; sent < reportsEach; sent += 1) {
      change(reporter, changedPercent);
      answeredMs.push(await report(reporter));
    }
    return answeredMs;
  };
  return (await Promise.all(reporters.map(ofHost))).flat();
}

/** Over all hosts and many reports the share that is wanted: a host of 50 VMs has a change in every other report, for 1 %. */
function change({ first, seq }: Reporter, percent: number): void {
  const { vmsPerHost } = start;
  const due = (reports: number) => Math.floor((reports * vmsPerHost * percent) / 100);
  const staggered = seq + first / vmsPerHost;
  for (let n = due(staggered); n < due(staggered + 1); n += 1) {
    const vm = first + (n % vmsPerHost);
    changes.set(vm, (changes.get(vm) ?? 0) + 1);
  }
}

async function report(reporter: Reporter): Promise<number> {
  const { host, first } = reporter;
  const vms = Array.from({ length: start.vmsPerHost }, (_, n) => said(first + n));
  reporter.seq += 1;
  const body = { ...aReport({ vms }), bootId: host.bootId, seq: reporter.seq };
  const before = performance.now();
  const send = () => sendWire(start.url, signedBy(host, "reports", body));
  // A connection that lay idle between two rounds may be closed under it; twice is once.
  const { status } = await send().catch(send);
  if (status !== 202) throw new Error(`report ${reporter.seq} of ${host.hostId}: ${status}`);
  return performance.now() - before;
}

/** Off, as it is recorded: what changes is in the hypervisor's own words, so that no job follows from it. */
function said(n: number): ReportedVm {
  return listed(n, { power: "off", detail: `shut off ${changes.get(n) ?? 0}` });
}

async function atMost(
  inFlight: number,
  count: number,
  make: (n: number) => Promise<void>,
): Promise<void> {
  let begun = 0;
  const maker = async () => {
    for (let n = begun++; n < count; n = begun++) await make(n);
  };
  await Promise.all(Array.from({ length: inFlight }, maker));
}
