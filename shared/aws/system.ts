/** What the process itself gives: time, fresh names, secrets and their hash, compression. */
import { createHash, randomBytes } from "node:crypto";
import { gunzipSync, gzipSync } from "node:zlib";
import { v7 as uuidv7 } from "uuid";
import type { Clock, Codec, Names } from "../app/ports.ts";
import { JobId, VmId } from "../model/ids.ts";

/** Far beyond guessing, and what the `Names` port promises at least. */
const SECRET_BYTES = 32;

export const systemClock: Clock = {
  now: () => Date.now(),
  sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
};

export const systemNames: Names = {
  jobId: () => JobId.parse(uuidv7()),
  vmId: () => VmId.parse(uuidv7()),
  // Not base64url: every 64th would begin with a dash, and be an option on a command line.
  secret: () => randomBytes(SECRET_BYTES).toString("hex"),
  hash: (text) => createHash("sha256").update(text).digest("hex"),
};

export const gzipCodec: Codec = {
  pack: (text) => gzipSync(text).toString("base64"),
  unpack: (packed, bytesMax) =>
    gunzipSync(Buffer.from(packed, "base64"), { maxOutputLength: bytesMax }).toString(),
};
