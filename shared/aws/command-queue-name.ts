import { createHash } from "node:crypto";

/** SQS's own limit, `.fifo` included. */
const QUEUE_NAME_CHARACTERS_MAX = 80;
/** Enough of a hash that two hosts' shortened names do not meet. */
const HASH_CHARACTERS = 12;

/** `<prefix><hostId>-<generation>.fifo`; of a host id too long for that, the beginning and a hash. */
export function commandQueueName({
  prefix,
  hostId,
  generation,
}: {
  readonly prefix: string;
  readonly hostId: string;
  readonly generation: number;
}): string {
  const tail = `-${generation}.fifo`;
  const room = QUEUE_NAME_CHARACTERS_MAX - prefix.length - tail.length;
  if (hostId.length <= room) return `${prefix}${hostId}${tail}`;
  const hash = createHash("sha256").update(hostId).digest("hex").slice(0, HASH_CHARACTERS);
  const kept = room - hash.length - 1;
  if (kept < 1) throw new Error(`no queue name of 80 characters with the prefix ${prefix}`);
  return `${prefix}${hostId.slice(0, kept)}-${hash}${tail}`;
}
