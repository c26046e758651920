/** The calls of libvirt's remote protocol by which the agent does something (`libvirt-calls.ts`). */
import type { VmId } from "../../shared/model/ids.ts";
import { type Domain, domainArgs, ignore, readDomain } from "./libvirt-calls.ts";
import type { RpcConnection } from "./rpc-client.ts";
import { xdrWriter } from "./xdr.ts";

const PROCEDURE = {
  domainCreate: 9,
  domainDefineXml: 11,
  domainDestroy: 12,
  domainReboot: 27,
  domainResume: 28,
  domainShutdown: 33,
  domainSuspend: 34,
  domainAttachDeviceFlags: 160,
  domainDetachDeviceFlags: 161,
  domainAbortJob: 164,
  domainSnapshotCreateXml: 185,
  domainRevertToSnapshot: 192,
  domainSnapshotDelete: 193,
  domainUndefineFlags: 231,
  domainReset: 245,
  domainMigratePerform3Params: 305,
} as const;

/** The firmware's variables stay: they are the guest's, as its disks are, and another host may run it with them. */
const KEEP_NVRAM = 8;
/** And what else libvirt keeps of a domain: saved memory, metadata of snapshots and of checkpoints. */
const FORGET_ALL = KEEP_NVRAM | 1 | 2 | 16;
const AFFECT_LIVE = 1;
/** live, peer to peer, defined there, no longer defined here, given up when a disk fails. */
const MIGRATE = 1 | 2 | 8 | 16 | 4096;

export async function define(rpc: RpcConnection, xml: string): Promise<Domain> {
  return await rpc.call(PROCEDURE.domainDefineXml, xdrWriter().string(xml).bytes(), readDomain);
}

/**
 * One that runs goes on as a transient domain: look first. `definition` alone is refused by libvirt where more is kept of
 * the domain.
 */
export async function undefine(
  rpc: RpcConnection,
  vmId: VmId,
  what: "all" | "definition",
): Promise<void> {
  const args = domainArgs(vmId).int(what === "all" ? FORGET_ALL : KEEP_NVRAM);
  await rpc.call(PROCEDURE.domainUndefineFlags, args.bytes(), ignore);
}

/** Starts a defined domain. */
export async function create(rpc: RpcConnection, vmId: VmId): Promise<void> {
  await rpc.call(PROCEDURE.domainCreate, domainArgs(vmId).bytes(), ignore);
}

export async function destroy(rpc: RpcConnection, vmId: VmId): Promise<void> {
  await rpc.call(PROCEDURE.domainDestroy, domainArgs(vmId).bytes(), ignore);
}

export async function shutdown(rpc: RpcConnection, vmId: VmId): Promise<void> {
  await rpc.call(PROCEDURE.domainShutdown, domainArgs(vmId).bytes(), ignore);
}

/** Asks the guest. */
export async function reboot(rpc: RpcConnection, vmId: VmId): Promise<void> {
  await rpc.call(PROCEDURE.domainReboot, domainArgs(vmId).int(0).bytes(), ignore);
}

export async function reset(rpc: RpcConnection, vmId: VmId): Promise<void> {
  await rpc.call(PROCEDURE.domainReset, domainArgs(vmId).int(0).bytes(), ignore);
}

export async function suspend(rpc: RpcConnection, vmId: VmId): Promise<void> {
  await rpc.call(PROCEDURE.domainSuspend, domainArgs(vmId).bytes(), ignore);
}

export async function resume(rpc: RpcConnection, vmId: VmId): Promise<void> {
  await rpc.call(PROCEDURE.domainResume, domainArgs(vmId).bytes(), ignore);
}

/** Answers when the migration is over; libvirt finds its own way to the target from `targetUri`. */
export async function migrate(rpc: RpcConnection, vmId: VmId, targetUri: string): Promise<void> {
  const noParameters = 0;
  const noCookie = 0;
  const args = domainArgs(vmId).optionalString(targetUri).int(noParameters).int(noCookie);
  await rpc.call(PROCEDURE.domainMigratePerform3Params, args.int(MIGRATE).bytes(), ignore);
}

/** Of the migration, or what else takes long. Throws `operationInvalid` where nothing does. */
export async function abortJob(rpc: RpcConnection, vmId: VmId): Promise<void> {
  await rpc.call(PROCEDURE.domainAbortJob, domainArgs(vmId).bytes(), ignore);
}

/** Of the disks that take one, and of memory when it runs. */
export async function createSnapshot(rpc: RpcConnection, vmId: VmId, name: string): Promise<void> {
  const xml = `<domainsnapshot><name>${name}</name></domainsnapshot>`; // a name needs no escape
  const args = domainArgs(vmId).string(xml).int(0).bytes();
  await rpc.call(PROCEDURE.domainSnapshotCreateXml, args, ignore);
}

export async function revertToSnapshot(
  rpc: RpcConnection,
  vmId: VmId,
  name: string,
): Promise<void> {
  await rpc.call(PROCEDURE.domainRevertToSnapshot, snapshotArgs(vmId, name), ignore);
}

export async function deleteSnapshot(rpc: RpcConnection, vmId: VmId, name: string): Promise<void> {
  await rpc.call(PROCEDURE.domainSnapshotDelete, snapshotArgs(vmId, name), ignore);
}

/** To the running guest. */
export async function attachDevice(rpc: RpcConnection, vmId: VmId, xml: string): Promise<void> {
  const args = domainArgs(vmId).string(xml).int(AFFECT_LIVE).bytes();
  await rpc.call(PROCEDURE.domainAttachDeviceFlags, args, ignore);
}

/** From the running guest, which is only asked: the device is gone when its XML is. */
export async function detachDevice(rpc: RpcConnection, vmId: VmId, xml: string): Promise<void> {
  const args = domainArgs(vmId).string(xml).int(AFFECT_LIVE).bytes();
  await rpc.call(PROCEDURE.domainDetachDeviceFlags, args, ignore);
}

function snapshotArgs(vmId: VmId, name: string): Buffer {
  const head = xdrWriter().string(name).bytes();
  return Buffer.concat([head, domainArgs(vmId).int(0).bytes()]);
}
