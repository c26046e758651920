import { batchGetItems, type KeysToGet, type Row } from "./documents.ts";
import type { Dynamo } from "./dynamo-call.ts";
import { calling } from "./service-failure.ts";

/** DynamoDB's own limit of one call. */
export const BATCH_GET_KEYS_MAX = 100;
/** Answers leave keys out beyond 16 MB or when throttled; each attempt makes progress or the table is overloaded. */
const BATCH_GET_ATTEMPTS_MAX = 6;
/** Doubles with each attempt, half of it random. */
const BATCH_GET_BACKOFF_MS = 20;

export type KeysByTable = Readonly<
  Record<string, { readonly keys: readonly Row[]; readonly consistent: boolean }>
>;

/** Up to 100 distinct items of any tables in one call; repeated only for keys left unprocessed. Answers no order. */
export async function batchGet(
  { documents, clock }: Pick<Dynamo, "documents" | "clock">,
  doing: string,
  wanted: KeysByTable,
): Promise<ReadonlyMap<string, readonly Row[]>> {
  const found = new Map<string, Row[]>(Object.keys(wanted).map((table) => [table, []]));
  let requests = requestsOf(wanted);
  if (Object.keys(requests).length === 0) return found;
  for (let attempts = 1; attempts <= BATCH_GET_ATTEMPTS_MAX; attempts += 1) {
    const get = batchGetItems(requests);
    const answer = await calling(doing, () => documents.send(get));
    for (const [table, rows] of Object.entries(answer.found)) found.get(table)?.push(...rows);
    requests = answer.unprocessed;
    if (Object.keys(requests).length === 0) return found;
    const waitMs = BATCH_GET_BACKOFF_MS * 2 ** attempts;
    await clock.sleep(Math.ceil(waitMs * (0.5 + Math.random() / 2)));
  }
  return calling(doing, () => {
    const throttled = new Error(`keys unprocessed after ${BATCH_GET_ATTEMPTS_MAX} attempts`);
    throttled.name = "ThrottlingException";
    throw throttled;
  });
}

function requestsOf(wanted: KeysByTable): KeysToGet {
  const tables = Object.entries(wanted).filter(([, { keys }]) => keys.length > 0);
  return Object.fromEntries(
    tables.map(([table, { keys, consistent }]) => [
      table,
      { Keys: keys, ConsistentRead: consistent },
    ]),
  );
}
