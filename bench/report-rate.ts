/**
 * Reports a second through the whole local stack, data in a folder on disk: `npm run bench:report-rate`.
 *
 * Each host sends one report after the other, all hosts at once: quiet ones, then with so many changes in each round, which go by the
 * bus, `reconcile-host` and the queue to the apartments. The VMs are off, and it is the hypervisor's words that change, so
 * no job follows from it. The span ends with the last answer; processor time is of all that the reports set off. Hosts run on
 * the same cores as the stack. Nothing is asserted.
 */
import { readCalls, resetCalls } from "./support/aws-calls.ts";
import { cpuSpan } from "./support/cpu.ts";
import { latency, rounded, spread, sum, table } from "./support/figures.ts";
import { load, machine } from "./support/machine.ts";
import { readOptions } from "./support/options.ts";
import { quietRounds } from "./support/quiet-rounds.ts";
import { type Reporters, startReporters } from "./support/reporters.ts";
import { type Site, startSite } from "./support/site.ts";

export type ReportRateOptions = {
  readonly hosts: number;
  readonly vmsPerHost: number;
  readonly rounds: number;
  readonly reportsEach: number;
};

const CHANGED_PERCENT = 1;
const WARM_UP_ROUNDS = 3;
/** Resyncs are not measured here: the whole takes minutes. */
const SET = ["resyncMinutes=1440"];

type Round = Awaited<ReturnType<typeof measured>>;
export type ReportRateFigures = Awaited<ReturnType<typeof measureReportRate>>;

export async function measureReportRate(options: ReportRateOptions) {
  const before = machine();
  const site = await startSite({ hosts: 0, vms: 0, set: SET });
  const { url, adminToken: token } = site.stack;
  const reporters = startReporters({ url, token, ...options });
  try {
    await reporters.run({ kind: "prepare" });
    const rounds = async (changedPercent: number) => {
      const { reportsEach } = options;
      const round = () => measured({ site, reporters }, { reportsEach, changedPercent });
      for (let warm = 0; warm < WARM_UP_ROUNDS; warm += 1) await round();
      return figuresOf(await quietRounds(options.rounds, round));
    };
    const quiet = await rounds(0);
    const changing = await rounds(CHANGED_PERCENT);
    return { machine: { ...before, loadAfter: load() }, options, quiet, changing };
  } finally {
    await reporters.stop();
    await site.stop();
  }
}

async function measured(
  { site, reporters }: { readonly site: Site; readonly reporters: Reporters },
  wanted: { readonly reportsEach: number; readonly changedPercent: number },
) {
  await site.quiet();
  resetCalls(site.stack.calls);
  const end = cpuSpan();
  const { answeredMs, spanMs, cpuMs } = await reporters.run({ kind: "report", ...wanted });
  const { othersPercent } = end();
  await site.quiet();
  const { mainMs, threadsMs, childrenMs } = end();
  const { functions, invocations } = readCalls(site.stack.calls);
  return {
    answeredMs,
    reportsPerSecond: (answeredMs.length * 1000) / spanMs,
    calls: sum(Object.values(functions)),
    invocations,
    cpu: { main: mainMs, functions: threadsMs - cpuMs, engine: childrenMs, hosts: cpuMs },
    othersPercent,
  };
}

function figuresOf(rounds: readonly Round[]) {
  const reports = rounds.flatMap(({ answeredMs }) => answeredMs).length;
  const perReport = (of: (round: Round) => number) => rounded(sum(rounds.map(of)) / reports);
  return {
    reportsPerSecond: spread(rounds.map((round) => round.reportsPerSecond)),
    answered: latency(rounds.flatMap(({ answeredMs }) => answeredMs)),
    callsPerReport: perReport(({ calls }) => calls),
    invocationsPerReport: perReport(({ invocations }) => invocations),
    cpuMsPerReport: {
      functions: perReport(({ cpu }) => cpu.functions),
      main: perReport(({ cpu }) => cpu.main),
      engine: perReport(({ cpu }) => cpu.engine),
      hosts: perReport(({ cpu }) => cpu.hosts),
    },
    othersPercent: spread(rounds.map(({ othersPercent }) => othersPercent)),
  };
}

function show({ options, quiet, changing }: ReportRateFigures): string {
  const row = (name: string, figures: ReportRateFigures["quiet"]) => {
    const { reportsPerSecond, answered, callsPerReport, invocationsPerReport } = figures;
    const { functions, main, engine, hosts } = figures.cpuMsPerReport;
    return [
      ...[name, reportsPerSecond.median, reportsPerSecond.min, reportsPerSecond.max],
      ...[answered.p50Ms, answered.p99Ms, callsPerReport, invocationsPerReport],
      ...[functions, main, engine, hosts, figures.othersPercent.median],
    ];
  };
  return [
    `${options.hosts} hosts of ${options.vmsPerHost} VMs, ${options.reportsEach} reports each a round, ${options.rounds} rounds`,
    table([
      [
        ...["", "reports/s", "min", "max", "answer p50 ms", "p99", "calls", "invocations"],
        ...["CPU ms: functions", "main", "engine", "hosts", "others %"],
      ],
      row("quiet", quiet),
      row(`${CHANGED_PERCENT} % of VMs changed a round`, changing),
    ]),
  ].join("\n");
}

if (import.meta.main) {
  const options = readOptions({
    script: "bench:report-rate",
    says: "Reports a second through the whole local stack, quiet and with changes. Takes minutes.",
    numbers: {
      hosts: { standard: 100, says: "hosts" },
      "vms-per-host": { standard: 50, says: "VMs of each" },
      rounds: {
        standard: 10,
        says: "measured rounds of each kind; disturbed ones are measured again",
      },
      "reports-each": { standard: 10, says: "reports of each host in a round" },
    },
  });
  if (options !== undefined) {
    const { number, output } = options;
    const figures = await measureReportRate({
      hosts: number("hosts"),
      vmsPerHost: number("vms-per-host"),
      rounds: number("rounds"),
      reportsEach: number("reports-each"),
    });
    process.stdout.write(
      `${output === "json" ? JSON.stringify(figures, null, 2) : show(figures)}\n`,
    );
  }
}
