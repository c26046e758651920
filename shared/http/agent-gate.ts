/**
 * Lets agents in by their signatures.
 *
 *  1. A host speaks only for itself: the key is that of the host in the path.
 *  2. A key may come from memory, and be an old one: what is decided by it must be a write that holds only if it is still
 *     the host's (`HostStore.beat`, `openSession`). So a quiet report reads nothing (design.md, "Budgets").
 *  3. A signature that a remembered key refuses is held against the key as it is recorded now: a host that joined again
 *     is known at its first request. So a wrong signature costs one read.
 */
import { HostId } from "../model/ids.ts";
import { type Answer, refuse } from "../model/problem.ts";
import type { Exchange, Gate } from "./gate.ts";
import { type Verification, verifyRequest } from "./message-signature.ts";

/** Keys kept in a function's memory: as many hosts as one instance may see, at about 200 bytes each. */
const KEYS_MAX = 5000;

/** Whom a signature proved: the host, and the key that it proved it with. */
export type AgentCaller = { readonly hostId: HostId; readonly publicKey: string };

export type AgentGate = {
  readonly gate: Gate<"agent", AgentCaller>;
  /** To be called when a write said that the key was not the host's any more. */
  readonly forget: (hostId: HostId) => void;
};

/** `readKey` reads the recorded key, consistently; `undefined` for a host that is not joined. */
export function agentGate(deps: {
  readonly readKey: (hostId: HostId) => Promise<string | undefined>;
  readonly now: () => number;
  readonly log: (entry: {
    readonly level: "warn";
    readonly message: string;
    readonly hostId: string;
    readonly reason: string;
  }) => void;
}): AgentGate {
  const keys = new Map<HostId, string>();

  const admit = async (exchange: Exchange, hostId: HostId): Promise<Answer<AgentCaller>> => {
    const check = (publicKey: string): Verification =>
      verifyRequest({
        ...exchange,
        body: exchange.bytes,
        keyId: hostId, // 1
        publicKey,
        nowSeconds: Math.floor(deps.now() / 1000),
      });
    const remembered = keys.get(hostId);
    if (remembered !== undefined && check(remembered).ok)
      return { ok: true, value: { hostId, publicKey: remembered } }; // 2
    const publicKey = await deps.readKey(hostId); // 3
    const verification: Verification | { readonly ok: false; readonly reason: "not_joined" } =
      publicKey === undefined ? { ok: false, reason: "not_joined" } : check(publicKey);
    if (publicKey !== undefined && verification.ok) {
      remember(keys, hostId, publicKey);
      return { ok: true, value: { hostId, publicKey } };
    }
    keys.delete(hostId);
    const reason = verification.ok ? "not_joined" : verification.reason;
    deps.log({ level: "warn", message: "agent refused", hostId, reason });
    return refuse("unauthenticated", "the request is not signed by this host's key");
  };

  return {
    gate: async (exchange) => {
      const hostId = HostId.safeParse(exchange.params["hostId"]);
      return hostId.success
        ? admit(exchange, hostId.data)
        : refuse("unauthenticated", "the request is not signed by this host's key");
    },
    forget: (hostId) => {
      keys.delete(hostId);
    },
  };
}

/** The oldest goes when there are too many: it is read again if it comes back. */
function remember(keys: Map<HostId, string>, hostId: HostId, publicKey: string): void {
  const [oldest] = keys.size >= KEYS_MAX && !keys.has(hostId) ? keys.keys() : [];
  if (oldest !== undefined) keys.delete(oldest);
  keys.set(hostId, publicKey);
}
