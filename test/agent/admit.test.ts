import { expect, test } from "vitest";
import { type Admission, type AdmissionFacts, admit } from "../../agent/admit.ts";
import type { LoggedCommand } from "../../agent/log-state.ts";
import type { CommandOutcome } from "../../shared/model/agent-state.ts";
import { BootId } from "../../shared/model/ids.ts";
import { aCommand, BOOT, type CommandWish } from "../support/agent/commands.ts";

const OUTCOME: CommandOutcome = { seq: 5, bootId: BOOT, status: "done", power: "on" };
const OLDER_BOOT = BootId.parse("boot-0000");

type Seen = "never" | "received" | "begun" | "ended";
type Row = {
  readonly seen: Seen;
  readonly live?: boolean;
  readonly epoch?: "lower" | "same" | "higher";
  readonly boot?: "this" | "another";
  readonly wish?: Partial<CommandWish>;
  readonly verdict: Admission["verdict"];
};

/** The order of the contract, read from top to bottom. */
const ROWS: readonly Row[] = [
  { seen: "ended", verdict: "repeat" },
  { seen: "ended", epoch: "lower", boot: "another", verdict: "repeat" },
  { seen: "ended", wish: { verb: "no-such" }, verdict: "repeat" },
  { seen: "begun", live: true, verdict: "under_way" },
  { seen: "received", live: true, epoch: "lower", verdict: "under_way" },
  { seen: "begun", verdict: "outcome_unknown" },
  { seen: "begun", epoch: "lower", boot: "another", verdict: "outcome_unknown" },
  { seen: "received", boot: "another", verdict: "stale" },
  { seen: "never", epoch: "lower", verdict: "stale" },
  { seen: "never", epoch: "higher", boot: "another", verdict: "stale" },
  { seen: "never", epoch: "lower", wish: { verb: "no-such" }, verdict: "stale" },
  { seen: "never", wish: { verb: "no-such" }, verdict: "unsupported" },
  { seen: "never", wish: { verb: "migrate" }, verdict: "unsupported" },
  { seen: "never", wish: { verb: "start", args: { ha: "yes" } }, verdict: "unsupported" },
  { seen: "never", wish: { verb: "probe", args: { extra: 1 } }, verdict: "unsupported" },
  { seen: "never", epoch: "same", verdict: "run" },
  { seen: "never", epoch: "higher", verdict: "run" },
];

const HIGHEST = 10;
const EPOCHS = { lower: 9, same: 10, higher: 11 } as const;

test.each(ROWS)(
  "seen $seen, live $live, epoch $epoch, boot $boot, $wish → $verdict",
  ({ seen, live = false, epoch = "same", boot = "this", wish, verdict }) => {
    const command = aCommand({
      commandId: "c1",
      epoch: EPOCHS[epoch],
      bootId: boot === "this" ? BOOT : OLDER_BOOT,
      ...wish,
    });
    const facts: AdmissionFacts = {
      seen: logged(seen, command),
      live,
      highestEpoch: HIGHEST,
      bootId: BOOT,
    };
    const admission = admit(facts, command);
    expect(admission.verdict).toBe(verdict);
    if (admission.verdict === "repeat") expect(admission.outcome).toBe(OUTCOME);
  },
);

function logged(seen: Seen, command: ReturnType<typeof aCommand>): LoggedCommand | undefined {
  const { commandId, vmId, epoch, bootId, verb } = command;
  const known = { commandId, vmId, epoch, bootId, verb };
  switch (seen) {
    case "never":
      return undefined;
    case "ended":
      return { ...known, phase: "ended", outcome: OUTCOME, accepted: true };
    default:
      return { ...known, phase: seen };
  }
}
