/** Registering a host, and its join tokens: one use, 24 hours (contract, "Authentication"). */
import type { Host, HostRecord } from "../model/host.ts";
import type { HostId } from "../model/ids.ts";
import { type Answer, refuse } from "../model/problem.ts";
import type { CreateHostRequest } from "../model/user-api.ts";
import { hostView } from "./host-view.ts";
import type { Ports } from "./ports.ts";

export const JOIN_TOKEN_MS = 24 * 60 * 60 * 1000;

type TokenDeps = Pick<Ports, "hosts" | "names" | "clock">;

/** Records the host, without a queue or a key: those come with its join. The token is answered once, its hash is kept. */
export async function registerHost(
  deps: TokenDeps,
  wish: CreateHostRequest,
): Promise<Answer<{ readonly host: Host; readonly joinToken: string }>> {
  const now = deps.clock.now();
  const joinToken = deps.names.secret();
  const host: HostRecord = {
    id: wish.id,
    state: "Registered",
    ...(wish.capacity === undefined
      ? {}
      : { capacity: wish.capacity, capacityRegistered: true as const }),
    reserved: { cpus: 0, memoryMiB: 0 },
    labels: wish.labels ?? {},
    maintenance: false,
    bootOrdinal: 0,
    joinTokenHash: deps.names.hash(joinToken),
    joinTokenExpiresAt: now + JOIN_TOKEN_MS,
    queueGeneration: 0,
    createdAt: now,
  };
  if ((await deps.hosts.create(host)) === "host_exists")
    return refuse("host_exists", `a host ${wish.id} exists`);
  return { ok: true, value: { host: hostView({ host }, 0), joinToken } };
}

/** A new join token in the place of the last; the key in use works until somebody joins with it. */
export async function renewJoinToken(
  deps: TokenDeps,
  query: { readonly hostId: HostId },
): Promise<Answer<{ readonly joinToken: string }>> {
  const joinToken = deps.names.secret();
  const set = await deps.hosts.setJoinToken(query.hostId, {
    hash: deps.names.hash(joinToken),
    expiresAt: deps.clock.now() + JOIN_TOKEN_MS,
  });
  return set === "set"
    ? { ok: true, value: { joinToken } }
    : refuse("host_not_found", `there is no host ${query.hostId}`);
}
