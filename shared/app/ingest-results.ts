/** The outcomes of commands go to the apartments that sent them, with the order that the server gives to this boot. */
import type { CommandResult, Results } from "../model/agent-protocol.ts";
import type { ApartmentMessage } from "../model/apartment-message.ts";
import { LogicalId } from "../model/ids.ts";
import { type Answer, refuse } from "../model/problem.ts";
import { isoTime } from "./iso-time.ts";
import { type AgentIdentity, refuseKey } from "./open-session.ts";
import type { Ports } from "./ports.ts";

/** Accepted means queued: an agent that hears otherwise, or nothing, sends them again, under the same ids (A3). */
export async function ingestResults(
  deps: Pick<Ports, "hosts" | "apartmentQueue" | "clock">,
  request: { readonly caller: AgentIdentity } & Results,
): Promise<Answer<{ readonly now: string }>> {
  const { caller, bootId, results } = request;
  const heartbeat = (await deps.hosts.read(caller.hostId))?.heartbeat;
  if (heartbeat?.publicKey !== caller.publicKey) return refuseKey();
  if (heartbeat.bootId !== bootId) return refuseStaleBoot();
  const now = deps.clock.now();
  const given = { hostId: caller.hostId, bootOrdinal: heartbeat.bootOrdinal, receivedAt: now };
  for (const result of results.filter(isDescription))
    await deps.hosts.noteDescribed({
      ...{ hostId: caller.hostId, vmId: result.vmId },
      described: { result, bootOrdinal: heartbeat.bootOrdinal, at: now },
    });
  const told = results.filter((result) => !isDescription(result));
  await deps.apartmentQueue.send(
    told.map((result) => ({
      to: result.vmId,
      message: messageOf(result, given),
    })),
  );
  return { ok: true, value: { now: isoTime(now) } };
}

/** Commands that no apartment sent, as there is none yet (`adopt-orphan.ts`), are named with this. */
export const DESCRIBE_PREFIX = "describe.";

function isDescription({ commandId }: CommandResult): boolean {
  return commandId.startsWith(DESCRIBE_PREFIX);
}

/** The refusal of a boot that is not the host's current one. */
export function refuseStaleBoot() {
  return refuse("stale_boot", "this boot has no session: open one");
}

function messageOf(
  result: CommandResult,
  given: {
    readonly hostId: AgentIdentity["hostId"];
    readonly bootOrdinal: number;
    readonly receivedAt: number;
  },
): ApartmentMessage {
  // The message's group is the VM already, and its apartment asks for no description.
  const { vmId, description, ...outcome } = result;
  return {
    v: 1,
    logicalId: LogicalId.parse(`result:${given.hostId}:${result.commandId}`),
    body: { kind: "result", ...given, ...outcome },
  };
}
