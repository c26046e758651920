/** What a run is: all that its history follows from. Printed before it, given back to repeat it. */
import * as z from "zod/mini";
import { FAULTS, type FaultKind, faultKinds } from "./fault-table.ts";
import { type Random, randomOf } from "./random.ts";

const Kind = z.enum(Object.keys(FAULTS));
const Size = z.int().check(z.gte(1), z.lte(100_000));

export const Plan = z.strictObject({
  seed: z.int().check(z.nonnegative()),
  hosts: Size,
  vms: Size,
  /** For so long operators ask for things and faults strike; then everything comes to its end. */
  minutes: Size,
  /** Each VM is asked for something on average once in so long. */
  askedEverySeconds: Size,
  /** The setting: hosts power their HA VMs off when their lease runs out, and leases are revoked. */
  selfFence: z.boolean(),
  /** Whether there are jobs that join others; not in plans of before there were. */
  errands: z.optional(z.literal(true)),
  /** The rate of each kind of fault; one that is not named never strikes. */
  rates: z.partialRecord(Kind, z.number().check(z.gte(0), z.lte(1))),
  /** Strikes that are left out: `kind#occasion`. */
  spared: z.array(z.string()),
});
export type Plan = z.infer<typeof Plan>;

export type Sizes = Pick<Plan, "hosts" | "vms" | "minutes">;

/** From a crowd to a quiet day. */
const ASKED_EVERY_SECONDS: readonly number[] = [3, 10, 40];

/** How much rarer or more frequent a kind is in a seed: many are left out, so that rare meetings get their turn. */
const WEATHERS: readonly number[] = [0, 0, 0, 0.5, 1, 3];

/** What a seed plans; sizes that are given are taken. */
export function planOf(seed: number, given: Partial<Sizes>): Plan {
  const random = randomOf(seed, "plan");
  const drawn = {
    hosts: random.int(1, 4),
    vms: random.int(1, 8),
    minutes: random.int(5, 60),
    askedEverySeconds: random.pick(ASKED_EVERY_SECONDS),
    selfFence: random.chance(0.5),
    errands: true as const,
  };
  return { seed, ...drawn, ...given, rates: ratesOf(random), spared: [] };
}

function ratesOf(random: Random): Plan["rates"] {
  const planned: Partial<Record<FaultKind, number>> = {};
  for (const kind of faultKinds()) {
    const rate = FAULTS[kind].rate * random.pick(WEATHERS);
    if (rate > 0) planned[kind] = Math.min(rate, 1);
  }
  return planned;
}

export function describePlan(plan: Plan): string {
  const { seed, hosts, vms, minutes, askedEverySeconds, selfFence, rates, spared } = plan;
  const faults = Object.entries(rates).map(
    ([kind, rate = 0]) => `${kind} ${Number(rate.toFixed(5))}`,
  );
  return [
    `seed ${seed}: ${hosts} hosts, ${vms} VMs, ${minutes} min, asked every ${askedEverySeconds} s`,
    ...(selfFence ? ["hosts fence themselves"] : []),
    faults.length === 0 ? "no faults" : faults.join(", "),
    ...(spared.length === 0 ? [] : [`${spared.length} strikes left out`]),
  ].join("; ");
}
