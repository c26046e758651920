/** The host agent as its own process, as an operator runs it. */
import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";

export type AgentProcess = {
  readonly pid: number;
  /** What it has printed so far. */
  readonly output: () => string;
  /** As `kill -9`: resolves when the process is gone. */
  readonly kill: () => Promise<void>;
  /** As an operator stops it; answers its exit code. */
  readonly stop: () => Promise<number | null>;
};

const MAIN = join(import.meta.dirname, "../../agent/main.ts");

export function startAgentProcess(args: readonly string[]): AgentProcess {
  const child = spawn(process.execPath, [MAIN, ...args], { stdio: ["ignore", "pipe", "pipe"] });
  const lines: string[] = [];
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (chunk: Buffer) => lines.push(chunk.toString()));
  if (child.pid === undefined) throw new Error("the agent could not be started");
  return {
    pid: child.pid,
    output: () => lines.join(""),
    kill: async () => void (await end(child, "SIGKILL")),
    stop: () => end(child, "SIGTERM"),
  };
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<number | null> {
  if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
  return new Promise((resolve) => {
    child.once("exit", (code) => resolve(code));
    child.kill(signal);
  });
}
