/**
 * The whole stack is killed in the middle of jobs and started again, with hosts that go on meanwhile. Every job that was
 * accepted ends right, and its host was told once: the hypervisors have the last word.
 */
import { randomUUID } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { simulatedHypervisor } from "../../agent/hypervisor/simulated.ts";
import { type StartedAgent, startAgent } from "../../agent/start-agent.ts";
import { systemTime } from "../../agent/time.ts";
import { probePort } from "../../local/data-folder.ts";
import { Job } from "../../shared/model/job.ts";
import { type Client, clientOf, registerHost } from "../support/running-stack.ts";
import { type StackProcess, stackProcess } from "../support/stack-process.ts";

const TEST_MS_MAX = 240_000;
const HOSTS = 3;
const VMS = 12;
/** One round of jobs each; the stack dies in the middle of every one. */
const ROUNDS = ["start", "stop", "start"] as const;
/** How much of a round has reached the hypervisors when the stack dies: nothing yet, some, nearly all. */
const KILLED_AFTER_ACTIONS = [1, VMS / 2, VMS - 1];
/** While the stack is down a caller is refused; it asks again with the same key. */
const ASK_AGAIN_MS = 200;

describe("kill -9 in the middle of jobs", { timeout: TEST_MS_MAX }, () => {
  const folder = mkdtempSync(join(tmpdir(), "vmsync-kill-"));
  const agents: StartedAgent[] = [];
  /** What each VM's hypervisors were asked to do, in order. */
  const actions = new Map<string, string[]>();
  const watchers = new Set<() => void>();
  let args: readonly string[];
  let stack: StackProcess;
  let client: Client;

  beforeAll(async () => {
    args = ["--port", String(await probePort(0)), "--data", join(folder, "data")];
    stack = stackProcess(args);
    const { url, adminToken } = await stack.ready;
    client = clientOf({ url, token: adminToken });
    for (let at = 1; at <= HOSTS; at++) {
      const { hostId, joinToken } = await registerHost(client, `host-${at}`);
      const simulated = simulatedHypervisor({ time: systemTime(), random: Math.random });
      const note = (vmId: string, action: string) => {
        actions.set(vmId, [...(actions.get(vmId) ?? []), action]);
        for (const watcher of watchers) watcher();
      };
      const agent = await startAgent({
        controlPlaneUrl: url,
        hostId,
        joinToken,
        dataFolder: join(folder, hostId),
        hypervisor: {
          ...simulated,
          start: (request) => {
            note(request.vmId, "start");
            return simulated.start(request);
          },
          requestShutdown: (vmId) => {
            note(vmId, "stop");
            return simulated.requestShutdown(vmId);
          },
          powerOff: (vmId) => {
            note(vmId, "power off");
            return simulated.powerOff(vmId);
          },
        },
        note: () => {},
      });
      agents.push(agent);
    }
  }, TEST_MS_MAX);
  afterAll(async () => {
    await Promise.all(agents.map((agent) => agent.stop()));
    await stack.kill("SIGKILL");
    rmSync(folder, { recursive: true, force: true });
  });

  /** Resolves when the hypervisors have been asked for that many things in all. */
  const actionsAre = (count: number) =>
    new Promise<void>((resolve) => {
      const look = () => {
        if ([...actions.values()].flat().length < count) return;
        watchers.delete(look);
        resolve();
      };
      watchers.add(look);
      look();
    });
  const killAndStart = async () => {
    await stack.kill("SIGKILL");
    stack = stackProcess(args);
    await stack.ready;
  };
  /** As a client does it: with a key, again and again until there is an answer. */
  const submit = async (vmId: string, verb: string): Promise<Job> => {
    const key = randomUUID();
    for (;;) {
      const reply = await client
        .call("POST", `/v1/vms/${vmId}/${verb}`, {}, { "idempotency-key": key })
        .catch(() => undefined);
      if (reply?.status === 202) return Job.parse(reply.body);
      if (reply !== undefined && reply.status < 500)
        throw new Error(`${verb}: ${reply.status} ${JSON.stringify(reply.body)}`);
      await new Promise((resolve) => setTimeout(resolve, ASK_AGAIN_MS));
    }
  };

  it("loses no job and repeats none", async () => {
    const vms = await Promise.all(
      Array.from({ length: VMS }, (_, at) => client.createVm({ name: `vm-${at}` })),
    );
    const ids: string[] = vms.map(({ id }) => id);
    for (const [round, verb] of ROUNDS.entries()) {
      const accepted = Promise.all(ids.map((id) => submit(id, verb)));
      await actionsAre(round * VMS + (KILLED_AFTER_ACTIONS[round] ?? 1));
      await killAndStart();
      const jobs: Job[] = [];
      // One after the other: a caller that waits holds a worker, and a dozen of them start as slowly as the rest goes on.
      for (const { id } of await accepted) jobs.push(await client.ended(id));
      expect(jobs.map(({ status, error }) => ({ status, error }))).toEqual(
        Array(VMS).fill({ status: "succeeded", error: undefined }),
      );
    }
    for (const id of ids) {
      expect(actions.get(id)).toEqual([...ROUNDS]);
      expect(await client.vm(id)).toMatchObject({ state: "Running", power: { state: "on" } });
    }
    const { body } = await client.call("GET", "/v1/incidents?state=open");
    expect(body).toEqual({ items: [] });
  });
});
