import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Command } from "../../shared/model/command.ts";
import { HostId } from "../../shared/model/ids.ts";
import { bootId, hostId, jobIdOf, vmId } from "../support/a-record.ts";
import type { OpenQueues, QueueWorld } from "./queue-world.ts";

const aCommand = (n: number, args: Command["args"] = {}): Command =>
  Command.parse({
    v: 1,
    commandId: `${vmId}.${n}.0`,
    ...{ bootId, vmId, jobId: jobIdOf(1), epoch: n, verb: "start", args },
    timeoutSeconds: 60,
    issuedAt: "2026-01-01T00:00:00.000Z",
  });

export function commandQueuesContract(open: OpenQueues): void {
  describe("CommandQueues", () => {
    let world: QueueWorld;
    beforeEach(async () => {
      world = await open();
    });
    afterEach(() => world.close());

    test("makes a queue for a host's generation, and finds the same one again", async () => {
      const first = await world.commandQueues.create({ hostId, generation: 1 });
      expect(await world.commandQueues.create({ hostId, generation: 1 })).toBe(first);
      expect(await world.commandQueues.create({ hostId, generation: 2 })).not.toBe(first);
      expect(new URL(first).pathname).toMatch(/\.fifo$/);
    });

    test("takes the longest host id, and keeps two that begin alike apart", async () => {
      const urls = await Promise.all(
        ["a", "b"].map((last) => {
          const long = HostId.parse("h".repeat(62) + last);
          return world.commandQueues.create({ hostId: long, generation: 12_345 });
        }),
      );
      expect(new Set(urls).size).toBe(2);
    });

    test("hands a host its commands in order, grouped by VM, each once", async () => {
      const queueUrl = await world.commandQueues.create({ hostId, generation: 1 });
      const domainXml = `<domain>${"ü".repeat(32_000)}</domain>`;
      const commands = [aCommand(1, { domainXml }), aCommand(2), aCommand(3)];
      for (const command of commands)
        expect(await world.commandQueues.send(queueUrl, command)).toBe("sent");
      expect(await world.commandQueues.send(queueUrl, aCommand(2))).toBe("sent");
      const got = await world.receiveAll(queueUrl);
      expect(got).toEqual(commands.map((body) => ({ group: vmId, body })));
    });

    test("says that a queue is gone, and removes what is gone without a word", async () => {
      const queueUrl = await world.commandQueues.create({ hostId, generation: 1 });
      await world.commandQueues.remove(queueUrl);
      expect(await world.commandQueues.send(queueUrl, aCommand(1))).toBe("queue_gone");
      await world.commandQueues.remove(queueUrl);
    });

    test("cuts credentials that last an hour at most", async () => {
      const queueUrl = await world.commandQueues.create({ hostId, generation: 1 });
      const cut = await world.commandQueues.credentials({ hostId, queueUrl });
      expect(cut.accessKeyId).not.toBe("");
      expect(cut.secretAccessKey).not.toBe("");
      expect(cut.expiresAt).toBeGreaterThan(world.now());
      expect(cut.expiresAt).toBeLessThanOrEqual(world.now() + 3_600_000);
    });

    test("says where the queues are", () => {
      expect(world.commandQueues.access.region).not.toBe("");
    });
  });
}
