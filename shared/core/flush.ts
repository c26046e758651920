/**
 * A4, flush before overwrite: whether the effects stored in a record are known to have been sent.
 *
 * They are, if this worker sent them, or if this is a queue batch in which every message has a higher sequence number
 * than the batch that stored them: a FIFO group moves on only when the earlier messages were deleted, and they are
 * deleted only after the effects were sent. In every other case they are sent again.
 *
 * A group moves on, too, when its first message goes to the dead-letter queue. That takes `maxReceiveCount` receives with
 * up to a minute between them (`cdk/apartments.ts`), far longer than `SEQUENCE_TELLS_MS`: of an older commit the sequence
 * numbers prove nothing, and its effects are sent again. A commit of one of the message's last receives, which would be young
 * when the group moves on, stores no sequence number (`shared/app/take-turns.ts`).
 *
 * Nor does the commit of a batch that is not above what was committed before: it comes again, or so late that another has worked off
 * and deleted its messages long since, and then nothing brings it again if its worker dies.
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

/** Below the least time in which a message can be received often enough to be a dead letter, by hours. */
export const SEQUENCE_TELLS_MS = 6 * 60 * 60 * 1000;
const SEQUENCE_DIGITS = 40;

export function effectsAreSent(
  record: Pick<ApartmentRecord, "effects" | "effectsSequence" | "version" | "updatedAt">,
  source: TurnSource,
  known: {
    /** The version whose effects this worker has sent. */
    readonly sentVersion: number | undefined;
    readonly now: number;
  },
): boolean {
  if (record.effects.length === 0) return true;
  if (record.version === known.sentVersion) return true;
  if (source.kind === "inline" || record.effectsSequence === undefined) return false;
  if (known.now - record.updatedAt >= SEQUENCE_TELLS_MS) return false;
  return padded(source.lowestSequence) > padded(record.effectsSequence);
}

/**
 * The sequence number that a commit of this batch is to store with its effects; none, if it would prove nothing. Without messages the
 * turn goes on from a commit of this very batch, which its worker still has (`take-turn.ts`).
 */
export function provingSequence(
  record: Pick<ApartmentRecord, "highestSequence">,
  batch: { readonly messages: readonly unknown[]; readonly source: TurnSource },
): string | undefined {
  const { messages, source } = batch;
  if (source.kind === "inline") return undefined;
  const { highestSequence } = source;
  const before = record.highestSequence;
  if (messages.length === 0 || before === undefined) return highestSequence;
  return padded(highestSequence) > padded(before) ? highestSequence : undefined;
}

function padded(sequence: string): string {
  return sequence.padStart(SEQUENCE_DIGITS, "0");
}
