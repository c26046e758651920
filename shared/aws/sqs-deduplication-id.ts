import { createHash } from "node:crypto";

/** What SQS takes as a de-duplication id; anything else goes by its hash. */
const TAKEN = /^[A-Za-z0-9!-/:-@[-`{-~]{1,128}$/;

export function deduplicationId(text: string): string {
  return TAKEN.test(text) ? text : createHash("sha256").update(text).digest("hex");
}
