/**
 * One run: a time of faults and wishes, then a time in which everything comes to its end; and what became of it.
 */
import { startControlPlane } from "./control-plane.ts";
import { startOperators } from "./operators.ts";
import type { Plan } from "./plan.ts";
import { restOf } from "./rest.ts";
import { addSimHost, type SimHost } from "./sim-host.ts";
import { makeWorld } from "./world.ts";

export type Outcome = {
  readonly plan: Plan;
  /** What broke first. */
  readonly violation: string | undefined;
  readonly history: readonly string[];
  readonly turns: number;
};

/** Everything has come to its end long before; what has not by then never does. */
const REST_MS_MAX = 12 * 3_600_000;
const LOOK_EVERY_MS = 60_000;

export async function runSimulation(
  plan: Plan,
  options: { readonly history: "kept" | "not_kept" },
): Promise<Outcome> {
  const world = makeWorld(plan);
  const { time, history } = world;
  if (options.history === "kept") history.keep();
  const hosts: SimHost[] = [];
  for (let n = 1; n <= plan.hosts; n += 1) hosts.push(await addSimHost(world, n));
  const pump = startControlPlane(world);
  const isOver = () => {
    pump();
    world.commandsSent.look();
    return false;
  };
  const operators = startOperators(world);
  await time.pass({ at: time.now() + plan.minutes * 60_000, isOver });
  world.faults.stop();
  operators.stop();
  const restAt = time.now() + REST_MS_MAX;
  let left = restOf(world, hosts);
  while (left !== undefined && time.now() < restAt) {
    await time.pass({ at: time.now() + LOOK_EVERY_MS, isOver });
    left = restOf(world, hosts);
  }
  return {
    plan,
    violation: left,
    history: history.lines(),
    turns: [...world.memory.tables.apartments.all()].reduce(
      (sum, { version }) => sum + version - 1,
      0,
    ),
  };
}
