/** Which host to try next: Up, labels fit, room for the VM, not tried before; where it was last, else the emptiest. */
import type { HostFact } from "../model/host.ts";
import type { HostId } from "../model/ids.ts";
import type { VmSpec } from "../model/vm.ts";

/** Hosts read for one choice; bounds the turn's read. */
export const CANDIDATES_MAX = 200;

export function chooseHost(
  candidates: readonly HostFact[],
  wish: {
    readonly spec: VmSpec;
    readonly avoid: readonly HostId[];
    readonly prefer: HostId | undefined;
    /** Hosts on which the VM has its room already: they look fuller than they are to it. */
    readonly holds: ReadonlySet<HostId>;
  },
): HostFact | undefined {
  const fitting = candidates.filter(
    (host) =>
      host.state === "Up" &&
      !wish.avoid.includes(host.hostId) &&
      hasLabels(host, wish.spec) &&
      (wish.holds.has(host.hostId) || hasRoom(host, wish.spec)),
  );
  const preferred = fitting.find((host) => host.hostId === wish.prefer);
  return preferred ?? fitting.sort(emptierFirst)[0];
}

function hasLabels(host: HostFact, spec: VmSpec): boolean {
  return Object.entries(spec.hostLabels ?? {}).every(
    ([name, value]) => host.labels[name] === value,
  );
}

/** A host whose capacity nobody told takes anything. */
function hasRoom(host: HostFact, spec: VmSpec): boolean {
  return (
    host.free === undefined ||
    (host.free.cpus >= spec.cpus && host.free.memoryMiB >= spec.memoryMiB)
  );
}

/** By free memory; equal ones by name, so that the choice is a function of the facts (A9). */
function emptierFirst(a: HostFact, b: HostFact): number {
  const difference = (b.free?.memoryMiB ?? 0) - (a.free?.memoryMiB ?? 0);
  return difference !== 0 ? difference : a.hostId < b.hostId ? -1 : 1;
}
