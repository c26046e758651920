import type { Codec } from "../app/ports.ts";

const MARK = "packed:";

/** Packs without compressing; refuses what a real one would. Give another one where sizes matter (bus entries). */
export const memoryCodec: Codec = {
  pack: (text) => MARK + text,
  unpack: (packed, bytesMax) => {
    if (!packed.startsWith(MARK)) throw new Error("not packed by this codec");
    const text = packed.slice(MARK.length);
    if (new TextEncoder().encode(text).length > bytesMax)
      throw new Error(`unpacks to more than ${bytesMax} bytes`);
    return text;
  },
};
