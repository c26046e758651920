/** What a run is: all that its history follows from. */
import type { FaultRates } from "./faults.ts";

export type Plan = {
  readonly seed: number;
  readonly hosts: number;
  readonly vms: number;
  /** For so long operators ask for things and faults strike; then everything comes to its end. */
  readonly minutes: number;
  readonly rates: FaultRates;
};
