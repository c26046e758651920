/**
 * Operators: clients of the user API who ask for things at any time (`wishes.ts`), and repeat what was not answered under the
 * same key.
 */
import { cancelJob } from "../shared/app/cancel-job.ts";
import { patchVm, pauseApartment } from "../shared/app/change-vm.ts";
import { createVm } from "../shared/app/create-vm.ts";
import { submitVerb } from "../shared/app/submit-verb.ts";
import { AccountId, type JobId, type VmId } from "../shared/model/ids.ts";
import type { Answer } from "../shared/model/problem.ts";
import type { Caller } from "../shared/model/token.ts";
import { invoke } from "./invoke.ts";
import type { Random } from "./random.ts";
import { type Asked, pickWish, SPEC } from "./wishes.ts";
import type { Deps, World } from "./world.ts";

const CALLER: Caller = { account: AccountId.parse("acme"), role: "operator" };
/** What each VM is asked for, on average once in so long. */
const ASKED_EVERY_MS = 40_000;
/** A client's own patience with a request, and between two. */
const TRIES_MAX = 20;
const TRY_AGAIN_MS = { least: 200, most: 5_000 };

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
      world.time.after(random.wait(ASKED_EVERY_MS), goOn);
    };
    void ask(operator, { kind: "create", start: false }).then(goOn);
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
  const answer = await tried(world, random, request);
  world.history.tell(() => `${says()}, and is answered ${described(answer)}`);
  if (answer?.ok !== false || answer.code !== "vm_not_found" || operator.vmId !== vmId) return;
  operator.vmId = world.memory.ports.names.vmId();
  await ask(operator, { kind: "create", start: true });
}

type Keyed = { readonly idempotencyKey: string; readonly requestHash: string };
type Request = (deps: Deps, keyed: Keyed) => Promise<Answer<unknown>>;

/** Nothing, where there is nothing to ask about yet. */
function requestOf({ world, vmId, jobIds }: Operator, asked: Asked): Request | undefined {
  const to = { caller: CALLER, vmId };
  switch (asked.kind) {
    case "verb":
      return async (deps, keyed) => {
        const { verb, body } = asked;
        const answer = await submitVerb(deps, { ...keyed, ...to, verb, body });
        if (answer.ok) jobIds.unshift(answer.value.id);
        return answer;
      };
    case "cancel": {
      const jobId = jobIds[asked.nthLast - 1];
      return jobId && ((deps) => cancelJob(deps, { caller: CALLER, jobId }));
    }
    case "patch":
      return (deps) => patchVm(deps, { ...to, patch: { haEnabled: asked.haEnabled } });
    case "rename": {
      const name = nameOf(world, vmId);
      return (deps) => patchVm(deps, { ...to, patch: { name } });
    }
    case "pause":
      return (deps) => pauseApartment(deps, { ...to, paused: asked.paused });
    case "create": {
      const request = { id: vmId, name: nameOf(world, vmId), spec: SPEC, start: asked.start };
      return (deps, keyed) => createVm(deps, { ...keyed, caller: CALLER, request });
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

/** The same request with the same key, until it is answered or the client gives up. */
async function tried(
  world: World,
  random: Random,
  request: Request,
): Promise<Answer<unknown> | undefined> {
  const idempotencyKey = world.memory.ports.names.secret();
  const keyed = { idempotencyKey, requestHash: idempotencyKey };
  for (let attempt = 0; attempt < TRIES_MAX; attempt += 1) {
    const ended = await invoke(world, "api-vms", (deps) => request(deps, keyed));
    if (ended.ok) return ended.value;
    await world.time.sleep(random.int(TRY_AGAIN_MS.least, TRY_AGAIN_MS.most));
  }
  return undefined;
}

function described(answer: Answer<unknown> | undefined): string {
  if (answer === undefined) return "nothing";
  return answer.ok ? "yes" : `${answer.code}, ${answer.detail}`;
}
