/** What the benchmarks of the whole stack run on: the stack with data on disk, simulated hosts, VMs, and clients. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Settings } from "../../shared/model/settings.ts";
import { type OwnWork, synthesiseWith } from "../../test/support/own-work.ts";
import { type RunningStack, runningStack } from "../../test/support/running-stack.ts";
import { readCalls, watchAgentCalls } from "./aws-calls.ts";
import { type Load, startLoad } from "./load.ts";

export interface Site {
  readonly stack: RunningStack["stack"];
  readonly vmIds: readonly string[];
  readonly load: Load;
  /** Resolves when nothing that jobs set off is under way any more. */
  readonly quiet: () => Promise<void>;
  readonly stop: () => Promise<void>;
}

export interface SiteProps {
  readonly hosts: number;
  readonly vms: number;
  /** A work type beside the project's own. */
  readonly work?: OwnWork;
  /** Settings that are not the defaults, as `name=value`. */
  readonly set?: readonly string[];
  /** Node's own options for the functions' threads. */
  readonly execArgv?: readonly string[];
}

const STACK = { stage: "vmsync", settings: Settings.parse({}) };
/** Guests change at once: what is measured is the control plane. */
const INSTANT = { startMs: 1, shutdownMs: 1, powerOffMs: 1 };
/** Agents gather events for up to a second. */
const QUIET_MS = 1_500;
const LOOK_EVERY_MS = 250;

export async function startSite({
  hosts,
  vms,
  work,
  set = [],
  execArgv = [],
}: SiteProps): Promise<Site> {
  watchAgentCalls();
  const folder = await mkdtemp(join(tmpdir(), "vmsync-bench-"));
  const running = await runningStack({
    ...{ set, execArgv },
    data: { kind: "folder", path: join(folder, "data") },
    ...(work && { synthesise: synthesiseWith(work, { ...STACK, folder: join(folder, "source") }) }),
  });
  const { stack, client } = running;
  const load = startLoad({ url: stack.url, token: stack.adminToken });
  for (let host = 0; host < hosts; host += 1) await running.addHost(`bench-${host}`, INSTANT);
  const vmIds: string[] = [];
  for (let vm = 0; vm < vms; vm += 1)
    vmIds.push((await client.createVm({ name: `bench-${vm}` })).id);
  return {
    stack,
    vmIds,
    load,
    quiet: () => quiet(stack),
    stop: async () => {
      await load.stop();
      await running.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Nothing was asked of AWS for a while, but for what asks regularly. */
async function quiet(stack: RunningStack["stack"]): Promise<void> {
  let seen = "";
  for (let stillMs = 0; stillMs < QUIET_MS; stillMs += LOOK_EVERY_MS) {
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
    const { functions } = readCalls(stack.calls);
    const now = JSON.stringify(functions);
    if (now !== seen) stillMs = 0;
    seen = now;
  }
}
