/**
 * Reports: CPU of `reconcile-host` for one report, and what hosts cost that have nothing new to say. `npm run bench:reports`.
 *
 * Both run the real use cases over the ports in memory, whose own work is counted in.
 */
import { ingestReport } from "../shared/app/ingest-report.ts";
import type { HostStore } from "../shared/app/ports.ts";
import { reconcileHost } from "../shared/app/reconcile-host.ts";
import { inventoryItem, parseInventory } from "../shared/aws/dynamo-inventory.ts";
import { REPORT_VMS_MAX, type ReportedVm } from "../shared/model/agent-protocol.ts";
import { AgentReportDetail } from "../shared/model/topic.ts";
import { aHostInSession, aReport, listed, okValue } from "../test/support/joined-host.ts";
import { aWorld } from "../test/support/memory-world.ts";
import { type Spread, spread, table } from "./support/figures.ts";
import { type HostMonth, hostMonth, stackMonthDollars } from "./support/host-months.ts";
import { load, machine } from "./support/machine.ts";
import { readOptions } from "./support/options.ts";

const WARM_UP_REPORTS = 20;

const vmsOf = (count: number, changed: number, round: number): ReportedVm[] =>
  Array.from({ length: count }, (_, n) => listed(n, n < changed ? { epoch: round } : {}));

/** CPU milliseconds of working off one report of 2,000 VMs; the inventory is packed and parsed as it is on DynamoDB. */
async function reconcileCpu(share: number, reports: number): Promise<readonly number[]> {
  const world = aWorld({}, "as_given");
  const deps = { ...world.deps, hosts: { ...world.deps.hosts, ...packedInventories() } };
  const caller = await aHostInSession(world);
  const spent: number[] = [];
  for (let seq = 1; seq <= WARM_UP_REPORTS + reports; seq += 1) {
    const vms = vmsOf(REPORT_VMS_MAX, REPORT_VMS_MAX * share, seq);
    // Another capacity, so that it is worked off though no VM changed.
    const report = aReport({ seq, vms, capacity: { cpus: seq, memoryMiB: 1 } });
    okValue(await ingestReport(deps, { caller, report }));
    const { topic, id, detail } = world.memory.bus.events.at(-1) ?? {};
    const event = AgentReportDetail.parse({ ...detail, topic, id });
    const before = process.cpuUsage();
    await reconcileHost(deps, event);
    const { user, system } = process.cpuUsage(before);
    if (seq > WARM_UP_REPORTS) spent.push((user + system) / 1000);
    world.taken();
  }
  return spent;
}

/** One host's, without what it is stored under. */
function packedInventories(): Pick<HostStore, "readInventory" | "writeInventory"> {
  let stored: ReturnType<typeof inventoryItem> | undefined;
  return {
    readInventory: async (id) => stored && parseInventory("hosts", id, stored),
    writeInventory: async (next, comparedWith) => {
      const { seq } = next;
      stored = next.vms === comparedWith?.vms ? { ...stored, seq } : inventoryItem(next);
      return "written";
    },
  };
}

const VMS_PER_HOST = 50;
/** Where it is the VMs that count. */
const FEW_HOSTS = 20;

/** As many as wanted; a tenth of them, which costs as much each; and so many VMs on one host, few and as many as it may have. */
async function hostMonths(hosts: number): Promise<readonly HostMonth[]> {
  const sizes = [
    { hosts, vmsPerHost: VMS_PER_HOST },
    { hosts: Math.ceil(hosts / 10), vmsPerHost: VMS_PER_HOST },
    { hosts: FEW_HOSTS, vmsPerHost: 5 },
    { hosts: FEW_HOSTS, vmsPerHost: REPORT_VMS_MAX },
  ];
  const months: HostMonth[] = [];
  for (const size of sizes) months.push(await hostMonth(size));
  return months;
}

function show(figures: {
  readonly unchanged: Spread;
  readonly onePercent: Spread;
  readonly months: readonly HostMonth[];
  readonly stackMonthDollars: number;
}): string {
  const cpu = (name: string, { median, min, max }: Spread, target: number) =>
    [name, median, min, max, target] as const;
  const cost = ({ hosts, vms, writesAReport, readUnitsAResync, ...month }: HostMonth) => {
    const { quiet, resync, sweeper, all } = month.centsAHostAndMonth;
    return [hosts, vms, writesAReport, readUnitsAResync, quiet, resync, sweeper, all] as const;
  };
  return [
    table([
      ["reconcile of 2,000 VMs, CPU ms", "median", "min", "max", "target"],
      cpu("nothing changed", figures.unchanged, 10),
      cpu("1 % changed", figures.onePercent, 25),
    ]),
    "",
    table([
      [
        "hosts",
        "VMs",
        "writes/report",
        "read units/resync",
        "cents: reports",
        "resyncs",
        "sweeper",
        "a host and month (target 9)",
      ],
      ...figures.months.map(cost),
    ]),
    `and for the whole stack and month ${figures.stackMonthDollars} dollars`,
  ].join("\n");
}

if (import.meta.main) {
  const options = readOptions({
    script: "bench:reports",
    says: "CPU of working off a report, and what a month costs of hosts that have nothing new to say.",
    numbers: {
      reports: { standard: 100, says: "reports of 2,000 VMs" },
      hosts: { standard: 20_000, says: "hosts of 50 VMs whose month is reckoned" },
    },
  });
  if (options !== undefined) {
    const reports = options.number("reports");
    const figures = {
      machine: machine(),
      unchanged: spread(await reconcileCpu(0, reports)),
      onePercent: spread(await reconcileCpu(0.01, reports)),
      months: await hostMonths(options.number("hosts")),
      stackMonthDollars: stackMonthDollars(),
      loadAfter: load(),
    };
    process.stdout.write(
      `${options.output === "json" ? JSON.stringify(figures, null, 2) : show(figures)}\n`,
    );
  }
}
