/**
 * A host's agent joins: with the one-time token it gives the host a key of its own, and a new command queue.
 *
 * The queue comes first, named by the next generation, so that making it twice is making it once; the token is used up by
 * the one write that makes key and queue the host's; the old queue goes last. An agent that never saw the answer has
 * joined all the same: its key opens a session.
 */
import type { JoinRequest } from "../model/agent-protocol.ts";
import type { HostRecord } from "../model/host.ts";
import type { HostId } from "../model/ids.ts";
import { type Answer, refuse } from "../model/problem.ts";
import { isoTime } from "./iso-time.ts";
import type { Ports } from "./ports.ts";
import { removeQueue } from "./remove-queue.ts";
import { sameHash } from "./same-hash.ts";

type JoinDeps = Pick<Ports, "hosts" | "commandQueues" | "names" | "clock" | "telemetry">;

export async function joinHost(
  deps: JoinDeps,
  request: { readonly hostId: HostId } & JoinRequest,
): Promise<Answer<{ readonly now: string }>> {
  const { hostId, publicKey } = request;
  const host = (await deps.hosts.read(hostId))?.host;
  const tokenHash = deps.names.hash(request.joinToken);
  const now = deps.clock.now();
  if (host === undefined || !isTokenOf(host, tokenHash, now)) return refused();
  const queueGeneration = host.queueGeneration + 1;
  const queueUrl = await deps.commandQueues.create({ hostId, generation: queueGeneration });
  const joined = await deps.hosts.join({
    ...{ hostId, tokenHash, publicKey, queueUrl, queueGeneration, now },
    bootOrdinal: host.bootOrdinal,
  });
  // Another join with this token was first: the queue is its queue, of the same generation, and stays.
  if (joined === "refused") return refused();
  await removeQueue(deps, { hostId, queueUrl: host.queueUrl });
  return { ok: true, value: { now: isoTime(now) } };
}

function isTokenOf(host: HostRecord, tokenHash: string, now: number): boolean {
  const { joinTokenHash, joinTokenExpiresAt } = host;
  return (
    joinTokenHash !== undefined &&
    joinTokenExpiresAt !== undefined &&
    joinTokenExpiresAt > now &&
    sameHash(joinTokenHash, tokenHash)
  );
}

/** Whether the host, the token or its time was wrong is nobody's business. */
function refused() {
  return refuse("unauthenticated", "a valid join token of this host is needed");
}
