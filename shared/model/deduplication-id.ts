/** De-duplication ids of what is sent to queues: from what a message says, so that sending it twice is sending it once. */
import type { ApartmentMessage } from "./apartment-message.ts";

/** What SQS takes: 1 to 128 letters, digits and punctuation. */
const TAKEN = /^[A-Za-z0-9!-/:-@[-`{-~]{1,128}$/;

/** The text itself, or its hash (64 hexadecimal digits) where SQS would not take it. */
export function deduplicationId(text: string, hash: (text: string) => string): string {
  return TAKEN.test(text) ? text : hash(text);
}

/** What returns from the dead-letter queue must not be taken for the message that failed. */
export function deduplicationText({ logicalId, returned }: ApartmentMessage): string {
  return returned === true ? `${logicalId}:returned` : logicalId;
}
