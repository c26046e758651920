import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import * as z from "zod/mini";
import { openBusEngine } from "../../../local/engine/bus-engine.ts";
import { systemClock } from "../../../local/engine/clock.ts";
import { openQueueEngine } from "../../../local/engine/queue-engine.ts";
import { openStore } from "../../../local/store/open-store.ts";
import { CRASH_RULES } from "./crash-rules.ts";

const Said = z.object({ sent: z.unknown(), handles: z.array(z.string()) });

/** Starts the child, kills it once it has said what it got, and waits for its end. */
async function useAndKill(file: string) {
  const child = spawn(
    process.execPath,
    [fileURLToPath(new URL("crash-child.ts", import.meta.url)), file],
    {
      stdio: ["ignore", "pipe", "ignore"],
    },
  );
  const lines = createInterface({ input: child.stdout });
  const [line] = await once(lines, "line");
  const ended = once(child, "exit");
  child.kill("SIGKILL");
  await ended;
  return z.parse(Said, JSON.parse(String(line)));
}

describe("after kill -9", () => {
  let folder = "";
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "vmsync-crash-"));
  });
  afterEach(() => rm(folder, { recursive: true }));

  it("finds messages, receipt handles, receive counts, de-duplication windows and deliveries as they were answered", async () => {
    const file = join(folder, "local.sqlite");
    const { sent, handles } = await useAndKill(file);
    const store = openStore(file);
    const common = { store, clock: systemClock, region: "us-east-1", accountId: "111111111111" };
    const queues = openQueueEngine(common);
    const queueName = "q.fifo";
    const receive = { action: "receiveMessage", queueName, messagesMax: 10 } as const;

    // Two of group a are in flight; of b the one was deleted; c was never received.
    const left = await queues.request(receive);
    expect(left).toMatchObject({ kind: "received", messages: [{ body: "4" }] });
    const entry = { body: "1", groupId: "a", deduplicationId: "1" };
    const again = { action: "sendMessage", queueName, senderId: "parent", entry } as const;
    expect(await queues.request(again)).toEqual(sent);

    const [first = "", second = ""] = handles;
    expect(
      await queues.request({ action: "deleteMessage", queueName, receiptHandle: first }),
    ).toEqual({
      kind: "done",
    });
    await queues.request({
      action: "changeMessageVisibility",
      queueName,
      receiptHandle: second,
      visibilityTimeoutSeconds: 0,
    });
    const back = await queues.request(receive);
    const system = { ApproximateReceiveCount: "2", MessageGroupId: "a" };
    expect(back).toMatchObject({ kind: "received", messages: [{ body: "2", system }] });

    // The delivery had been taken; the lease died with the process (B3).
    const bus = openBusEngine({ ...common, rules: CRASH_RULES, queues });
    const [delivery] = await bus.take({ max: 10, leaseMs: 1_000 });
    expect(JSON.parse(delivery?.payload ?? "{}")).toMatchObject({
      source: "child",
      detail: { n: 1 },
    });
    await store.close();
  });
});
