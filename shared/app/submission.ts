import type { ApartmentMessage } from "../model/apartment-message.ts";
import { type JobId, LogicalId, type VmId } from "../model/ids.ts";

/** The message that tells an apartment of a recorded job. */
export function submission({ jobId, vmId }: { readonly jobId: JobId; readonly vmId: VmId }): {
  readonly to: VmId;
  readonly message: ApartmentMessage;
} {
  const logicalId = LogicalId.parse(`submit:${jobId}`);
  return { to: vmId, message: { v: 1, logicalId, body: { kind: "submit", jobId } } };
}
