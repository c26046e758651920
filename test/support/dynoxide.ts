import { createRequire } from "node:module";
import { type DynamoEngine, startDynamoEngine } from "./dynamo-engine.ts";

const BINARY = createRequire(import.meta.url).resolve("@dynoxide/linux-x64/dynoxide");

/** The default engine of the local stack, in memory. */
export function startDynoxide(): Promise<DynamoEngine> {
  return startDynamoEngine({
    command: BINARY,
    argsOf: (port) => ["serve", "--host", "127.0.0.1", "--port", String(port)],
    readyWithinMs: 5_000,
  });
}
