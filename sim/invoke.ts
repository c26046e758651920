/**
 * An invocation of a function: a worker of its own, which ends when it answers, fails, dies, or its time is up.
 *
 *  1. Whoever invoked it hears of its end once; of a worker that died, as Lambda notices it: at once or at the time-out.
 *  2. At the time-out the worker is ended, as Lambda does it.
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
      worker.isDead = true; // 2
      resolve({ ok: false, reason: `${name} timed out` });
    });
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
