/**
 * Reports: CPU of `reconcile-host` for one report, and what quiet reports of many hosts cost in calls. `npm run bench:reports`.
 *
 * Both run the real use cases over the ports in memory, whose own work is counted in.
 */
import { ingestReport } from "../shared/app/ingest-report.ts";
import { reconcileHost } from "../shared/app/reconcile-host.ts";
import { REPORT_VMS_MAX, type ReportedVm } from "../shared/model/agent-protocol.ts";
import { AgentReportDetail } from "../shared/model/topic.ts";
import { aHostInSession, aReport, listed, okValue } from "../test/support/joined-host.ts";
import { aWorld, counting } from "../test/support/memory-world.ts";
import { spread, table } from "./support/figures.ts";
import { load, machine } from "./support/machine.ts";
import { readOptions } from "./support/options.ts";

const VMS_PER_HOST = 50;
const WARM_UP_REPORTS = 20;
const MINUTE_MS = 60_000;
/** `reference/peers.md` C.3, us-east-1, dollars a million: HTTP API, Lambda request, DynamoDB write unit. */
const PRICES = { request: 1, invocation: 0.2, write: 0.625 } as const;
/** Of 512 MiB on arm64 at 13.33 dollars a million GB-seconds, for an ingest of this long. */
const INGEST_MS = 10;
const COMPUTE = 13.33 * 0.5 * (INGEST_MS / 1000);
const REPORTS_A_MONTH = 60 * 24 * 30;

const vmsOf = (count: number, changed: number, round: number): ReportedVm[] =>
  Array.from({ length: count }, (_, n) => listed(n, n < changed ? { epoch: round } : {}));

/** CPU milliseconds of working off one report of 2,000 VMs. */
async function reconcileCpu(share: number, reports: number): Promise<readonly number[]> {
  const world = aWorld();
  const caller = await aHostInSession(world);
  const spent: number[] = [];
  for (let seq = 1; seq <= WARM_UP_REPORTS + reports; seq += 1) {
    const vms = vmsOf(REPORT_VMS_MAX, REPORT_VMS_MAX * share, seq);
    // Another capacity, so that it is worked off though no VM changed.
    const report = aReport({ seq, vms, capacity: { cpus: seq, memoryMiB: 1 } });
    okValue(await ingestReport(world.deps, { caller, report }));
    const { topic, id, detail } = world.memory.bus.events.at(-1) ?? {};
    const event = AgentReportDetail.parse({ ...detail, topic, id });
    const before = process.cpuUsage();
    await reconcileHost(world.deps, event);
    const { user, system } = process.cpuUsage(before);
    if (seq > WARM_UP_REPORTS) spent.push((user + system) / 1000);
    world.taken();
  }
  return spent;
}

/** Calls of one quiet report, over many hosts. */
async function quietCalls(hosts: number) {
  const world = aWorld();
  const calls = new Map<string, number>();
  const deps = { ...world.deps, hosts: counting(world.deps.hosts, calls) };
  const before = process.cpuUsage();
  for (let n = 0; n < hosts; n += 1) {
    const caller = await aHostInSession(world, { name: `host-${n}` });
    const report = (seq: number) => aReport({ seq, vms: vmsOf(VMS_PER_HOST, 0, 0) });
    okValue(await ingestReport(deps, { caller, report: report(1) }));
    const { topic, id, detail } = world.memory.bus.events.at(-1) ?? {};
    await reconcileHost(world.deps, AgentReportDetail.parse({ ...detail, topic, id }));
    world.taken();
    world.clock.at += MINUTE_MS / hosts;
    calls.clear();
    const events = world.memory.bus.events.length;
    okValue(await ingestReport(deps, { caller, report: report(2) }));
    const quiet = [...calls].join() === "beat,1" && world.memory.bus.events.length === events;
    if (!quiet)
      throw new Error(`a quiet report of ${caller.hostId} called ${[...calls].join(" ")}`);
  }
  const { user, system } = process.cpuUsage(before);
  const million = PRICES.request + PRICES.invocation + PRICES.write + COMPUTE;
  return {
    ...{ hosts, vms: hosts * VMS_PER_HOST, writesAReport: 1, cpuSeconds: (user + system) / 1e6 },
    centsAHostAndMonth: Number(((million * REPORTS_A_MONTH) / 1e4).toFixed(2)),
  };
}

if (import.meta.main) {
  const options = readOptions({
    script: "bench:reports",
    says: "CPU of working off a report, and what quiet reports cost.",
    numbers: {
      reports: { standard: 100, says: "reports of 2,000 VMs" },
      hosts: { standard: 20_000, says: `hosts of ${VMS_PER_HOST} VMs` },
    },
  });
  if (options !== undefined) {
    const reports = options.number("reports");
    const figures = {
      machine: machine(),
      unchanged: spread(await reconcileCpu(0, reports)),
      onePercent: spread(await reconcileCpu(0.01, reports)),
      quiet: await quietCalls(options.number("hosts")),
      loadAfter: load(),
    };
    const row = (name: string, { median, min, max }: ReturnType<typeof spread>, target: number) =>
      [name, median, min, max, target] as const;
    const shown = table([
      ["reconcile of 2,000 VMs, CPU ms", "median", "min", "max", "target"],
      row("nothing changed", figures.unchanged, 10),
      row("1 % changed", figures.onePercent, 25),
    ]);
    const text = `${shown}\n${JSON.stringify(figures.quiet)}`;
    process.stdout.write(
      `${options.output === "json" ? JSON.stringify(figures, null, 2) : text}\n`,
    );
  }
}
