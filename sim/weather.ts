/**
 * What happens to hosts, guests and services without anybody asking, minute by minute, while faults strike; and the end of it
 * all, when everything is set right.
 */
import type { VmId } from "../shared/model/ids.ts";
import { runningAt } from "./copies.ts";
import type { FaultKind } from "./fault-table.ts";
import { drawOutage } from "./outages.ts";
import { killAgent, type SimHost, startAgent } from "./sim-host.ts";
import type { World } from "./world.ts";

const MINUTE_MS = 60_000;
/** From a hiccup to longer than it takes a host to be called Down. */
const ABSENT_MS = { least: 2_000, most: 1_500_000 };
const HUNG_MS = { least: 2_000, most: 300_000 };
const HOST_SKEW_MS_MAX = 6 * 3_600_000;

export interface Weather {
  /** Everybody is there again. */
  readonly clear: () => void;
  /** Of VMs that run twice since somebody started or moved them by hand one copy is ended, once that is known for a split brain. */
  readonly setRight: () => void;
  /** One more thing happens to each VM behind our back, while nothing else does. */
  readonly strikeGuests: () => void;
}

const GUEST_KINDS = [
  ...["guest-crashes", "guest-off", "guest-paused", "guest-forgotten"],
  ...["guest-on", "guest-moved"],
] as const;

export function startWeather(world: World, hosts: readonly SimHost[]): Weather {
  const { time, faults, outages, history } = world;
  let isClear = false;
  /** Strikes at some moment of the minute that begins. */
  const perhaps = (kind: FaultKind, happen: () => void) => {
    if (!faults.strikes(kind)) return;
    time.after(faults.draw(kind).int(0, MINUTE_MS), () => {
      if (!isClear) happen();
    });
  };
  const minute = () => {
    if (isClear) return;
    time.after(MINUTE_MS, minute);
    perhaps("outage", () => {
      const outage = drawOutage(faults.draw("outage"));
      outages.begin(outage);
      history.tell(() => `${outage.ports.join(", ")} fail for ${outage.lastsMs / 1000} s`);
    });
    for (const host of hosts) {
      hostMinute(world, host, perhaps);
      for (const { id: vmId } of world.memory.tables.apartments.all()) {
        guestMinute(world, { host, vmId }, perhaps);
        handMinute(world, { hosts, host, vmId }, perhaps);
      }
    }
  };
  minute();
  return {
    clear: () => {
      isClear = true;
      outages.endAll();
      for (const host of hosts) recover(world, host);
    },
    strikeGuests: () => {
      for (const { id: vmId } of world.memory.tables.apartments.all()) {
        const chosen = world.random(`last of ${vmId}`).pick(GUEST_KINDS);
        const only: Perhaps = (kind, happen) => {
          if (kind === chosen) happen();
        };
        for (const host of hosts) {
          guestMinute(world, { host, vmId }, only);
          handMinute(world, { hosts, host, vmId }, only);
        }
      }
    },
    setRight: () => {
      for (const vmId of world.byHand) endSecondCopy(world, hosts, vmId);
    },
  };
}

type Perhaps = (kind: FaultKind, happen: () => void) => void;

function hostMinute(world: World, host: SimHost, perhaps: Perhaps): void {
  const { plan, time, faults, history } = world;
  const { hostId, machine, hypervisor } = host;
  const lasting = (kind: FaultKind, range: { readonly least: number; readonly most: number }) => {
    const ms = faults.draw(kind).int(range.least, range.most);
    history.tell(() => `${kind}: ${hostId}, for ${ms / 1000} s`);
    return ms;
  };
  perhaps("agent-restarted", () => {
    if (host.process === undefined) return;
    history.tell(() => `${hostId}: the agent is killed and started`);
    killAgent(host);
    startAgent(world, host);
  });
  // Cut off and without its disk, or its hypervisor, a host could not fence itself: only a watchdog can (docs/ha.md).
  perhaps("agent-disk-lost", () => {
    if (host.process === undefined || machine.isCutOff) return;
    history.tell(() => `${hostId}: the agent is killed, and started without its disk`);
    killAgent(host);
    machine.disk = "";
    machine.lease = undefined;
    startAgent(world, host);
  });
  perhaps("agent-cut-off", () => {
    if (machine.isHung || (plan.selfFence && machine.lease === undefined)) return;
    machine.isCutOff = true;
    time.after(lasting("agent-cut-off", ABSENT_MS), () => {
      machine.isCutOff = false;
    });
  });
  perhaps("host-dead", () => {
    killAgent(host);
    machine.isOn = false;
    hypervisor.behindTheBack.hostPowerFailure();
    time.after(lasting("host-dead", ABSENT_MS), () => powerOn(world, host));
  });
  perhaps("hypervisor-hung", () => {
    if (machine.isCutOff) return;
    machine.isHung = true;
    hypervisor.behindTheBack.setReachable("unreachable");
    time.after(lasting("hypervisor-hung", HUNG_MS), () => {
      machine.isHung = false;
      hypervisor.behindTheBack.setReachable("reachable");
    });
  });
  perhaps("clock-skewed", () => {
    machine.skewMs = faults.draw("clock-skewed").int(-HOST_SKEW_MS_MAX, HOST_SKEW_MS_MAX);
  });
}

