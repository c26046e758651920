/** `npm start`: the stack on this machine, until it is told to stop. */
import { join } from "node:path";
import { HELP, type LocalOptions, parseOptions } from "./options.ts";
import { startSimulatedHosts } from "./simulated-hosts.ts";
import { StartError } from "./start-error.ts";
import { type Stack, startStack } from "./start-stack.ts";
import { orTakenDown, type Teardown, teardown } from "./teardown.ts";
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
  const stack = await orTakenDown(down, () => start(options, { down, say }));
  const why = await Promise.race([told, stack.broken]);
  if (why instanceof Error) fail(`${why.message}: ${String(why.cause)}`);
  else say({ event: "stopping", why });
  setTimeout(() => process.exit(), STOP_MS_MAX).unref();
  await down.run();
}

async function start(
  options: LocalOptions,
  { down, say }: { readonly down: Teardown; readonly say: (said: Said) => void },
): Promise<Stack> {
  const stack = await startStack({
    ...options,
    dynamoDbEndpoint: process.env["VMSYNC_DYNAMODB_ENDPOINT"],
    onProgress: (what) => say({ event: "progress", what }),
    ...(options.verbose && { onLog: (text) => process.stderr.write(text) }),
  });
  down.defer(stack.stop);
  const { url, adminToken, adminTokenFile } = stack;
  say({ event: "ready", url, adminToken, adminTokenFile });
  if (options.hosts === 0) return stack;
  const hosts = await startSimulatedHosts({
    ...options,
    ...stack,
    folder: join(stack.dataFolder, "hosts"),
    onNote: (note) => {
      if (options.verbose || note.level !== "info") say({ event: "agent", ...note });
    },
  });
  down.defer(hosts.stop);
  const { hosts: count, vmsPerHost } = options;
  say({ event: "progress", what: `${count} simulated hosts are up, ${vmsPerHost} VMs each` });
  return stack;
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
