import type { HostId } from "../model/ids.ts";
import type { Ports } from "./ports.ts";

/** Removes a command queue that nobody reads any more. That it is left behind costs nothing: it is empty, or will never be read. */
export async function removeQueue(
  deps: Pick<Ports, "commandQueues" | "telemetry">,
  { hostId, queueUrl }: { readonly hostId: HostId; readonly queueUrl: string | undefined },
): Promise<void> {
  if (queueUrl === undefined) return;
  try {
    await deps.commandQueues.remove(queueUrl);
  } catch (error) {
    const message = "an old command queue was not removed";
    deps.telemetry.log({ level: "warn", message, hostId, queueUrl, error });
  }
}
