/** An agent opens the session of its boot, or has the credentials of the one it has renewed. */
import type { SessionAnswer, SessionRequest } from "../model/agent-protocol.ts";
import type { HostId } from "../model/ids.ts";
import { type Answer, refuse } from "../model/problem.ts";
import type { Settings } from "../model/settings.ts";
import { isoTime } from "./iso-time.ts";
import type { HostRow, Ports } from "./ports.ts";
import { tellHostState } from "./tell-host-state.ts";

/** Who a signature proved the agent to be: `shared/http/agent-gate.ts`. */
export type AgentIdentity = { readonly hostId: HostId; readonly publicKey: string };

type SessionDeps = Pick<Ports, "hosts" | "commandQueues" | "bus" | "clock"> & {
  readonly settings: Settings;
};

/** `unauthenticated`: the key is not the host's any more. */
export async function openSession(
  deps: SessionDeps,
  request: { readonly caller: AgentIdentity } & SessionRequest,
): Promise<Answer<SessionAnswer>> {
  const { caller, bootId, agentVersion, migrationUri } = request;
  const now = deps.clock.now();
  const before = await deps.hosts.read(caller.hostId);
  if (before === undefined) return refuseKey();
  const session = { ...caller, bootId, agentVersion, migrationUri, now };
  const opened = await deps.hosts.openSession(session);
  if (opened.status === "refused") return refuseKey();
  const { bootOrdinal } = opened;
  if (before.host.state !== "Up")
    await tellHostState(deps, {
      hostId: caller.hostId,
      id: `${caller.hostId}.${bootOrdinal}.Up`,
      from: before.host.state,
      to: "Up",
    });
  return { ok: true, value: await sessionAnswer(deps, before, bootOrdinal, now) };
}

/** The refusal of a key that another join has replaced; the edge forgets the key on it. */
export function refuseKey() {
  return refuse("unauthenticated", "the request is not signed by this host's key");
}

async function sessionAnswer(
  deps: SessionDeps,
  { host }: HostRow,
  bootOrdinal: number,
  now: number,
): Promise<SessionAnswer> {
  const { settings, commandQueues } = deps;
  // Read before the session. A join in between has a queue of its own, and a key: the session was then refused, or the
  // agent joined again with the key it had, finds this queue gone and opens a session anew.
  const { id: hostId, queueUrl } = host;
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
