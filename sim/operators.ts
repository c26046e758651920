/**
 * Operators: clients of the user API who ask for things at any time (`wishes.ts`), and repeat what was not answered under the
 * same key.
 */
import { cancelJob } from "../shared/app/cancel-job.ts";
import { patchVm, pauseApartment } from "../shared/app/change-vm.ts";
import { createVm } from "../shared/app/create-vm.ts";
import { findVm } from "../shared/app/find-vm.ts";
import { publishEvent } from "../shared/app/publish-event.ts";
import { answerOf, idempotencyOf, newJob, submitVerb } from "../shared/app/submit-verb.ts";
import type { WorkType } from "../shared/core/work-type.ts";
import type { JobId, VmId } from "../shared/model/ids.ts";
import { hasEnded, type Job } from "../shared/model/job.ts";
import type { Answer } from "../shared/model/problem.ts";
import { type Call, described, type Keyed, OPERATOR, tried } from "./client.ts";
import { type Errand, errand } from "./errand-work.ts";
import type { FunctionName } from "./functions.ts";
import { awaitWord, WORD_TOPIC, WORDS, Word } from "./listening-work.ts";
import type { Random } from "./random.ts";
import { type Asked, pickWish, SPEC } from "./wishes.ts";
import type { Deps, World } from "./world.ts";

export interface Operators {
  /** No more wishes. */
  readonly stop: () => void;
  /**
   * Apartments that were left paused go on, and words that are waited for are said: whoever asked for the wait may not have been
   * answered. Asked again, as a request of before may arrive late.
   */
  readonly setRight: () => void;
}

const ERRANDS_EVERY_MS = 60_000;
/** Few, as each is a job more. */
const STARTED_MAX = 2;
/** A word is said again within so long. */
const SAID_MS_MAX = 300_000;

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
  if (world.plan.errands === true) sendOnErrands(world, operators, () => stopped);
  return {
    stop: () => {
      stopped = true;
    },
    setRight: () => {
      for (const operator of operators)
        if (world.memory.tables.apartments.get(operator.vmId)?.paused === true)
          void ask(operator, { kind: "pause", paused: false });
      const [somebody] = operators;
      if (somebody === undefined) return;
      for (const word of wordsWaitedFor(world)) void ask(somebody, { kind: "say", word });
    },
  };
}

/** Between any VMs, and words to wait for; with a randomness of their own: what else is asked for does not depend on them. */
function sendOnErrands(world: World, operators: readonly Operator[], isOver: () => boolean): void {
  const random = world.random("errands");
  const goOn = () => {
    if (isOver()) return;
    // Also those that are gone; a request cannot name one that never was.
    const vmIds = world.memory.tables.apartments.all().map(({ id }) => id);
    const errand: Errand = {
      start: Array.from({ length: vmIds.length === 0 ? 0 : random.int(0, STARTED_MAX) }, () => ({
        vmId: random.pick(vmIds),
        verb: random.pick(["start", "stop"] as const),
      })),
      jobs: random.chance(0.5) ? random.pick(operators).jobIds.slice(0, 2) : [],
      until: random.pick(["all", "any"] as const),
    };
    if (errand.start.length + errand.jobs.length > 0)
      void ask(random.pick(operators), { kind: "errand", errand });
    const word = random.int(1, WORDS);
    void ask(random.pick(operators), { kind: random.pick(["await", "say"] as const), word });
    world.time.after(random.wait(ERRANDS_EVERY_MS), goOn);
  };
  world.time.after(random.wait(ERRANDS_EVERY_MS), goOn);
}

async function ask(operator: Operator, asked: Asked): Promise<void> {
  const { world, vmId, random } = operator;
  const request = requestOf(operator, asked);
  if (request === undefined) return;
  const says = () => `${vmId}: an operator asks for ${JSON.stringify(asked)}`;
  world.history.tell(says);
  const answer = await tried(world, random, request.to, request.call);
  world.history.tell(() => `${says()}, and is answered ${described(answer)}`);
  const [jobId] = operator.jobIds;
  if (asked.kind === "await" && answer?.ok === true && jobId !== undefined)
    keepSaying(operator, asked.word, jobId);
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
    case "await":
      return vms(async (deps, keyed) => {
        const own = { work: awaitWord, vmId, input: { word: asked.word } };
        const answer = await submitOwn(deps, keyed, own);
        if (answer.ok) jobIds.unshift(answer.value.id);
        return answer;
      });
    case "errand":
      return vms(async (deps, keyed) => {
        const own = { work: errand, vmId, input: asked.errand };
        const answer = await submitOwn(deps, keyed, own);
        if (answer.ok) jobIds.unshift(answer.value.id);
        return answer;
      });
    case "say": {
      const said = { topic: WORD_TOPIC, detail: { word: asked.word } };
      const call: Call = (deps, keyed) =>
        publishEvent(deps, { ...keyed, caller: OPERATOR, request: said });
      return { to: "api-events", call };
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

/** Until the job has ended: it may have waited in its VM's queue when the word was said. */
function keepSaying(operator: Operator, word: number, jobId: JobId): void {
  const { world, random } = operator;
  world.time.after(random.int(0, SAID_MS_MAX), () => {
    const job = world.memory.tables.jobs.get(jobId);
    if (job === undefined || hasEnded(job.status)) return;
    void ask(operator, { kind: "say", word }).then(() => keepSaying(operator, word, jobId));
  });
}

function wordsWaitedFor({ memory }: World): ReadonlySet<number> {
  const waiting = memory.tables.jobs
    .all()
    .filter(({ type, status }) => type === awaitWord.name && !hasEnded(status));
  return new Set(waiting.map(({ input }) => Word.parse(input).word));
}

/** A work type of the simulation's own, as a verb would be submitted. */
async function submitOwn(
  deps: Deps,
  keyed: Keyed,
  { vmId, ...own }: { readonly work: WorkType; readonly vmId: VmId; readonly input: unknown },
): Promise<Answer<Job>> {
  const found = await findVm(deps, { caller: OPERATOR, vmId });
  if (!found.ok) return found;
  const { account } = found.value.vm;
  const job = newJob(deps, { ...own, account, vmId });
  const idempotency = idempotencyOf(deps, { ...keyed, caller: OPERATOR });
  const accepted = await deps.submissions.accept({ job, idempotency, now: job.createdAt });
  return answerOf(deps, accepted, job);
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
