/**
 * One run: a time of faults and wishes, then a time in which everything comes to its end; and what became of it.
 */

import { startAdmins } from "./admins.ts";
import type { Violation } from "./checks/violation.ts";
import { startControlPlane } from "./control-plane.ts";
import { checkCopies } from "./copies.ts";
import { startOperators } from "./operators.ts";
import type { Plan } from "./plan.ts";
import { restOf, truthInTime } from "./rest.ts";
import { addSimHost, type SimHost } from "./sim-host.ts";
import { startWeather } from "./weather.ts";
import { makeWorld, type World } from "./world.ts";

export type Outcome = {
  readonly plan: Plan;
  /** What broke first. */
  readonly violation: Violation | undefined;
  readonly history: readonly string[];
  readonly turns: number;
  /** The faults that struck, in order: `kind#occasion`. */
  readonly struck: readonly string[];
  /** When it was over, or broke, on its own clock since it began. */
  readonly endedAfterMs: number;
};

/** Everything has come to its end long before; what has not by then never does. */
const REST_MS_MAX = 6 * 3_600_000;
const LOOK_EVERY_MS = 60_000;

export async function runSimulation(
  plan: Plan,
  options: { readonly history: "kept" | "not_kept" },
): Promise<Outcome> {
  const world = makeWorld(plan);
  const { time, history } = world;
  const beganAt = time.now();
  if (options.history === "kept") history.keep();
  const hosts: SimHost[] = [];
  for (let n = 1; n <= plan.hosts; n += 1)
    hosts.push(await addSimHost(world, n, (vmId) => checkCopies(world, hosts, vmId)));
  const pump = startControlPlane(world);
  const isOver = () => {
    pump();
    world.commandsSent.look();
    return world.watch.violation() !== undefined;
  };
  const operators = startOperators(world);
  const admins = startAdmins(world, hosts);
  const weather = startWeather(world, hosts);
  await time.pass({ at: time.now() + plan.minutes * 60_000, isOver });
  history.tell(() => "nothing goes wrong any more");
  world.faults.stop();
  weather.clear();
  operators.stop();
  admins.stop();
  const before = () => {
    operators.setRight();
    admins.setRight();
    weather.setRight();
  };
  const rest = async () =>
    world.watch.violation() ?? (await comeToRest(world, hosts, { isOver, before }));
  const left = await rest();
  if (left === undefined) {
    weather.strikeGuests();
    // A move by hand takes its time, and until it is over nothing is other than it was.
    await time.pass({ at: time.now() + LOOK_EVERY_MS / 2, isOver });
  }
  const leftAgain = left ?? (await rest());
  const outcome: Outcome = {
    plan,
    violation: world.watch.violation() ?? leftAgain,
    history: history.lines(),
    turns: world.watch.turns(),
    struck: world.faults.struck(),
    endedAfterMs: time.now() - beganAt,
  };
  world.over.abort();
  return outcome;
}

/** Answers what is left when it should have ended long ago. */
async function comeToRest(
  world: World,
  hosts: readonly SimHost[],
  { isOver, before }: { readonly isOver: () => boolean; readonly before: () => void },
): Promise<Violation | undefined> {
  const { time } = world;
  const restAt = time.now() + REST_MS_MAX;
  const late = truthInTime(world, hosts);
  for (;;) {
    const left = restOf(world, hosts);
    if (left === undefined || isOver() || time.now() >= restAt) return left;
    const tooLate = late();
    if (tooLate !== undefined) return tooLate;
    before();
    await time.pass({ at: time.now() + LOOK_EVERY_MS, isOver });
  }
}
