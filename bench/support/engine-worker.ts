/** Runs in a worker thread: as many jobs' calls as it can make within a time, side by side as asked. */
import { performance } from "node:perf_hooks";
import { parentPort, workerData } from "node:worker_threads";
import { type Caller, engineCaller, engineClients } from "./engine-calls.ts";
import type { EngineDone, EngineRun, EngineStart } from "./engine-protocol.ts";

const start: EngineStart = workerData;
const clients = engineClients(start);
/** By lane: a lane's items keep their versions from run to run. */
const callers = new Map<string, Caller>();

parentPort?.on("message", (run: EngineRun) => {
  void measure(run).then((done) => parentPort?.postMessage(done));
});

async function measure(run: EngineRun): Promise<EngineDone> {
  const until = performance.now() + run.durationMs;
  try {
    const lanes = Array.from({ length: run.sideBySide }, (_, lane) => runLane(run, lane, until));
    const calls = await Promise.all(lanes);
    return { ok: true, calls: calls.reduce((total, each) => total + each, 0) };
  } catch (error) {
    return { ok: false, reason: String(error) };
  }
}

/** Calls one after the other, as a turn makes most of its calls; of each kind its share. Answers how many. */
async function runLane({ mix, reads }: EngineRun, lane: number, until: number): Promise<number> {
  const name = `${start.thread}-${lane}`;
  const caller = callers.get(name) ?? engineCaller(clients, start, name);
  callers.set(name, caller);
  const due = new Map<string, number>();
  for (let calls = 0; ; )
    for (const [action, perJob] of Object.entries(mix)) {
      const whole = (due.get(action) ?? 0) + perJob;
      due.set(action, whole % 1);
      for (let left = Math.floor(whole); left > 0; left -= 1) {
        if (performance.now() >= until) return calls;
        await caller.call(action, reads);
        calls += 1;
      }
    }
}
