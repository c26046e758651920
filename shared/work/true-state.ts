/** What a power that was found at a host says of the VM. */
import type { Outcome } from "../core/work-type.ts";
import type { HostId } from "../model/ids.ts";
import type { Power } from "../model/power.ts";
import type { VmChange } from "../model/vm-change.ts";

/** As a host answers when it is asked. */
export type FoundPower = "on" | "paused" | "off";

/** The VM where it was found so. */
export function trueState(power: FoundPower, hostId: HostId): VmChange {
  switch (power) {
    case "on":
      return { state: "Running", hostId };
    case "paused":
      return { state: "Suspended", hostId };
    case "off":
      return { state: "Stopped", hostId: null };
    default:
      return power satisfies never;
  }
}

/** Nothing where nobody could tell: absence is for those who ask the host. */
export function foundPower(power: Power | undefined): FoundPower | undefined {
  switch (power) {
    case "on":
    case "paused":
    case "off":
      return power;
    case "crashed":
      return "off";
    case "unknown":
    case "missing":
    case undefined:
      return undefined;
    default:
      return power satisfies never;
  }
}

/** An outcome with what was found out on the way to it; what it says itself is later. */
export function knowing<M, R>(outcome: Outcome<M, R>, found: VmChange): Outcome<M, R> {
  return outcome.kind === "need" || outcome.kind === "ignore"
    ? outcome
    : { ...outcome, vm: { ...found, ...outcome.vm } };
}
