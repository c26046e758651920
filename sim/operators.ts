/**
 * Operators: clients of the user API who ask for things at any time (`wishes.ts`), and repeat what was not answered under the
 * same key.
 */
import { cancelJob } from "../shared/app/cancel-job.ts";
import { patchVm, pauseApartment } from "../shared/app/change-vm.ts";
import { createVm } from "../shared/app/create-vm.ts";
import { submitVerb } from "../shared/app/submit-verb.ts";
import type { JobId, VmId } from "../shared/model/ids.ts";
import { type Call, described, OPERATOR, tried } from "./client.ts";
import type { FunctionName } from "./functions.ts";
import type { Random } from "./random.ts";
import { type Asked, pickWish, SPEC } from "./wishes.ts";
import type { World } from "./world.ts";

export interface Operators {
  /** No more wishes. */
  readonly stop: () => void;
  /** Apartments that were left paused go on; asked again, as a request of before may arrive late. */
  readonly resumeAll: () => void;
}

/** Who asks for one VM, and for another when that one is gone. */
type Operator = {
  readonly world: World;
  vmId: VmId;
  readonly random: Random;
  /** Of the jobs that were accepted, the last first. */
  readonly jobIds: JobId[];
};

/** Makes the VMs; then each is asked for something, again and again. */
export function startOperators(world: World): Operators {
  let stopped = false;
  const operators = Array.from({ length: world.plan.vms }, (_, n): Operator => {
    const random = world.random(`operator of vm-${n + 1}`);
    return { world, vmId: world.memory.ports.names.vmId(), random, jobIds: [] };
  });
  for (const operator of operators) {
    const { random } = operator;
    const goOn = () => {
      if (stopped) return;
      void ask(operator, pickWish(random).ask({ random, hosts: world.plan.hosts }));
      world.time.after(random.wait(world.plan.askedEverySeconds * 1000), goOn);
    };
    void ask(operator, { kind: "create", start: false, haEnabled: random.chance(0.5) }).then(goOn);
  }
  return {
    stop: () => {
      stopped = true;
    },
    resumeAll: () => {
      for (const operator of operators)
        if (world.memory.tables.apartments.get(operator.vmId)?.paused === true)
          void ask(operator, { kind: "pause", paused: false });
    },
  };
}

async function ask(operator: Operator, asked: Asked): Promise<void> {
  const { world, vmId, random } = operator;
  const request = requestOf(operator, asked);
  if (request === undefined) return;
  const says = () => `${vmId}: an operator asks for ${JSON.stringify(asked)}`;
  world.history.tell(says);
  const answer = await tried(world, random, request.to, request.call);
  world.history.tell(() => `${says()}, and is answered ${described(answer)}`);
  if (answer?.ok !== false || answer.code !== "vm_not_found" || operator.vmId !== vmId) return;
  operator.vmId = world.memory.ports.names.vmId();
  await ask(operator, { kind: "create", start: true, haEnabled: true });
}

type Request = { readonly to: FunctionName; readonly call: Call };

/** Nothing, where there is nothing to ask about yet. */
function requestOf(operator: Operator, asked: Asked): Request | undefined {
  const { world, vmId, jobIds } = operator;
  const about = { caller: OPERATOR, vmId };
  const vms = (call: Call): Request => ({ to: "api-vms", call });
  switch (asked.kind) {
    case "verb":
      return vms(async (deps, keyed) => {
        const { verb, body } = asked;
        const answer = await submitVerb(deps, { ...keyed, ...about, verb, body });
        if (answer.ok) jobIds.unshift(answer.value.id);
        return answer;
      });
    case "cancel": {
      const jobId = jobIds[asked.nthLast - 1];
      if (jobId === undefined) return undefined;
      return { to: "api-jobs", call: (deps) => cancelJob(deps, { caller: OPERATOR, jobId }) };
    }
    case "patch":
      return vms((deps) => patchVm(deps, { ...about, patch: { haEnabled: asked.haEnabled } }));
    case "rename": {
      const name = nameOf(world, vmId);
      return vms((deps) => patchVm(deps, { ...about, patch: { name } }));
    }
    case "pause":
      return vms((deps) => pauseApartment(deps, { ...about, paused: asked.paused }));
    case "create": {
      const { start, haEnabled } = asked;
      const request = { id: vmId, name: nameOf(world, vmId), spec: SPEC, start, haEnabled };
      return vms((deps, keyed) => createVm(deps, { ...keyed, caller: OPERATOR, request }));
    }
    default:
      return asked satisfies never;
  }
}

/** How the guest behaves follows from words in its name (`agent/hypervisor/simulated.ts`). */
function nameOf({ faults }: World, id: VmId): string {
  return [
    `vm-${Number(id.slice(-12))}`,
    ...(faults.strikes("guest-ignores") ? ["stubborn"] : []),
    ...(faults.strikes("guest-slow") ? ["slow"] : []),
    ...(faults.strikes("guest-unbootable") ? ["unbootable"] : []),
  ].join("-");
}
