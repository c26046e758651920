import type { ApartmentMessage } from "../model/apartment-message.ts";
import { type JobId, submitId, type VmId } from "../model/ids.ts";

/** The message that tells an apartment of a recorded job. */
export function submission({ jobId, vmId }: { readonly jobId: JobId; readonly vmId: VmId }): {
  readonly to: VmId;
  readonly message: ApartmentMessage;
} {
  return {
    to: vmId,
    message: { v: 1, logicalId: submitId(jobId), body: { kind: "submit", jobId } },
  };
}
