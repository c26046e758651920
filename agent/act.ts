/**
 * One command, from `begun` in the log to its result (`runner.ts`, R2 and R4), and until nothing of it runs any more.
 *
 *  1. What came while `begun` was being written counts: a command that was superseded, or whose boot ended, is `stale`.
 *  2. `busy` is decided before the look: what a probe says of a VM that is not busy was seen after all that came before it.
 */
import type { CommandOutcome } from "../shared/model/agent-state.ts";
import { type Command, turnsOn } from "../shared/model/command.ts";
import type { BootId, VmId } from "../shared/model/ids.ts";
import { DomainXml } from "../shared/model/vm.ts";
import type { Admission } from "./admit.ts";
import type { CommandLog } from "./command-log.ts";
import type { Deed, ExecuteDeps, Task } from "./deed.ts";
import type { Endings } from "./endings.ts";
import { execute } from "./execute.ts";
import { type Hypervisor, NOT_FOUND, OUTCOME_UNKNOWN, type Read } from "./hypervisor/hypervisor.ts";
import type { Item } from "./lane.ts";
import type { Numbered, Observer } from "./observer.ts";
import { type AgentTime, within } from "./time.ts";

/** How long a probe gives what it superseded to end, so that it need not answer `busy` for a wait that is just ending. */
const SETTLE_MS = 250;

export type ActDeps = Omit<ExecuteDeps, "isHa"> & {
  readonly time: AgentTime;
  readonly hypervisor: Hypervisor;
  readonly log: CommandLog;
  readonly observer: Observer;
  readonly endings: Endings;
  readonly bootId: () => BootId;
  /** Asked again when a command's turn comes (`runner.ts`, R3). */
  readonly admission: (command: Command) => Admission;
};

/** A command whose turn it is, and those before it that are not over. */
export type Turn = { readonly item: Item; readonly earlier: readonly Item[] };

/** Resolves when nothing of the command runs any more; its result was told by then. */
export async function act(deps: ActDeps, turn: Turn): Promise<void> {
  const { command, call, stop } = turn.item;
  await deps.log.record([{ entry: "begun", commandId: command.commandId }]); // R2
  if (stop.signal.aborted || deps.admission(command).verdict !== "run")
    return await deps.endings.answer(command, { status: "stale", detail: "superseded" }); // 1
  if (call.verb === "probe") {
    const { describe = false } = call.args;
    return await deps.endings.end(command, await probe(deps, turn, describe ? "whole" : "power"));
  }
  const { vmId } = command;
  const earlier = Promise.all(turn.earlier.map((other) => other.over.promise));
  return await actOnVm(deps, turn, { vmId, call, signal: stop.signal, earlier });
}

async function actOnVm(deps: ActDeps, turn: Turn, task: Task): Promise<void> {
  const { command, stop } = turn.item;
  const work = execute({ ...deps, isHa: deps.log.isHa }, task);
  const over = work.then((deed) => {
    const { code, isOverHere = false } = deed;
    const mayComeTrue = turnsOn(command.verb) && code === OUTCOME_UNKNOWN && !isOverHere;
    if (mayComeTrue) deps.aftermath.begin(task.vmId);
  });
  const done = await within(deps.time, { limitMs: timeLeftMs(deps, turn), work });
  if (done === "late") stop.abort(); // R4
  const { isOverHere: _, ...deed }: Deed =
    done === "late"
      ? { status: "failed", code: "timeout", detail: `after ${command.timeoutSeconds} s` }
      : done.value;
  const look = await deps.observer.observe(() => deps.hypervisor.read(task.vmId));
  await deps.endings.end(command, { ...deed, ...sight(look), bootId: deps.bootId() });
  await over;
}

async function probe(deps: ActDeps, turn: Turn, how: "power" | "whole"): Promise<CommandOutcome> {
  const { vmId } = turn.item.command;
  const before = new Set(turn.earlier);
  const settled = turn.earlier.map((other) => other.over.promise.then(() => before.delete(other)));
  if (turn.earlier.some((other) => other.stop.signal.aborted))
    await within(deps.time, { limitMs: SETTLE_MS, work: Promise.all(settled) });
  const work = deps.observer.observe(async () => ({
    busy: before.size > 0 || !(await deps.aftermath.isOver(vmId)), // 2
    read: await deps.hypervisor.read(vmId),
    description: how === "whole" ? await description(deps, vmId) : {},
  }));
  const done = await within(deps.time, { limitMs: timeLeftMs(deps, turn), work });
  const bootId = deps.bootId();
  if (done === "late") {
    const seq = deps.observer.nextSeq();
    return { status: "failed", code: "timeout", seq, bootId, busy: before.size > 0 };
  }
  const { busy, read, description: described } = done.value.seen;
  const said = { ...sight({ seq: done.value.seq, seen: read }), bootId, busy, ...described };
  if (read.ok) return { status: "done", ...said };
  const status = read.code === NOT_FOUND ? "done" : "failed";
  return { status, code: read.code, detail: read.detail, ...said };
}

/** Without it, the probe still says what it saw of the power. */
async function description(
  { hypervisor }: ActDeps,
  vmId: VmId,
): Promise<Pick<CommandOutcome, "description">> {
  const answer = await hypervisor.describe(vmId);
  if (!answer.ok) return {};
  const { cpus, memoryMiB, domainXml } = answer.description;
  const xml = DomainXml.safeParse(domainXml);
  return { description: { cpus, memoryMiB, ...(xml.success ? { domainXml: xml.data } : {}) } };
}

function timeLeftMs(deps: ActDeps, { item }: Turn): number {
  return item.receivedAtMs + item.command.timeoutSeconds * 1000 - deps.time.monotonicNow();
}

/** A VM that this host does not know is off as far as it can tell; one that could not be seen has no power to tell. */
function sight({ seq, seen }: Numbered<Read>): Pick<CommandOutcome, "seq" | "power"> {
  if (seen.ok) return { seq, power: seen.power };
  return seen.code === NOT_FOUND ? { seq, power: "off" } : { seq };
}
