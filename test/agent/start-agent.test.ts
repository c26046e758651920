import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openDataFolder } from "../../agent/data-folder.ts";
import { simulatedHypervisor } from "../../agent/hypervisor/simulated.ts";
import { startAgent } from "../../agent/start-agent.ts";
import { systemTime } from "../../agent/time.ts";
import { HostId } from "../../shared/model/ids.ts";

const HOST = HostId.parse("host-1");

let dataFolder = "";
beforeEach(async () => {
  dataFolder = await mkdtemp(join(tmpdir(), "vmsync-agent-"));
});
afterEach(() => rm(dataFolder, { recursive: true }));

test("a start that is given up before its folder is open ends, though the host has joined, and frees the folder", async () => {
  const controlPlaneUrl = "http://127.0.0.1:1/";
  const joined = await openDataFolder(dataFolder);
  await joined.writeIdentity({
    v: 1,
    hostId: HOST,
    controlPlane: controlPlaneUrl,
    joinTokenHash: "",
  });
  await joined.close();
  const starting = startAgent({
    controlPlaneUrl,
    hostId: HOST,
    dataFolder,
    hypervisor: simulatedHypervisor({ time: systemTime(), random: Math.random }),
    note: () => {},
    signal: AbortSignal.abort(),
  });
  await expect(starting).rejects.toThrow("the agent stops");
  await (await openDataFolder(dataFolder)).close();
});
