/**
 * Whose processor time a span took: this process's main thread, its other threads, its children (the DynamoDB engine), and
 * everybody else on the machine. Linux only: it reads `/proc`.
 */
import { readdirSync, readFileSync } from "node:fs";

export type CpuUse = {
  /** Milliseconds of processor time. */
  readonly mainMs: number;
  /** All threads of this process but the main one: function workers, load, garbage collection, compilation. */
  readonly threadsMs: number;
  readonly childrenMs: number;
  /** Of all cores, in percent: what neither this process nor its children used. */
  readonly othersPercent: number;
};

/** The kernel's unit in `/proc`, 100 a second on every Linux that Node runs on. */
const TICK_MS = 10;

type Snapshot = {
  readonly mainMs: number;
  readonly processMs: number;
  readonly childrenMs: number;
  readonly busyMs: number;
  readonly allMs: number;
};

/** Begins a span; what it answers ends it. To be called on the main thread. */
export function cpuSpan(): () => CpuUse {
  const before = snapshot();
  return () => {
    const after = snapshot();
    const spent = (key: keyof Snapshot) => after[key] - before[key];
    const othersMs = Math.max(0, spent("busyMs") - spent("processMs") - spent("childrenMs"));
    return {
      mainMs: spent("mainMs"),
      threadsMs: spent("processMs") - spent("mainMs"),
      childrenMs: spent("childrenMs"),
      othersPercent: Math.round((100 * othersMs) / Math.max(1, spent("allMs"))),
    };
  };
}

function snapshot(): Snapshot {
  const whole = process.cpuUsage();
  const main = process.threadCpuUsage();
  const machine = machineTicks();
  return {
    mainMs: (main.user + main.system) / 1000,
    processMs: (whole.user + whole.system) / 1000,
    childrenMs: descendantTicks(process.pid) * TICK_MS,
    busyMs: machine.busy * TICK_MS,
    allMs: machine.all * TICK_MS,
  };
}

/** `cpu user nice system idle iowait irq softirq steal …` (proc(5)). */
function machineTicks(): { readonly busy: number; readonly all: number } {
  const [line = ""] = readFileSync("/proc/stat", "utf8").split("\n", 1);
  const ticks = line.trim().split(/\s+/).slice(1, 9).map(Number);
  const all = ticks.reduce((total, each) => total + each, 0);
  return { busy: all - (ticks[3] ?? 0) - (ticks[4] ?? 0), all };
}

/** User and system time of the processes below this one, and of its children that have ended. */
function descendantTicks(root: number): number {
  const processes = readdirSync("/proc").flatMap((name) => readStat(name) ?? []);
  const ended = processes.find(({ pid }) => pid === root)?.endedChildrenTicks ?? 0;
  const below = (parent: number): number =>
    processes
      .filter((each) => each.parent === parent)
      .reduce((total, each) => total + each.ticks + below(each.pid), 0);
  return ended + below(root);
}

type Stat = {
  readonly pid: number;
  readonly parent: number;
  readonly ticks: number;
  readonly endedChildrenTicks: number;
};

function readStat(name: string): Stat | undefined {
  if (!/^\d+$/.test(name)) return undefined;
  try {
    const text = readFileSync(`/proc/${name}/stat`, "utf8");
    // The second field is the program's name in parentheses and may hold anything; the others follow.
    const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
    return {
      pid: Number(name),
      parent: Number(fields[1]),
      ticks: Number(fields[11]) + Number(fields[12]),
      endedChildrenTicks: Number(fields[13]) + Number(fields[14]),
    };
  } catch {
    return undefined; // it ended meanwhile
  }
}
