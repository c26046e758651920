/** What a process that imports one bundle says of it. */
import * as z from "zod/mini";

export const ColdStart = z.object({
  /** Of the SDK's modules that were imported first; 0 where none were. */
  sdkMs: z.number(),
  bundleMs: z.number(),
});
export type ColdStart = z.infer<typeof ColdStart>;
