/**
 * What hosts cost that have nothing new to say: the calls of their reports, of the resyncs and of the sweeper's looks at them, by
 * the real use cases over ports in memory, at AWS's prices. Storage and the agents' own polling are not in it.
 *
 * Hosts come in groups, each a world of its own, so that a million records need not be there at once.
 */
import { ingestReport } from "../../shared/app/ingest-report.ts";
import type { HostStore } from "../../shared/app/ports.ts";
import { reconcileHost } from "../../shared/app/reconcile-host.ts";
import { watchHosts } from "../../shared/app/watch-hosts.ts";
import type { Report } from "../../shared/model/agent-protocol.ts";
import { INDEX_SHARDS } from "../../shared/model/tables.ts";
import { AgentReportDetail } from "../../shared/model/topic.ts";
import { aRecord } from "../../test/support/a-record.ts";
import {
  aHostInSession,
  aReport,
  type JoinedHost,
  listed,
  okValue,
} from "../../test/support/joined-host.ts";
import { aWorld, type World } from "../../test/support/memory-world.ts";
import { computeDollars, DOLLARS, readUnits, writeUnits } from "./aws-prices.ts";
import { rounded } from "./figures.ts";

const MINUTE_MS = 60_000;
const MONTH_MINUTES = 30 * 24 * 60;
/** Two resyncs. */
const MEASURED_MINUTES = 20;
/** Whatever looks through all records of a world looks through this many hosts'. */
const GROUP_HOSTS = 100;
/** `cdk/agents.ts`; taken for the time, network included, and for as long again when it compares. */
const INGEST = { ms: 10, memoryMiB: 512 };
/** `cdk/sweeper.ts`: it lasts for its minute, however many hosts there are. */
const SWEEP = { ms: MINUTE_MS, memoryMiB: 256 };
/** `app/sweep.ts`; each look is a query a shard. */
const SWEEP_LOOK_MS = 5_000;
/** A key of the listing index, with the hosts' table's own. */
const LISTED_KEY_BYTES = 100;

/** Units and calls of all hosts, over the measured minutes. */
type Meter = {
  reports: number;
  reportWrites: number;
  resyncs: number;
  resyncReads: number;
  resyncWrites: number;
  sweepReads: number;
};

export type HostMonth = Awaited<ReturnType<typeof hostMonth>>;

/** The sweeper's own time and its looks for what is due: one stack's, whatever hangs on it. */
export function stackMonthDollars(): number {
  const looks = (SWEEP.ms / SWEEP_LOOK_MS) * INDEX_SHARDS * (DOLLARS.readUnit / 2);
  const minute = DOLLARS.invocation + computeDollars(SWEEP) + looks;
  return rounded(minute * MONTH_MINUTES);
}

/** Throws when a host that says nothing new makes a call that is not known here. */
export async function hostMonth(size: { readonly hosts: number; readonly vmsPerHost: number }) {
  const meter: Meter = {
    ...{ reports: 0, reportWrites: 0, resyncs: 0 },
    ...{ resyncReads: 0, resyncWrites: 0, sweepReads: 0 },
  };
  const before = process.cpuUsage();
  for (let first = 0; first < size.hosts; first += GROUP_HOSTS)
    await runGroup(meter, {
      ...{ first, hosts: Math.min(GROUP_HOSTS, size.hosts - first), vmsPerHost: size.vmsPerHost },
    });
  const { user, system } = process.cpuUsage(before);
  const months = MONTH_MINUTES / MEASURED_MINUTES;
  const cents = (dollars: number) => rounded((dollars * months * 100) / size.hosts);
  const { reports, reportWrites, resyncs, resyncReads, resyncWrites, sweepReads } = meter;
  const perReport = DOLLARS.httpApiRequest + DOLLARS.invocation + computeDollars(INGEST);
  const parts = {
    quiet: reports * perReport + reportWrites * DOLLARS.writeUnit,
    resync:
      resyncReads * DOLLARS.readUnit +
      resyncWrites * DOLLARS.writeUnit +
      resyncs * computeDollars(INGEST),
    sweeper: sweepReads * DOLLARS.readUnit,
  };
  return {
    ...{ hosts: size.hosts, vms: size.hosts * size.vmsPerHost, vmsPerHost: size.vmsPerHost },
    reports,
    writesAReport: rounded((reportWrites + resyncWrites) / reports),
    readUnitsAResync: rounded(resyncReads / resyncs),
    centsAHostAndMonth: {
      quiet: cents(parts.quiet),
      resync: cents(parts.resync),
      sweeper: cents(parts.sweeper),
      all: cents(parts.quiet + parts.resync + parts.sweeper),
    },
    cpuSeconds: rounded((user + system) / 1e6),
  };
}

