/** Registering a host, and its join tokens: one use, 24 hours (contract, "Authentication"). */
import type { Host, HostRecord } from "../model/host.ts";
import type { HostId } from "../model/ids.ts";
import { type Answer, refuse } from "../model/problem.ts";
import type { CreateHostRequest } from "../model/user-api.ts";
import { hostView } from "./host-view.ts";
import type { Ports } from "./ports.ts";
import { getHost } from "./read-hosts.ts";

export const JOIN_TOKEN_MS = 24 * 60 * 60 * 1000;

type Registered = Answer<{ readonly host: Host; readonly joinToken: string }>;
type TokenDeps = Pick<Ports, "hosts" | "names" | "clock">;

/**
 * Records the host, without a queue or a key: those come with its join. The token's hash is kept. With the token of an earlier
 * try it answers that.
 */
export async function registerHost(
  deps: TokenDeps,
  wish: CreateHostRequest,
  joinToken = deps.names.secret(),
): Promise<Registered> {
  const now = deps.clock.now();
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
  const created = await deps.hosts.create(host);
  const stored = created === "created" ? { host } : await deps.hosts.read(wish.id);
  // One that is there with this token was made by this request, which died before it answered.
  if (stored === undefined || stored.host.joinTokenHash !== host.joinTokenHash)
    return refuse("host_exists", `a host ${wish.id} exists`);
  return { ok: true, value: { host: hostView(stored, 0), joinToken } };
}

/** A host that was registered, as it is, with the token that it was registered with. */
export async function showRegistered(
  deps: Pick<Ports, "hosts" | "incidents">,
  query: { readonly hostId: HostId },
  joinToken: string,
): Promise<Registered> {
  const host = await getHost(deps, query);
  return host.ok ? { ok: true, value: { host: host.value, joinToken } } : host;
}

/** Another join token in the place of the last; the key in use works until somebody joins with it. */
export async function renewJoinToken(
  deps: TokenDeps,
  query: { readonly hostId: HostId },
  joinToken = deps.names.secret(),
): Promise<Answer<{ readonly joinToken: string }>> {
  const set = await deps.hosts.setJoinToken(query.hostId, {
    hash: deps.names.hash(joinToken),
    expiresAt: deps.clock.now() + JOIN_TOKEN_MS,
  });
  return set === "set"
    ? { ok: true, value: { joinToken } }
    : refuse("host_not_found", `there is no host ${query.hostId}`);
}
