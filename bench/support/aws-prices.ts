/** What calls to AWS cost: `reference/peers.md` C.3, us-east-1, in dollars. Storage is not in it, nor what is free. */

const MILLION = 1e6;

export const DOLLARS = {
  httpApiRequest: 1 / MILLION,
  invocation: 0.2 / MILLION,
  /** On arm64. */
  gibSecond: 13.33 / MILLION,
  readUnit: 0.125 / MILLION,
  writeUnit: 0.625 / MILLION,
} as const;

const WRITE_UNIT_BYTES = 1024;
const READ_UNIT_BYTES = 4096;

/** Of one item, conditional or not. Its size is taken from its JSON, which is a little longer. */
export function writeUnits(item: unknown): number {
  return Math.ceil(bytesOf(item) / WRITE_UNIT_BYTES);
}

/** Eventually consistent, of one item got by key, or of all the rows of one query. */
export function readUnits(read: unknown): number {
  return Math.max(1, Math.ceil(bytesOf(read) / READ_UNIT_BYTES)) / 2;
}

export function computeDollars(run: { readonly ms: number; readonly memoryMiB: number }): number {
  return (run.ms / 1000) * (run.memoryMiB / 1024) * DOLLARS.gibSecond;
}

function bytesOf(stored: unknown): number {
  return Buffer.byteLength(JSON.stringify(stored));
}
