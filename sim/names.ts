/** Ids of a simulation: made from counters, so that a person can tell them apart, and short names for its history. */
import type { Names } from "../shared/app/ports.ts";
import { JobId, VmId } from "../shared/model/ids.ts";

const VM_PREFIX = "00000000-0000-4000-8000-";
const JOB_PREFIX = "01930000-0000-7000-8000-";
const ID = /00000000-0000-4000-8000-([0-9]{12})|01930000-0000-7000-8000-([0-9]{12})/g;

export function simNames(): Names {
  let jobs = 0;
  let vms = 0;
  let secrets = 0;
  return {
    jobId: () => JobId.parse(`${JOB_PREFIX}${String(++jobs).padStart(12, "0")}`),
    vmId: () => VmId.parse(`${VM_PREFIX}${String(++vms).padStart(12, "0")}`),
    secret: () => `secret-of-the-simulation-${String(++secrets).padStart(16, "0")}`,
    hash: hash64,
  };
}

/** The text with `vm-3` and `job-12` in the place of their ids. */
export function readable(text: string): string {
  return text.replaceAll(ID, (_, vm: string | undefined, job: string | undefined) =>
    vm === undefined ? `job-${Number(job)}` : `vm-${Number(vm)}`,
  );
}

/** Two rounds of FNV-1a: tells texts apart; that nobody can forge one is not this hash's business here. */
function hash64(text: string): string {
  let one = 0x811c9dc5;
  let other = 0x12345678;
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    one = Math.imul(one ^ code, 0x01000193);
    other = Math.imul(other ^ code, 0x85ebca6b) ^ (other >>> 13);
  }
  return (one >>> 0).toString(16).padStart(8, "0") + (other >>> 0).toString(16).padStart(8, "0");
}