function guestMinute(
  { history }: World,
  { host, vmId }: { readonly host: SimHost; readonly vmId: VmId },
  perhaps: Perhaps,
): void {
  const { behindTheBack } = host.hypervisor;
  if (behindTheBack.seen(vmId)?.held !== true) return;
  const strike = (kind: FaultKind, what: (vmId: VmId) => void) =>
    perhaps(kind, () => {
      if (behindTheBack.seen(vmId)?.power !== "on") return;
      history.tell(() => `${kind}: ${vmId} at ${host.hostId}`);
      what(vmId);
    });
  strike("guest-crashes", behindTheBack.crash);
  strike("guest-off", behindTheBack.powerOff);
  strike("guest-paused", behindTheBack.pause);
  strike("guest-forgotten", behindTheBack.remove);
}

/** What somebody does at hosts, past the control plane. It cannot know of that at once: such a VM may run twice. */
function handMinute(
  { faults, history, byHand }: World,
  {
    hosts,
    host,
    vmId,
  }: { readonly hosts: readonly SimHost[]; readonly host: SimHost; readonly vmId: VmId },
  perhaps: Perhaps,
): void {
  const isHeld = ({ hypervisor }: SimHost) => hypervisor.behindTheBack.seen(vmId)?.held === true;
  const { behindTheBack } = host.hypervisor;
  perhaps("guest-on", () => {
    if (!host.machine.isOn || hosts.some(isHeld)) return;
    history.tell(() => `guest-on: ${vmId} at ${host.hostId}, by hand`);
    byHand.add(vmId);
    behindTheBack.powerOn(vmId, "by-hand");
  });
  perhaps("guest-moved", () => {
    const to = faults.draw("guest-moved").pick(hosts);
    const { migrationUri } = to.hypervisor;
    if (to === host || migrationUri === undefined || !to.machine.isOn) return;
    if (behindTheBack.seen(vmId)?.power !== "on") return;
    history.tell(() => `guest-moved: ${vmId} from ${host.hostId} to ${to.hostId}, by hand`);
    byHand.add(vmId);
    void behindTheBack.migrate(vmId, migrationUri);
  });
}

/** By design nothing flips until one copy is ended. An operator goes by the incident. */
function endSecondCopy(world: World, hosts: readonly SimHost[], vmId: VmId): void {
  const incidents = world.memory.tables.apartments.get(vmId)?.openIncidents ?? [];
  if (!incidents.some(({ kind }) => kind === "split_brain")) return;
  const [, ...more] = runningAt(hosts, vmId);
  for (const { hostId, hypervisor } of more) {
    world.history.tell(() => `${vmId} at ${hostId} is ended by hand: it runs elsewhere, too`);
    hypervisor.behindTheBack.remove(vmId);
  }
}

function recover(world: World, host: SimHost): void {
  host.machine.isCutOff = false;
  host.machine.isHung = false;
  host.hypervisor.behindTheBack.setReachable("reachable");
  if (!host.machine.isOn) powerOn(world, host);
}

function powerOn(world: World, host: SimHost): void {
  const { machine, hypervisor } = host;
  if (machine.isOn) return;
  if (machine.heldOffBy > 0) {
    world.time.after(MINUTE_MS, () => powerOn(world, host));
    return;
  }
  machine.isOn = true;
  machine.boots += 1;
  hypervisor.behindTheBack.hostPowerReturns();
  startAgent(world, host);
}
