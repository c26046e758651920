/**
 * dynoxide, the DynamoDB engine, as a supervised child: loopback only, one file in the data folder.
 *
 * X1 It ends with this process, however that ends: a shell between the two waits for the end of a pipe that the system
 *    closes, and kills the engine. (A second engine on the same file would do no harm, but nobody would ever end it.)
 * X2 If it ends by itself it is started again, on the same port, after a while that doubles up to a few seconds.
 *    Everything it had acknowledged is in its file.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { createRequire } from "node:module";
import { connect } from "node:net";
import { dirname, join } from "node:path";
import { probePort } from "./data-folder.ts";
import { StartError } from "./start-error.ts";

export interface DynamoDbEngine {
  readonly endpoint: string;
  readonly stop: () => Promise<void>;
}

export interface DynoxideProps {
  /** Undefined keeps nothing. */
  readonly file: string | undefined;
  readonly onLine: (text: string) => void;
  /** Of the npm package that has the binary; for tests. */
  readonly packageName?: string;
}

const PACKAGE = "@dynoxide/linux-x64";
const HOST = "127.0.0.1";
/** It takes 12 ms; a machine that is busy with everything else may need longer. */
const START_MS_MAX = 10_000;
const LOOK_EVERY_MS = 10;
const RESTART_MS = { first: 50, max: 5_000 } as const;

/** X1. `$@` is the engine; descriptor 3 the pipe from this process. It exits as the engine did; the shell's own word on a killed child is not kept. */
const GUARD = `
exec 3<&0
"$@" </dev/null & engine=$!
( cat <&3 >/dev/null; kill -9 $engine ) 2>/dev/null & guard=$!
{ wait $engine; } 2>/dev/null; status=$?
kill $guard 2>/dev/null
exit $status`;

/** Starts the engine and waits until it answers. Throws a `StartError` where there is no binary for this machine. */
export async function startDynoxide(props: DynoxideProps): Promise<DynamoDbEngine> {
  const binary = binaryOf(props.packageName ?? PACKAGE);
  const port = await probePort(0);
  const args = ["serve", "--host", HOST, "--port", String(port)];
  if (props.file !== undefined) args.push("--db-path", props.file);
  let stopping = false;
  let answers = false;
  let lastLine = "";
  let restartMs: number = RESTART_MS.first;
  let timer: NodeJS.Timeout | undefined;
  let child = launch();

  function launch(): ChildProcess {
    const launched = spawn("/bin/sh", ["-c", GUARD, "sh", binary, ...args], {
      stdio: ["pipe", "ignore", "pipe"],
      // A Ctrl-C at the terminal is for this process alone, which then ends the engine in its turn.
      detached: true,
    });
    launched.stderr?.on("data", (chunk: Buffer) => {
      const text = String(chunk).trimEnd();
      if (text === "") return; // a line's end that came by itself
      lastLine = text;
      props.onLine(text);
    });
    launched.stdin?.on("error", () => {});
    launched.once("exit", (code, signal) => {
      launched.stdin?.destroy();
      if (stopping || !answers) return;
      props.onLine(`dynoxide ended (${signal ?? code}); starting it again`);
      timer = setTimeout(() => {
        child = launch();
      }, restartMs);
      restartMs = Math.min(restartMs * 2, RESTART_MS.max); // X2
    });
    return launched;
  }

  const stop = async () => {
    stopping = true;
    clearTimeout(timer);
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once("exit", resolve));
    child.stdin?.destroy();
    await ended;
  };
  const ended = new AbortController();
  const closed = new Promise((resolve) => child.once("close", resolve));
  child.once("exit", () => ended.abort());
  answers = (await answersWithin(START_MS_MAX, port, ended.signal)) && !ended.signal.aborted;
  if (!answers) {
    const hasEnded = ended.signal.aborted;
    await stop();
    await closed; // its last words are read then
    const why = hasEnded
      ? `ended: ${lastLine.split("\n").at(-1) || "said nothing"}`
      : "does not answer";
    throw new StartError(`dynoxide, the DynamoDB engine, ${why}`);
  }
  return { endpoint: `http://${HOST}:${port}`, stop };
}

function binaryOf(packageName: string): string {
  try {
    const found = createRequire(import.meta.url).resolve(`${packageName}/package.json`);
    const binary = join(dirname(found), "dynoxide");
    accessSync(binary, constants.X_OK); // an install that was cut short has a package without it
    return binary;
  } catch (cause) {
    throw new StartError(
      `no DynamoDB engine for ${process.platform}-${process.arch}: ${packageName} is not installed; set VMSYNC_DYNAMODB_ENDPOINT to the URL of another engine, such as DynamoDB Local`,
      { cause },
    );
  }
}

/** False also as soon as the engine has ended: that it cannot open its file is no reason to wait. */
async function answersWithin(ms: number, port: number, ended: AbortSignal): Promise<boolean> {
  for (const until = Date.now() + ms; Date.now() < until && !ended.aborted; ) {
    if (await accepts(port)) return true;
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
  return false;
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, HOST);
    socket.once("connect", () => resolve(true));
    socket.once("error", () => resolve(false));
    socket.once("close", () => resolve(false));
    socket.once("connect", () => socket.destroy());
  });
}
