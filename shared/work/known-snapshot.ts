/** A snapshot that a verb names, where the verb can do something with it. */
import type { WorkContext } from "../core/work-type.ts";
import type { Snapshot } from "../model/vm.ts";
import { fail } from "./fail.ts";

export type Known =
  | { readonly kind: "here"; readonly snapshot: Snapshot }
  | { readonly kind: "unknown" }
  /** It is kept by another host than the one that the VM is on. */
  | { readonly kind: "elsewhere"; readonly end: ReturnType<typeof fail> };

export function knownSnapshot({ vm }: WorkContext<unknown, unknown>, name: string): Known {
  const snapshot = vm.snapshots?.find((each) => each.name === name);
  if (snapshot === undefined) return { kind: "unknown" };
  if (vm.hostId === undefined || vm.hostId === snapshot.hostId) return { kind: "here", snapshot };
  const detail = `${name} is kept by ${snapshot.hostId}, and it is on ${vm.hostId}`;
  return { kind: "elsewhere", end: fail("vm_state_conflict", detail) };
}
