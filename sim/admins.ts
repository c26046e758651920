/**
 * Admins: who look after hosts and incidents. They put hosts into maintenance and end it, vouch for hosts that are off, and
 * resolve incidents.
 */
import { vouchFenced } from "../shared/app/fence-host.ts";
import { beginMaintenance, endMaintenance } from "../shared/app/maintain-host.ts";
import { resolveIncident } from "../shared/app/resolve-incident.ts";
import type { HostId } from "../shared/model/ids.ts";
import { ADMIN, type Call, described, tried } from "./client.ts";
import type { FunctionName } from "./functions.ts";
import type { Random } from "./random.ts";
import type { SimHost } from "./sim-host.ts";
import type { World } from "./world.ts";

export interface Admins {
  readonly stop: () => void;
  /** Every maintenance ends, every incident is looked at; asked again, as a request of before may arrive late. */
  readonly setRight: () => void;
}

/** Each host is looked at, on average once in so long. */
const LOOKS_EVERY_MS = 300_000;
const MAINTENANCE_MS = { least: 10_000, most: 900_000 };
/** A request that was not answered may still be under way for so long: until then a host that was vouched for stays off. */
const VOUCHED_MS = 1_200_000;

export function startAdmins(world: World, hosts: readonly SimHost[]): Admins {
  let stopped = false;
  for (const host of hosts) {
    const random = world.random(`admin of ${host.hostId}`);
    const look = () => {
      if (stopped) return;
      act(world, host, random);
      world.time.after(random.wait(LOOKS_EVERY_MS), look);
    };
    world.time.after(random.wait(LOOKS_EVERY_MS), look);
  }
  const { tables } = world.memory;
  const random = world.random("admin of the end");
  return {
    stop: () => {
      stopped = true;
    },
    setRight: () => {
      for (const { id, maintenance } of tables.hosts.all())
        if (maintenance) void end(world, random, id);
      for (const { id, resolvedAt } of tables.incidents.all())
        if (resolvedAt === undefined)
          void ask(world, random, {
            says: `resolves ${id}`,
            to: "api-incidents",
            call: (deps) => resolveIncident(deps, { caller: ADMIN, id }),
          });
    },
  };
}

function act(world: World, host: SimHost, random: Random): void {
  const { hostId, machine } = host;
  if (!machine.isOn) {
    void vouch(world, host, random);
    return;
  }
  if (random.chance(0.5)) return;
  void ask(world, random, {
    says: `puts ${hostId} into maintenance`,
    to: "api-hosts",
    call: (deps, keyed) => beginMaintenance(deps, { ...keyed, caller: ADMIN, hostId }),
  });
  const lastsMs = random.int(MAINTENANCE_MS.least, MAINTENANCE_MS.most);
  world.time.after(lastsMs, () => void end(world, random, hostId));
}

async function end(world: World, random: Random, hostId: HostId): Promise<void> {
  await ask(world, random, {
    says: `ends the maintenance of ${hostId}`,
    to: "api-hosts",
    call: (deps) => endMaintenance(deps, { hostId }),
  });
}

/** Says that a host is off, and sees to it that it is until that has been heard. */
async function vouch(world: World, { hostId, machine }: SimHost, random: Random): Promise<void> {
  machine.heldOffBy += 1;
  await ask(world, random, {
    says: `vouches that ${hostId} is off`,
    to: "api-hosts",
    call: (deps) => vouchFenced(deps, { hostId }),
  });
  await world.time.sleep(VOUCHED_MS);
  machine.heldOffBy -= 1;
}

async function ask(
  world: World,
  random: Random,
  request: { readonly says: string; readonly to: FunctionName; readonly call: Call },
): Promise<void> {
  const { says, to, call } = request;
  world.history.tell(() => `an admin ${says}`);
  const answer = await tried(world, random, to, call);
  world.history.tell(() => `an admin ${says}, and is answered ${described(answer)}`);
}
