/** A DynamoDB engine as a child process on a free port of this machine, for the contract suites. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { DynamoDBClient, ListTablesCommand } from "@aws-sdk/client-dynamodb";
import { freePort } from "./free-port.ts";

export interface DynamoEngine {
  readonly client: DynamoDBClient;
  readonly endpoint: string;
  readonly stop: () => Promise<void>;
}

export interface EngineCommand {
  readonly command: string;
  readonly argsOf: (port: number) => readonly string[];
  /** From start to the first answer. */
  readonly readyWithinMs: number;
}

/** Another process may take the port between looking and starting. */
const STARTS_MAX = 5;
/** Between two tries to reach it. */
const PROBE_EVERY_MS = 20;

export async function startDynamoEngine(engine: EngineCommand): Promise<DynamoEngine> {
  for (let starts = 1; ; starts += 1) {
    const port = await freePort();
    const child = spawn(engine.command, engine.argsOf(port), { stdio: "ignore" });
    const endpoint = `http://127.0.0.1:${port}`;
    const client = new DynamoDBClient({
      endpoint,
      region: "us-east-1",
      credentials: { accessKeyId: "local", secretAccessKey: "local" },
      maxAttempts: 1,
    });
    const stop = async () => {
      client.destroy();
      await stopChild(child);
    };
    if (await answers({ child, client, withinMs: engine.readyWithinMs }))
      return { client, endpoint, stop };
    await stop();
    if (starts === STARTS_MAX)
      throw new Error(`${engine.command} did not answer within ${engine.readyWithinMs} ms`);
  }
}

async function answers({
  child,
  client,
  withinMs,
}: {
  readonly child: ChildProcess;
  readonly client: DynamoDBClient;
  readonly withinMs: number;
}): Promise<boolean> {
  let gone = false;
  child.once("error", () => {
    gone = true;
  });
  child.once("exit", () => {
    gone = true;
  });
  const until = performance.now() + withinMs;
  while (!gone && performance.now() < until) {
    const listed = await client.send(new ListTablesCommand({})).catch(() => undefined);
    if (listed !== undefined && !gone) return true;
    await new Promise((resolve) => setTimeout(resolve, PROBE_EVERY_MS));
  }
  return false;
}

async function stopChild(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, "exit");
  child.kill("SIGKILL");
  await exited;
}