type Settled = { readonly caller: JoinedHost; readonly first: Report };
type Group = { readonly first: number; readonly hosts: number; readonly vmsPerHost: number };

async function runGroup(meter: Meter, group: Group): Promise<void> {
  const world = aWorld({}, "as_given");
  const hosts: Settled[] = [];
  for (let n = 0; n < group.hosts; n += 1) hosts.push(await aSettledHost(world, group, n));
  const deps = metered(world, meter);
  const events = world.memory.bus.events.length;
  for (let minute = 0; minute < MEASURED_MINUTES; minute += 1) {
    for (const { caller, first } of hosts) {
      world.clock.at += MINUTE_MS / hosts.length;
      const report = { ...first, seq: first.seq + 1 + minute };
      okValue(await ingestReport(deps, { caller, report }));
      meter.reports += 1;
    }
    await watchHosts(deps);
  }
  const { bus } = world.memory;
  if (bus.events.length > events || world.taken().length > 0)
    throw new Error("hosts that had nothing new to say set something off");
}

/** Its VMs run, and are recorded so; its first report was worked off. */
async function aSettledHost(world: World, group: Group, n: number): Promise<Settled> {
  const { vmsPerHost } = group;
  world.clock.at += MINUTE_MS / group.hosts;
  const caller = await aHostInSession(world, { name: `host-${group.first + n}` });
  const { hostId } = caller;
  const { id: _, ...record } = aRecord({ vm: { state: "Running", hostId } });
  const vms = Array.from({ length: vmsPerHost }, (__, vm) =>
    listed((group.first + n) * vmsPerHost + vm),
  );
  const first = aReport({ vms });
  for (const { vmId: id } of vms) world.memory.tables.apartments.put(id, { ...record, id });
  okValue(await ingestReport(world.deps, { caller, report: first }));
  const { topic, id, detail } = world.memory.bus.events.at(-1) ?? {};
  await reconcileHost(world.deps, AgentReportDetail.parse({ ...detail, topic, id }));
  world.taken();
  return { caller, first };
}

function metered({ deps }: World, meter: Meter): World["deps"] {
  const hosts: Partial<HostStore> = {
    beat: async (report) => {
      const beaten = await deps.hosts.beat(report);
      if (beaten.status !== "beaten") throw new Error(`a report was ${beaten.status}`);
      meter.reportWrites += writeUnits(beaten.heartbeat);
      return beaten;
    },
    markCompared: async (id, applied) => {
      meter.resyncs += 1;
      meter.resyncWrites += writeUnits((await deps.hosts.read(id))?.heartbeat);
      return deps.hosts.markCompared(id, applied);
    },
    heartbeats: async (page) => {
      const found = await deps.hosts.heartbeats(page);
      const items = found.ok ? found.items : [];
      meter.sweepReads += readUnits("k".repeat(items.length * LISTED_KEY_BYTES));
      for (const heartbeat of items) meter.sweepReads += readUnits(heartbeat);
      return found;
    },
  };
  const apartments: Partial<World["deps"]["apartments"]> = {
    atHost: async (id) => {
      const rows = await deps.apartments.atHost(id);
      meter.resyncReads += readUnits(rows.map((row) => ({ ...row, lastAt: id })));
      return rows;
    },
  };
  return {
    ...deps,
    hosts: only(deps.hosts, hosts),
    apartments: only(deps.apartments, apartments),
    placement: only(deps.placement, {}),
    incidents: only(deps.incidents, {}),
    apartmentQueue: only(deps.apartmentQueue, {}),
    bus: only(deps.bus, {}),
  };
}

/** A port with these of its methods, and no other. */
function only<P extends object>(port: P, used: Partial<P>): P {
  return new Proxy(port, {
    get: (_, name) => {
      const own: unknown = Reflect.get(used, name);
      if (own === undefined) throw new Error(`hosts that say nothing new call ${String(name)}`);
      return own;
    },
  });
}
