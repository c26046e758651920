/**
 * A6, settlement: which of the commands sent are known to have no further effect on their host.
 *
 * A migration is in the list twice, for its source and for its target. A failure after which nothing of it runs settles
 * both. `done` settles the source's part only: that the target has the VM is for the target to say. What the target says
 * counts after the source's part is settled: while the source is at it, "off" there may be true for a moment only.
 *
 * Settled, and only by the host that a command was sent to, by: `done`; a failure after which nothing of it runs; a later
 * probe there, under a newer epoch, that answers that no earlier command of this VM runs or waits. Never by `stale` or
 * `outcome_unknown`, nor by the `timeout` of a command that turns the VM on.
 */
import type { ResultBody } from "../model/apartment-message.ts";
import type { UnsettledCommand, WaitFor } from "../model/apartment-record.ts";
import { turnsOn } from "../model/command.ts";
import type { HostId } from "../model/ids.ts";

type Result = Pick<ResultBody, "commandId" | "hostId" | "epoch" | "status" | "code" | "busy">;

/** The commands still unsettled after a result. */
export function settle(
  unsettled: readonly UnsettledCommand[],
  result: Result,
  waitFor: WaitFor | undefined,
): readonly UnsettledCommand[] {
  if (isAwaited(result, waitFor) && waitFor.verb === "probe") {
    if (result.status !== "done" || result.busy === true) return unsettled;
    return unsettled.filter(
      (command) =>
        command.hostId !== result.hostId ||
        command.epoch >= waitFor.epoch ||
        isUnderWay(command, unsettled),
    );
  }
  return unsettled.filter((command) => !settles(result, command));
}

/**
 * The commands still unsettled after a host was fenced: nothing that was sent to it will run. A migration to it was not: its
 * source, while it is at it, may bring the VM there once the host is back (ADR 21).
 */
export function settleFenced(
  unsettled: readonly UnsettledCommand[],
  hostId: HostId,
): readonly UnsettledCommand[] {
  return unsettled.filter((command) => command.hostId !== hostId || isUnderWay(command, unsettled));
}

/** The target's part of a migration that its source may still be doing. */
function isUnderWay(
  { commandId, sourceHostId }: UnsettledCommand,
  unsettled: readonly UnsettledCommand[],
): boolean {
  return unsettled.some((other) => other.commandId === commandId && other.hostId === sourceHostId);
}

/**
 * Whether a result is that of the command that the active job waits for: by id, epoch and host, as a host speaks only for
 * itself. Of a probe that nobody waits for any more nobody knows that it was one; it settles nothing.
 */
export function isAwaited(
  result: Pick<Result, "commandId" | "hostId" | "epoch">,
  waitFor: WaitFor | undefined,
): waitFor is Extract<WaitFor, { kind: "result" }> {
  return (
    waitFor?.kind === "result" &&
    waitFor.commandId === result.commandId &&
    waitFor.hostId === result.hostId &&
    waitFor.epoch === result.epoch
  );
}

function settles(result: Result, command: UnsettledCommand): boolean {
  const { commandId, hostId, sourceHostId = hostId, epoch, verb } = command;
  if (result.commandId !== commandId || result.hostId !== sourceHostId || result.epoch !== epoch)
    return false;
  if (result.status === "done") return command.sourceHostId === undefined;
  return result.status === "failed" && isOver(verb, result.code);
}

/** Whether nothing of a failed command runs any more. */
function isOver(verb: string, code: string | undefined): boolean {
  switch (code) {
    case undefined:
    case "outcome_unknown":
      return false;
    case "timeout":
      return !turnsOn(verb);
    default:
      return true;
  }
}
