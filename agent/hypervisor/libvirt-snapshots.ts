/** Snapshots of a domain by name: of its disks, and of its memory when it runs. Its disks must be of a kind that keeps them. */
import type { VmId } from "../../shared/model/ids.ts";
import { errorText } from "../note.ts";
import { type Done, type Failure, SNAPSHOT_NOT_FOUND } from "./hypervisor.ts";
import * as actions from "./libvirt-actions.ts";
import { findSnapshot } from "./libvirt-calls.ts";
import { hasCode } from "./libvirt-errors.ts";
import type { RpcConnection } from "./rpc-client.ts";

const OK: Done = { ok: true };

export async function snapshot(rpc: RpcConnection, vmId: VmId, name: string): Promise<Done> {
  if (!(await exists(rpc, vmId, name))) await actions.createSnapshot(rpc, vmId, name);
  return OK;
}

export async function revert(
  rpc: RpcConnection,
  vmId: VmId,
  name: string,
): Promise<Done | Failure> {
  try {
    await actions.revertToSnapshot(rpc, vmId, name);
    return OK;
  } catch (error) {
    if (!hasCode(error, "noSnapshot")) throw error;
    return { ok: false, code: SNAPSHOT_NOT_FOUND, detail: errorText(error) };
  }
}

export async function deleteSnapshot(rpc: RpcConnection, vmId: VmId, name: string): Promise<Done> {
  if (await exists(rpc, vmId, name)) await actions.deleteSnapshot(rpc, vmId, name);
  return OK;
}

async function exists(rpc: RpcConnection, vmId: VmId, name: string): Promise<boolean> {
  try {
    await findSnapshot(rpc, vmId, name);
    return true;
  } catch (error) {
    if (hasCode(error, "noSnapshot")) return false;
    throw error;
  }
}
