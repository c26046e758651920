/**
 * A4, flush before overwrite: whether the effects stored in a record are known to have been sent.
 *
 * They are, if this worker sent them, or if this is a queue batch in which every message has a higher sequence number
 * than the batch that stored them: a FIFO group moves on only when the earlier messages were deleted, and they are
 * deleted only after the effects were sent. In every other case they are sent again.
 */
import type { ApartmentRecord } from "../model/apartment-record.ts";

/** Where a turn's messages come from. SQS sequence numbers are 20 digits, zero-padded here so that they compare as text. */
export type TurnSource =
  | {
      readonly kind: "queue";
      readonly lowestSequence: string;
      readonly highestSequence: string;
    }
  | { readonly kind: "inline" };

const SEQUENCE_DIGITS = 40;

export function effectsAreSent(
  record: Pick<ApartmentRecord, "effects" | "effectsSequence" | "version">,
  source: TurnSource,
  sentVersion: number | undefined,
): boolean {
  if (record.effects.length === 0) return true;
  if (record.version === sentVersion) return true;
  if (source.kind === "inline" || record.effectsSequence === undefined) return false;
  return padded(source.lowestSequence) > padded(record.effectsSequence);
}

function padded(sequence: string): string {
  return sequence.padStart(SEQUENCE_DIGITS, "0");
}
