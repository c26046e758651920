/**
 * What landed in the dead-letter queue is sent to its apartment again, once, with an incident (A5: the message itself, not
 * a write of the record). What comes a second time, or was never a message, is only told: the job's deadline ends the rest.
 */
import type { ApartmentMessage } from "../model/apartment-message.ts";
import type { ApartmentId } from "../model/ids.ts";
import type { Ports } from "./ports.ts";
import { recordPoison } from "./record-poison.ts";

export type DeadLetter = {
  /** SQS's id of the dead message: names its incident. */
  readonly messageId: string;
  /** Absent: its group is no apartment's. */
  readonly to: ApartmentId | undefined;
  /** Absent: its body does not parse. */
  readonly message: ApartmentMessage | undefined;
};

export async function returnDeadLetter(
  deps: Pick<Ports, "apartmentQueue" | "incidents" | "bus" | "clock" | "telemetry">,
  letter: DeadLetter,
): Promise<"returned" | "told"> {
  const { to, message, messageId } = letter;
  const again = to !== undefined && message !== undefined && message.returned !== true;
  if (again) await deps.apartmentQueue.send([{ to, message: { ...message, returned: true } }]);
  const what = message?.logicalId ?? "a message that does not parse";
  await recordPoison(deps, {
    name: messageId,
    to,
    detail: `${what} reached the dead-letter queue${again ? " and was sent to its apartment again" : ""}`,
  });
  return again ? "returned" : "told";
}
