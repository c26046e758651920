/**
 * Whether a command may act, in the order of the contract ("Agent protocol"):
 *
 *  1. the log: seen before → the old outcome; begun in an earlier life without an outcome → `outcome_unknown`;
 *  2. an epoch below the highest logged for the VM, or another boot → `stale`;
 *  3. a verb or arguments that this agent does not know → `unsupported`.
 *
 * Pure: asked when a command arrives and again when its turn comes, as a higher epoch may have arrived in between.
 */
import type { CommandOutcome } from "../shared/model/agent-state.ts";
import { type Command, CommandCall } from "../shared/model/command.ts";
import type { BootId } from "../shared/model/ids.ts";
import type { LoggedCommand } from "./log-state.ts";

export type Admission =
  | { readonly verdict: "run"; readonly call: CommandCall }
  /** This process is at it: its result will come. */
  | { readonly verdict: "under_way" }
  | { readonly verdict: "repeat"; readonly outcome: CommandOutcome }
  | { readonly verdict: "outcome_unknown" }
  | { readonly verdict: "stale"; readonly detail: string }
  | { readonly verdict: "unsupported"; readonly detail: string };

export type AdmissionFacts = {
  /** The command as the log has it from an earlier delivery; `undefined` if this is its first. */
  readonly seen: LoggedCommand | undefined;
  /** This process received it and has not ended it. */
  readonly live: boolean;
  readonly highestEpoch: number;
  readonly bootId: BootId;
};

export function admit(facts: AdmissionFacts, command: Command): Admission {
  const { seen } = facts;
  if (seen?.phase === "ended") return { verdict: "repeat", outcome: seen.outcome };
  if (seen !== undefined && facts.live) return { verdict: "under_way" };
  if (seen?.phase === "begun") return { verdict: "outcome_unknown" };
  if (command.epoch < facts.highestEpoch)
    return {
      verdict: "stale",
      detail: `epoch ${command.epoch} is below ${facts.highestEpoch}`,
    };
  if (command.bootId !== facts.bootId)
    return { verdict: "stale", detail: `meant for boot ${command.bootId}` };
  const call = CommandCall.safeParse({ verb: command.verb, args: command.args });
  if (call.success) return { verdict: "run", call: call.data };
  return { verdict: "unsupported", detail: unsupported(command.verb, call.error.issues) };
}

function unsupported(
  verb: string,
  issues: readonly { readonly path: readonly PropertyKey[]; readonly message: string }[],
): string {
  const [issue] = issues;
  return issue === undefined || issue.path[0] === "verb"
    ? `this agent does not know the verb ${verb}`
    : `${verb}: ${issue.path.join(".")}: ${issue.message}`;
}
