/**
 * Operators: clients of the user API who ask for things at any time, and repeat what was not answered, under the same key.
 */
import { patchVm, pauseApartment } from "../shared/app/change-vm.ts";
import { createVm } from "../shared/app/create-vm.ts";
import { submitVerb } from "../shared/app/submit-verb.ts";
import { AccountId, type VmId } from "../shared/model/ids.ts";
import type { Answer } from "../shared/model/problem.ts";
import type { Caller } from "../shared/model/token.ts";
import { invoke } from "./invoke.ts";
import { vmIdOf } from "./names.ts";
import type { Random } from "./random.ts";
import type { Deps, World } from "./world.ts";

const CALLER: Caller = { account: AccountId.parse("acme"), role: "operator" };
/** What each VM is asked for, on average once in so long. */
const ASKED_EVERY_MS = 40_000;
/** A client's own patience with a request, and between two. */
const TRIES_MAX = 20;
const TRY_AGAIN_MS = { least: 200, most: 5_000 };

/** What an operator may ask of a VM, and how often beside the others. */
type Wish = {
  readonly weight: number;
  readonly ask: (random: Random, guestName: () => string) => Request;
};
type Request = { readonly says: string } & (
  | { readonly kind: "verb"; readonly verb: string; readonly body: unknown }
  | { readonly kind: "patch"; readonly name: string }
  | { readonly kind: "pause"; readonly paused: boolean }
);

const WISHES: readonly Wish[] = [
  verb(8, "start", () => ({})),
  verb(2, "start", (random) => ({ hostId: `host-${random.int(1, 3)}` })),
  verb(3, "stop", () => ({})),
  verb(3, "stop", () => ({ forced: true })),
  verb(3, "stop", (random) => ({ graceSeconds: random.int(0, 20), thenForce: true })),
  {
    weight: 1,
    ask: (_, guestName) => ({ says: "PATCH", kind: "patch", name: guestName() }),
  },
  { weight: 1, ask: (random) => ({ says: "pause", kind: "pause", paused: random.chance(0.5) }) },
];

export interface Operators {
  /** No more wishes; apartments that were left paused go on. */
  readonly stop: () => void;
}

/** Makes the VMs; then each is asked for something, again and again. */
export function startOperators(world: World): Operators {
  let stopped = false;
  const vmIds = Array.from({ length: world.plan.vms }, (_, n) => vmIdOf(n + 1));
  for (const [n, vmId] of vmIds.entries()) {
    const random = world.random(`operator of vm-${n + 1}`);
    const goOn = () => {
      if (stopped) return;
      const guestName = () => nameOf(world, vmId);
      void answered(world, random, { vmId, request: pickWish(random).ask(random, guestName) });
      world.time.after(random.wait(ASKED_EVERY_MS), goOn);
    };
    void create(world, random, vmId).then(goOn);
  }
  return {
    stop: () => {
      stopped = true;
      for (const vmId of vmIds) {
        const request = { says: "pause", kind: "pause", paused: false } as const;
        void answered(world, world.random(`end of ${vmId}`), { vmId, request });
      }
    },
  };
}

function verb(weight: number, name: string, body: (random: Random) => unknown): Wish {
  return {
    weight,
    ask: (random) => {
      const given = body(random);
      return { says: `${name} ${JSON.stringify(given)}`, kind: "verb", verb: name, body: given };
    },
  };
}

/** By weight. */
function pickWish(random: Random): Wish {
  const sum = WISHES.reduce((all, { weight }) => all + weight, 0);
  let left = random.next() * sum;
  for (const wish of WISHES) {
    left -= wish.weight;
    if (left < 0) return wish;
  }
  throw new Error("there is nothing to wish for");
}

async function create(world: World, random: Random, id: VmId): Promise<void> {
  const name = nameOf(world, id);
  const spec = { cpus: 1, memoryMiB: 1_024 };
  const request = { id, name, spec };
  await tried(world, random, (deps, keyed) =>
    createVm(deps, { ...keyed, caller: CALLER, request }),
  );
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

async function answered(
  world: World,
  random: Random,
  { vmId, request }: { readonly vmId: VmId; readonly request: Request },
): Promise<void> {
  const about = `${request.says} of ${vmId}`;
  world.history.tell(() => `an operator asks for ${about}`);
  const answer = await tried<unknown>(world, random, (deps, keyed) => {
    switch (request.kind) {
      case "verb": {
        const { verb: name, body } = request;
        return submitVerb(deps, { ...keyed, caller: CALLER, vmId, verb: name, body });
      }
      case "patch":
        return patchVm(deps, { caller: CALLER, vmId, patch: { name: request.name } });
      case "pause":
        return pauseApartment(deps, { caller: CALLER, vmId, paused: request.paused });
      default:
        return request satisfies never;
    }
  });
  const said =
    answer === undefined ? "no answer" : answer.ok ? "accepted" : `${answer.code} ${answer.detail}`;
  world.history.tell(() => `an operator was answered: ${about}: ${said}`);
}

type Keyed = { readonly idempotencyKey: string; readonly requestHash: string };

/** The same request with the same key, until it is answered or the client gives up. */
async function tried<T>(
  world: World,
  random: Random,
  run: (deps: Deps, keyed: Keyed) => Promise<Answer<T>>,
): Promise<Answer<T> | undefined> {
  const idempotencyKey = world.memory.ports.names.secret();
  const keyed = { idempotencyKey, requestHash: idempotencyKey };
  for (let attempt = 0; attempt < TRIES_MAX; attempt += 1) {
    const ended = await invoke(world, "api-vms", (deps) => run(deps, keyed));
    if (ended.ok) return ended.value;
    await world.time.sleep(random.int(TRY_AGAIN_MS.least, TRY_AGAIN_MS.most));
  }
  return undefined;
}
