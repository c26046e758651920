/**
 * An agent opens the session of its boot, or has the credentials of the one it has renewed.
 *
 *  1. The first session after a fence has a queue of its own: what was sent before the fence lies in one that is gone.
 *  2. The host is Up by it, unless it is fenced: then it first has to say, in a whole report, what is true there.
 */
import type { SessionAnswer, SessionRequest } from "../model/agent-protocol.ts";
import type { HostId } from "../model/ids.ts";
import { type Answer, refuse } from "../model/problem.ts";
import type { Settings } from "../model/settings.ts";
import { isoTime } from "./iso-time.ts";
import type { HostRow, Ports } from "./ports.ts";
import { removeQueue } from "./remove-queue.ts";
import { tellHostState } from "./tell-host-state.ts";
import { resolveDown } from "./tell-vms.ts";

/** Who a signature proved the agent to be: `shared/http/agent-gate.ts`. */
export type AgentIdentity = { readonly hostId: HostId; readonly publicKey: string };

type SessionDeps = Pick<
  Ports,
  "hosts" | "commandQueues" | "incidents" | "bus" | "clock" | "telemetry"
> & { readonly settings: Settings };

/** `unauthenticated`: the key is not the host's any more. */
export async function openSession(
  deps: SessionDeps,
  request: { readonly caller: AgentIdentity } & SessionRequest,
): Promise<Answer<SessionAnswer>> {
  const { caller, bootId, agentVersion, migrationUri } = request;
  const now = deps.clock.now();
  const before = await deps.hosts.read(caller.hostId);
  if (before?.heartbeat?.publicKey !== caller.publicKey) return refuseKey();
  const queue = await newQueue(deps, before);
  await tellUp(deps, before);
  const session = { ...caller, bootId, agentVersion, migrationUri, queue, now };
  const opened = await deps.hosts.openSession(session);
  if (opened.status === "refused") return refuseKey();
  if (queue !== undefined) {
    const { id: hostId, queueUrl } = before.host;
    await removeQueue(deps, { hostId, queueUrl });
  }
  const { bootOrdinal } = opened;
  const queueUrl = queue?.url ?? before.host.queueUrl;
  return {
    ok: true,
    value: await sessionAnswer(deps, { ...before.host, queueUrl, bootOrdinal }, now),
  };
}

/** 1. */
async function newQueue(
  { commandQueues }: SessionDeps,
  { host, heartbeat }: HostRow,
): Promise<{ readonly url: string; readonly generation: number } | undefined> {
  if (host.fence === undefined || heartbeat?.bootId !== undefined) return undefined;
  const generation = host.queueGeneration + 1;
  return { url: await commandQueues.create({ hostId: host.id, generation }), generation };
}

/** 2. Told before it is so: whoever dies in between comes again, or is silent again and told of then. */
async function tellUp(deps: SessionDeps, { host, heartbeat }: HostRow): Promise<void> {
  if (host.state === "Up" || host.fence !== undefined) return;
  const { id: hostId, state, bootOrdinal } = host;
  await tellHostState(deps, {
    hostId,
    id: `${hostId}.${bootOrdinal}.${heartbeat?.lastReportAt ?? 0}.Up`,
    from: state,
    to: "Up",
  });
  await resolveDown(deps, hostId);
}

/** The refusal of a key that another join has replaced; the edge forgets the key on it. */
export function refuseKey() {
  return refuse("unauthenticated", "the request is not signed by this host's key");
}

async function sessionAnswer(
  deps: SessionDeps,
  { id: hostId, queueUrl, bootOrdinal }: HostRow["host"],
  now: number,
): Promise<SessionAnswer> {
  const { settings, commandQueues } = deps;
  // Read before the session. A join in between has a queue of its own, and a key: the session was then refused, or the
  // agent joined again with the key it had, finds this queue gone and opens a session anew.
  if (queueUrl === undefined) throw new Error(`host ${hostId} has joined and has no command queue`);
  const credentials = await commandQueues.credentials({ hostId, queueUrl });
  return {
    bootOrdinal,
    commandQueueUrl: queueUrl,
    ...commandQueues.access,
    credentials: { ...credentials, expiresAt: isoTime(credentials.expiresAt) },
    reportIntervalSeconds: settings.reportIntervalSeconds,
    leaseSeconds: settings.leaseSeconds,
    selfFence: settings.selfFence,
    now: isoTime(now),
  };
}
