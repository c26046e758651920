/** Hosts as their use cases make them: registered, joined with a key of their own, in a session, heard. */
import { generateKeyPairSync, type KeyObject } from "node:crypto";
import { joinHost } from "../../shared/app/join-host.ts";
import { type AgentIdentity, openSession } from "../../shared/app/open-session.ts";
import { registerHost } from "../../shared/app/register-host.ts";
import { rawPublicKey } from "../../shared/http/ed25519.ts";
import { Report, type ReportedVm } from "../../shared/model/agent-protocol.ts";
import { type BootId, HostId, VmId } from "../../shared/model/ids.ts";
import type { Answer } from "../../shared/model/problem.ts";
import { bootId, T0 } from "./a-record.ts";
import type { World } from "./memory-world.ts";

export type JoinedHost = AgentIdentity & { readonly privateKey: KeyObject };

/** What a use case answers when it must not refuse. */
export function okValue<T>(answer: Answer<T>): T {
  if (!answer.ok) throw new Error(`refused: ${answer.code}: ${answer.detail}`);
  return answer.value;
}

export async function aJoinedHost({ deps }: World, name = "host-a"): Promise<JoinedHost> {
  const id = HostId.parse(name);
  const { joinToken } = okValue(await registerHost(deps, { id }));
  const { privateKey } = generateKeyPairSync("ed25519");
  const publicKey = rawPublicKey(privateKey);
  okValue(await joinHost(deps, { hostId: id, joinToken, publicKey }));
  return { hostId: id, publicKey, privateKey };
}

/** A joined host in the session of a boot. */
export async function aHostInSession(
  world: World,
  { name = "host-a", boot = bootId }: { readonly name?: string; readonly boot?: BootId } = {},
): Promise<JoinedHost> {
  const caller = await aJoinedHost(world, name);
  okValue(await openSession(world.deps, { caller, bootId: boot, agentVersion: "1" }));
  return caller;
}

/** The n-th VM's id. */
export function vmIdOf(n: number): VmId {
  return VmId.parse(`22222222-2222-4222-8222-${n.toString(16).padStart(12, "0")}`);
}

/** A VM as a report lists it. */
export function listed(n: number, overrides: Partial<ReportedVm> = {}): ReportedVm {
  return { vmId: vmIdOf(n), power: "on", ...overrides };
}

export function aReport(overrides: Partial<Report> = {}): Report {
  return Report.parse({
    bootId,
    seq: 1,
    kind: "periodic",
    complete: true,
    observedAt: new Date(T0).toISOString(),
    vms: [listed(1)],
    ...overrides,
  });
}
