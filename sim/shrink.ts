/**
 * Makes a failing run small: as few faults, VMs, hosts and minutes as still break the same invariant.
 *
 * What is left out changes what happens, so each try is a run of its own, kept if it breaks the same. Kinds of faults go
 * first, in halves and then one by one, then sizes, then single strikes.
 */
import type { Plan } from "./plan.ts";
import type { Outcome } from "./run-simulation.ts";

export type Failed = Outcome & { readonly violation: NonNullable<Outcome["violation"]> };

/** Enough for a run of a few hundred strikes; each is shorter than the one before. */
const RUNS_MAX = 400;
const MINUTE_MS = 60_000;

type Try = (parts: Partial<Plan>) => Promise<boolean>;

export async function shrink(
  failed: Failed,
  run: (plan: Plan) => Promise<Outcome>,
  /** Told of each step that was kept. */
  tell: (text: string) => void,
): Promise<Failed> {
  let smallest = failed;
  let runs = 0;
  const tries: Try = async (parts) => {
    if (runs >= RUNS_MAX) return false;
    runs += 1;
    const outcome = await run({ ...smallest.plan, ...parts });
    const { violation } = outcome;
    if (violation?.invariant !== smallest.violation.invariant) return false;
    smallest = { ...outcome, violation };
    tell(`${runs} runs: ${Object.keys(parts).join(" and ")} smaller`);
    return true;
  };
  const plan = () => smallest.plan;

  await fewerMinutes(() => smallest, tries);
  await fewer(
    () => Object.entries(plan().rates),
    (kept) => tries({ rates: Object.fromEntries(kept) }),
  );
  await smaller(plan, tries);
  await fewerMinutes(() => smallest, tries);
  await fewer(
    () => smallest.struck,
    (kept) => {
      const keeps = new Set(kept);
      const gone = smallest.struck.filter((name) => !keeps.has(name));
      return tries({ spared: [...plan().spared, ...gone] });
    },
  );
  await smaller(plan, tries);
  await fewerMinutes(() => smallest, tries);
  return smallest;
}

async function smaller(plan: () => Plan, tries: Try): Promise<void> {
  for (const size of ["vms", "hosts"] as const)
    while (plan()[size] > 1 && (await smallerSize(plan(), size, tries)));
}

/** Half, or one less. */
async function smallerSize(plan: Plan, size: "vms" | "hosts", tries: Try): Promise<boolean> {
  const half = Math.ceil(plan[size] / 2);
  return (await tries({ [size]: half })) || (await tries({ [size]: plan[size] - 1 }));
}

/** Faults end a while before it broke, or when it did. */
async function fewerMinutes(failed: () => Failed, tries: Try): Promise<void> {
  const broke = Math.max(1, Math.ceil(failed().endedAfterMs / MINUTE_MS));
  if (broke < failed().plan.minutes) await tries({ minutes: broke });
  while (failed().plan.minutes > 1) {
    const half = Math.ceil(failed().plan.minutes / 2);
    if (!(await tries({ minutes: half }))) return;
  }
}

/** Leaves out as much as it can: halves, quarters, and so on to single ones. */
async function fewer<T>(
  current: () => readonly T[],
  tries: (kept: readonly T[]) => Promise<boolean>,
): Promise<void> {
  for (let size = Math.ceil(current().length / 2); size >= 1; size = Math.floor(size / 2)) {
    let from = 0;
    while (from < current().length) {
      const items = current();
      const kept = [...items.slice(0, from), ...items.slice(from + size)];
      if (!(await tries(kept))) from += size;
    }
  }
}
