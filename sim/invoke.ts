/**
 * An invocation of a function: a worker of its own, which ends when it answers, fails, dies, or its time is up.
 *
 *  1. Whoever invoked it hears of its end once; Lambda notices the end of a process soon.
 *  2. At the time-out the worker is ended, as Lambda does it; but for one that is late, which stands for what is under way in
 *     networks and frozen processes.
 */
import { FUNCTIONS, type FunctionName } from "./functions.ts";
import type { Worker } from "./worker.ts";
import type { Deps, World } from "./world.ts";

/** What Lambda takes to begin, warm or cold. */
const BEGIN_MS = { least: 1, most: 40 };

export type Invoked<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly reason: string };

export async function invoke<T>(
  world: World,
  name: FunctionName,
  run: (deps: Deps, worker: Worker) => Promise<T>,
): Promise<Invoked<T>> {
  const { time } = world;
  const { worker, deps } = world.startWorker(name);
  await time.sleep(world.latency.int(BEGIN_MS.least, BEGIN_MS.most));
  return new Promise((resolve) => {
    const callOff = time.after(FUNCTIONS[name].timeoutMs, () => {
      if (!worker.isLate) worker.isDead = true; // 2
      resolve({ ok: false, reason: `${name} timed out` });
    });
    worker.onDeath = () => {
      callOff();
      time.after(world.latency.int(BEGIN_MS.least, BEGIN_MS.most), () =>
        resolve({ ok: false, reason: `${name} died` }),
      ); // 1
    };
    run(deps, worker).then(
      (value) => {
        callOff();
        resolve({ ok: true, value });
      },
      (error: unknown) => {
        callOff();
        resolve({ ok: false, reason: error instanceof Error ? error.message : String(error) });
      },
    );
  });
}
