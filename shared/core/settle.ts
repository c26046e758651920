/**
 * A6, settlement: which of the commands sent are known to have no further effect on their host.
 *
 * Settled by: `done`; a failure that proves that nothing ran; a later probe on that host, under a newer epoch, that
 * answers that no earlier command of this VM runs or waits there. Never by `stale`, `outcome_unknown` or `timeout`.
 */
import type { ResultBody } from "../model/apartment-message.ts";
import type { UnsettledCommand, WaitFor } from "../model/apartment-record.ts";

/** Failures after which something may still run, or have run. */
const PROVES_NOTHING: ReadonlySet<string> = new Set(["outcome_unknown", "timeout"]);

/** The commands still unsettled after a result. */
export function settle(
  unsettled: readonly UnsettledCommand[],
  result: Pick<ResultBody, "commandId" | "hostId" | "epoch" | "status" | "code" | "busy">,
  waitFor: WaitFor | undefined,
): readonly UnsettledCommand[] {
  if (answersProbe(result, waitFor)) {
    if (result.status !== "done" || result.busy === true) return unsettled;
    return unsettled.filter(
      (command) => command.hostId !== result.hostId || command.epoch >= result.epoch,
    );
  }
  const settles =
    result.status === "done" ||
    (result.status === "failed" && !PROVES_NOTHING.has(result.code ?? "outcome_unknown"));
  return settles
    ? unsettled.filter((command) => command.commandId !== result.commandId)
    : unsettled;
}

/** Only the probe that the job waits for settles: of a late one nobody knows any more that it was a probe. */
function answersProbe(
  result: Pick<ResultBody, "commandId">,
  waitFor: WaitFor | undefined,
): boolean {
  return (
    waitFor?.kind === "result" && waitFor.commandId === result.commandId && waitFor.verb === "probe"
  );
}
