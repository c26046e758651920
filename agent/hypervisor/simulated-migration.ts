/**
 * Live migration between simulated hosts of one process.
 *
 *  M1 The target has the guest as `incoming` from the first byte, while it runs on at the source; for the last moment neither
 *     host can tell whose it is; then the target has it and the source has not, not even its definition. At no time does it
 *     run at both.
 *  M2 Whatever ends it early (an abort, the guest's end at the source, either host's power failure or its daemon's death)
 *     leaves it at the source as it was, and takes it from the target. The daemon that dies at the source leaves who asked
 *     without an answer (`outcome_unknown`).
 */
import type { VmId } from "../../shared/model/ids.ts";
import {
  ABORTED,
  type Done,
  type Failure,
  type MigrateRequest,
  NOT_FOUND,
  OUTCOME_UNKNOWN,
} from "./hypervisor.ts";
import { aGuest, type Guest, type GuestHost, slowness } from "./simulated-guests.ts";

/** As measured with real guests of 8 MiB (`reference/hypervisor.md` §1). */
const COPY_MS = 450;
/** Both hosts had it paused for 34 ms. */
const SWITCH_MS = 35;

export type MigrationTarget = {
  readonly host: GuestHost;
  readonly isReachable: () => boolean;
};

/** The hosts that reach each other, by `migrationUri`. */
export interface SimulatedNetwork {
  readonly join: (uri: string, target: MigrationTarget) => void;
  readonly find: (uri: string) => MigrationTarget | undefined;
}

export function simulatedNetwork(): SimulatedNetwork {
  const hosts = new Map<string, MigrationTarget>();
  return {
    join: (uri, target) => {
      hosts.set(uri, target);
    },
    find: (uri) => hosts.get(uri),
  };
}

/** The daemon died: what it was moving or receiving ends (M2). */
export function dropMigrations({ guests, interrupt }: GuestHost): void {
  for (const guest of [...guests.values()])
    if (guest.moves || guest.state === "incoming") interrupt(guest, "the daemon died");
}

export function migrateGuest(
  source: GuestHost,
  network: SimulatedNetwork | undefined,
  { vmId, targetUri, signal }: MigrateRequest,
): Promise<Done | Failure> {
  const guest = source.guests.get(vmId);
  const target = network?.find(targetUri);
  const refused = refusal({ vmId, guest, source, target });
  if (refused !== undefined || guest === undefined || target === undefined)
    return Promise.resolve(refused ?? NO_TARGET);
  const incoming = receive(target.host, vmId, guest);
  return new Promise((resolve) => {
    let cancel = () => {};
    const over = () => {
      cancel();
      signal.removeEventListener("abort", abort);
      guest.moves = false;
      guest.interrupt = undefined;
      incoming.interrupt = undefined;
    };
    /** M2. */
    const end = (answer: Failure) => {
      over();
      if (guest.state === "outgoing") source.change(vmId, guest, "on");
      forget(target.host, vmId, incoming);
      resolve(answer);
    };
    const abort = () => end({ ok: false, code: ABORTED, detail: "as asked" });
    const arrive = () => {
      over();
      incoming.devices = guest.devices;
      guest.life += 1;
      source.guests.delete(vmId); // M1: before it runs there
      source.emit({ kind: "vm", vmId });
      target.host.change(vmId, incoming, "on");
      resolve({ ok: true });
    };
    guest.moves = true;
    guest.interrupt = (ended) => {
      const daemonDied = guest.state === "on" || guest.state === "outgoing";
      end(daemonDied ? { ...ended, code: OUTCOME_UNKNOWN } : ended);
    };
    incoming.interrupt = (ended) => end({ ...ended, code: "simulated_target_lost" });
    signal.addEventListener("abort", abort);
    if (signal.aborted) return abort();
    cancel = source.time.after(source.lasting(COPY_MS * slowness(guest)), () => {
      guest.state = "outgoing"; // M1; what was going to happen to it goes on
      source.emit({ kind: "vm", vmId });
      cancel = source.time.after(source.lasting(SWITCH_MS), arrive);
    });
  });
}

const NO_TARGET: Failure = { ok: false, code: "simulated_no_target", detail: "nobody is there" };

function refusal(asked: {
  readonly vmId: VmId;
  readonly guest: Guest | undefined;
  readonly source: GuestHost;
  readonly target: MigrationTarget | undefined;
}): Failure | undefined {
  const { vmId, guest, source, target } = asked;
  if (guest === undefined) return { ok: false, code: NOT_FOUND, detail: "no such VM here" };
  if (guest.state !== "on") return { ok: false, code: "simulated_not_running", detail: "" };
  if (guest.moves) return { ok: false, code: "simulated_busy", detail: "it is being moved" };
  if (guest.snapshots.size > 0)
    return { ok: false, code: "simulated_has_snapshots", detail: "as libvirt: it cannot move" };
  if (target === undefined || !target.isReachable()) return NO_TARGET;
  const there = target.host.guests.get(vmId);
  const isThere = there !== undefined && there.state !== "off" && there.state !== "crashed";
  if (target.host === source || isThere)
    return { ok: false, code: "simulated_is_there", detail: "the target has it" };
  return undefined;
}

/** M1. A definition that the target has already is replaced; it does not come back when the migration fails. */
function receive(host: GuestHost, vmId: VmId, guest: Guest): Guest {
  const life = (host.guests.get(vmId)?.life ?? 0) + 1;
  const incoming = aGuest({ name: guest.name, spec: guest.spec, life });
  host.guests.set(vmId, incoming);
  host.change(vmId, incoming, "incoming");
  return incoming;
}

function forget(host: GuestHost, vmId: VmId, incoming: Guest): void {
  if (host.guests.get(vmId) !== incoming) return;
  host.guests.delete(vmId);
  host.emit({ kind: "vm", vmId });
}
