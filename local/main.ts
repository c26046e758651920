/** `npm start`: the stack on this machine, until it is told to stop. */
import { join } from "node:path";
import { HELP, type LocalOptions, parseOptions } from "./options.ts";
import { type SimulatedHosts, startSimulatedHosts } from "./simulated-hosts.ts";
import { StartError } from "./start-error.ts";
import { type Stack, startStack } from "./start-stack.ts";
import { orTakenDown, teardown } from "./teardown.ts";
import { TemplateError } from "./template/template.ts";

/** A stop that takes longer ends by itself: nothing depends on its being clean. */
const STOP_MS_MAX = 10_000;

const parsed = parseOptions(process.argv.slice(2));
switch (parsed.kind) {
  case "help":
    process.stdout.write(HELP);
    break;
  case "refused":
    fail(parsed.reason);
    break;
  case "run":
    await run(parsed.options).catch((error: unknown) => {
      // One line for what a person can put right; anything else is a bug and shows where it is.
      if (error instanceof StartError || error instanceof TemplateError) fail(error.message);
      else fail(error instanceof Error ? (error.stack ?? error.message) : String(error));
    });
    break;
  default:
    parsed satisfies never;
}

async function run(options: LocalOptions): Promise<void> {
  const down = teardown();
  const told = toldToStop();
  const say = options.json ? sayJson : sayText;
  void told.then((why) => {
    say({ event: "stopping", why });
    endSoon();
  });
  const stack = await start(options, say);
  down.defer(stack.stop);
  const hosts = startHosts(options, { stack, say });
  const ended = hosts.then((started) => {
    down.defer(started.stop);
    return new Promise<never>(() => {});
  });
  const why = await orTakenDown(down, () => Promise.race([told, stack.broken, ended]));
  if (why instanceof Error) {
    fail(`${why.message}: ${String(why.cause)}`);
    endSoon();
  }
  await down.run();
  // Hosts that were still starting wait for a control plane that is gone.
  process.exit();
}

async function start(options: LocalOptions, say: (said: Said) => void): Promise<Stack> {
  const stack = await startStack({
    ...options,
    dynamoDbEndpoint: process.env["VMSYNC_DYNAMODB_ENDPOINT"],
    onProgress: (what) => say({ event: "progress", what }),
    ...(options.verbose && { onLog: (text) => process.stderr.write(text) }),
  });
  const { url, adminToken, adminTokenFile } = stack;
  say({ event: "ready", url, adminToken, adminTokenFile });
  return stack;
}

async function startHosts(
  options: LocalOptions,
  { stack, say }: { readonly stack: Stack; readonly say: (said: Said) => void },
): Promise<Pick<SimulatedHosts, "stop">> {
  const { hosts: count, vmsPerHost } = options;
  if (count === 0) return { stop: async () => {} };
  const hosts = await startSimulatedHosts({
    ...options,
    ...stack,
    folder: join(stack.dataFolder, "hosts"),
    onNote: (note) => {
      if (options.verbose || note.level !== "info") say({ event: "agent", ...note });
    },
  });
  say({ event: "progress", what: `${count} simulated hosts are up, ${vmsPerHost} VMs each` });
  return hosts;
}

function endSoon(): void {
  setTimeout(() => process.exit(), STOP_MS_MAX).unref();
}

/** Resolves at the first signal; a second one ends the process at once, as usual. */
function toldToStop(): Promise<string> {
  return new Promise((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM"] as const)
      process.once(signal, () => resolve(signal));
  });
}

type Said =
  | { readonly event: "progress"; readonly what: string }
  | {
      readonly event: "ready";
      readonly url: string;
      readonly adminToken: string;
      readonly adminTokenFile: string;
    }
  | { readonly event: "agent"; readonly hostId: string; readonly message: string }
  | { readonly event: "stopping"; readonly why: string };

function sayJson(said: Said): void {
  process.stdout.write(`${JSON.stringify(said)}\n`);
}

function sayText(said: Said): void {
  process.stdout.write(`${textOf(said)}\n`);
}

function textOf(said: Said): string {
  switch (said.event) {
    case "progress":
      return said.what;
    case "ready":
      return [
        `vmsync is up: ${said.url}`,
        `admin token:  ${said.adminToken}`,
        `              (also in ${said.adminTokenFile})`,
        `try:          curl -H "Authorization: Bearer $(cat ${said.adminTokenFile})" ${said.url}/v1/vms`,
      ].join("\n");
    case "agent":
      return `${said.hostId}: ${said.message}`;
    case "stopping":
      return `${said.why}: stopping`;
    default:
      return said satisfies never;
  }
}

function fail(reason: string): void {
  process.stderr.write(`vmsync: ${reason}\n`);
  process.exitCode = 1;
}
