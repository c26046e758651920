/**
 * What libvirt's state and reason mean to the control plane. Total: what this table does not know is `unknown`.
 *
 *  P1 `off` and `held: false` only where nothing of the guest is left: no process, no memory, no open disk. A guest on its
 *     way down is still `on`: "off" would let it be started elsewhere while QEMU holds its disks.
 *  P2 During a migration both hosts list the VM, for a while both as paused (`reference/hypervisor.md`, races, 1). Neither
 *     can tell whose it is, so neither says on or paused: `unknown`, held.
 *  P3 A guest that is being launched is `unknown`, held: it may still fail, and it is not off any more.
 *  P4 `crashed` is one that ended by itself wrongly: QEMU died (not held), or it panicked and is preserved (held).
 */
import type { ReportedPower } from "../../shared/model/power.ts";
import type { PowerSeen } from "./hypervisor.ts";

type Meaning = { readonly words: string; readonly power: ReportedPower };
type StateMeaning = Meaning & {
  readonly held: boolean;
  /** By reason; a number that is not there has the state's own meaning. */
  readonly reasons: Readonly<Record<number, Meaning>>;
};

/** As `reasons` of one power: the words in the order of libvirt's numbers. */
function all(power: ReportedPower, words: readonly string[]): Record<number, Meaning> {
  return Object.fromEntries(words.map((word, reason) => [reason, { words: word, power }]));
}

const NO_STATE: StateMeaning = { words: "no state", power: "unknown", held: true, reasons: {} };

/** virDomainState → virDomain…Reason. */
const STATES: Readonly<Record<number, StateMeaning>> = {
  0: NO_STATE,
  1: {
    words: "running",
    power: "on",
    held: true,
    reasons: all("on", [
      "unknown",
      "booted",
      "migrated",
      "restored",
      "from snapshot",
      "unpaused",
      "migration canceled",
      "save canceled",
      "wakeup",
      "crashed",
      "post-copy",
      "post-copy failed",
    ]),
  },
  2: { words: "blocked", power: "on", held: true, reasons: all("on", ["unknown"]) },
  3: {
    words: "paused",
    power: "paused",
    held: true,
    reasons: {
      ...all("paused", [
        "unknown",
        "user",
        "migrating",
        "saving",
        "dumping",
        "I/O error",
        "watchdog",
        "from snapshot",
        "shutting down",
        "creating snapshot",
        "crashed",
        "starting up",
        "post-copy",
        "post-copy failed",
      ]),
      2: { words: "migrating", power: "unknown" }, // P2
      8: { words: "shutting down", power: "on" }, // P1
      10: { words: "crashed", power: "crashed" }, // P4
      11: { words: "starting up", power: "unknown" }, // P3; also a migration's target before the first byte
      12: { words: "post-copy", power: "unknown" }, // P2
      13: { words: "post-copy failed", power: "unknown" }, // P2
    },
  },
  4: { words: "in shutdown", power: "on", held: true, reasons: all("on", ["unknown", "user"]) }, // P1
  5: {
    words: "shut off",
    power: "off",
    held: false,
    reasons: {
      ...all("off", [
        "unknown",
        "shutdown",
        "destroyed",
        "crashed",
        "migrated",
        "saved",
        "failed",
        "from snapshot",
        "daemon",
      ]),
      3: { words: "crashed", power: "crashed" }, // P4
    },
  },
  6: {
    words: "crashed",
    power: "crashed",
    held: true,
    reasons: all("crashed", ["unknown", "panicked"]),
  }, // P4
  // The guest put itself to sleep and wakes by itself: nobody paused it, and `resume` would not wake it.
  7: { words: "pmsuspended", power: "on", held: true, reasons: all("on", ["unknown"]) },
};

export function powerOf(domain: { readonly state: number; readonly reason: number }): PowerSeen {
  const state = STATES[domain.state];
  if (state === undefined)
    return { power: "unknown", detail: `state ${domain.state} (${domain.reason})`, held: true };
  const reason = state.reasons[domain.reason];
  const words = reason?.words ?? String(domain.reason);
  return {
    power: reason?.power ?? state.power,
    detail: `${state.words} (${words})`,
    held: state.held,
  };
}
