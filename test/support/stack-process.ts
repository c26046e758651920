/** `npm start` as a process of its own: to be told to stop, or killed. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import * as z from "zod/mini";

const MAIN = join(import.meta.dirname, "../../local/main.ts");

const Line = z.looseObject({ event: z.string(), what: z.optional(z.string()) });
const Ready = z.object({ url: z.string(), adminToken: z.string(), adminTokenFile: z.string() });

export type Ended = {
  readonly code: number | null;
  readonly stderr: string;
};

export interface StackProcess {
  /** When it serves; rejects with what it said if it ends before. */
  readonly ready: Promise<z.infer<typeof Ready>>;
  /** When it has said this as progress. */
  readonly said: (what: string) => Promise<void>;
  readonly ended: Promise<Ended>;
  readonly kill: (signal: "SIGTERM" | "SIGINT" | "SIGKILL") => Promise<Ended>;
}

/** Starts `local/main.ts --json` with these arguments. */
export function stackProcess(
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): StackProcess {
  const flags = ["--disable-warning=ExperimentalWarning"];
  const child: ChildProcess = spawn(process.execPath, [...flags, MAIN, "--json", ...args], {
    env: { ...process.env, ...environment },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const stderr: string[] = [];
  child.stderr?.on("data", (chunk: Buffer) => stderr.push(String(chunk)));
  const ended = once(child, "close").then(
    ([code]): Ended => ({ code: typeof code === "number" ? code : null, stderr: stderr.join("") }),
  );
  const ready = Promise.withResolvers<z.infer<typeof Ready>>();
  const said = new Map<string, PromiseWithResolvers<void>>();
  const saying = (what: string) => {
    const known = said.get(what) ?? Promise.withResolvers<void>();
    said.set(what, known);
    return known;
  };
  if (child.stdout)
    createInterface(child.stdout).on("line", (text) => {
      const line = Line.parse(JSON.parse(text));
      if (line.event === "ready") ready.resolve(Ready.parse(line));
      if (line.what !== undefined) saying(line.what).resolve();
    });
  void ended.then(({ code, stderr: text }) =>
    ready.reject(new Error(`ended with ${code}: ${text}`)),
  );
  ready.promise.catch(() => {}); // Who only waits for the end does not look at it.
  return {
    ready: ready.promise,
    said: (what) => saying(what).promise,
    ended,
    kill: (signal) => {
      child.kill(signal);
      return ended;
    },
  };
}
