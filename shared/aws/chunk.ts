/** What one request of a batch API takes. */
export type ChunkLimits = { readonly entriesMax: number; readonly bytesMax: number };

/** Cuts a list, in order, into parts that one request each takes. What is too large alone stays alone: the service says so. */
export function chunk<T>(
  items: readonly T[],
  { entriesMax, bytesMax }: ChunkLimits,
  bytesOf: (item: T) => number,
): readonly (readonly T[])[] {
  const chunks: T[][] = [];
  let bytes = 0;
  for (const item of items) {
    const own = bytesOf(item);
    const current = chunks.at(-1);
    if (current === undefined || current.length === entriesMax || bytes + own > bytesMax) {
      chunks.push([item]);
      bytes = own;
    } else {
      current.push(item);
      bytes += own;
    }
  }
  return chunks;
}
