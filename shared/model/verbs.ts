/**
 * The verbs on a VM and what each takes: the one list. `POST /v1/vms/{vmId}/{verb}` takes these bodies, and a job of type
 * `vm.<verb>` has one as its input.
 */
import * as z from "zod/mini";
import { HostId } from "./ids.ts";
import { Cpus, Device, MemoryMiB, SnapshotName } from "./vm.ts";

const Flag = z.optional(z.boolean());
const Nothing = z.strictObject({});
const OfSnapshot = z.strictObject({ snapshot: SnapshotName });
const OfDevice = z.strictObject({ device: Device });

export const VERB_INPUTS = {
  /** `hostId`: there or nowhere. */
  start: z.strictObject({ hostId: z.optional(HostId) }),
  /** `forced`: its power is taken at once; `thenForce`: once the grace is over. */
  stop: z.strictObject({
    forced: Flag,
    graceSeconds: z.optional(z.int().check(z.gte(0), z.lte(3600))),
    thenForce: Flag,
  }),
  /** `forced`: the machine is reset under the guest. */
  reboot: z.strictObject({ forced: Flag }),
  suspend: Nothing,
  resume: Nothing,
  /** `leaves`: only to be away from there; a VM that is at another host already stays. */
  migrate: z.strictObject({ hostId: z.optional(HostId), leaves: z.optional(HostId) }),
  destroy: z.strictObject({ expunge: Flag, forced: Flag }),
  recover: Nothing,
  expunge: Nothing,
  scale: z
    .strictObject({ cpus: z.optional(Cpus), memoryMiB: z.optional(MemoryMiB) })
    .check(z.refine((size) => Object.keys(size).length > 0, "cpus or memoryMiB")),
  snapshot: z.strictObject({ name: SnapshotName }),
  revert: OfSnapshot,
  "delete-snapshot": OfSnapshot,
  attach: OfDevice,
  detach: OfDevice,
} as const satisfies Readonly<Record<string, z.ZodMiniType>>;

export type VmVerb = keyof typeof VERB_INPUTS;
export type VerbInput<V extends VmVerb> = z.infer<(typeof VERB_INPUTS)[V]>;

export function isVerb(word: string): word is VmVerb {
  return Object.hasOwn(VERB_INPUTS, word);
}
