/** Jobs of two durable steps with the memory adapters, on this one thread: submit, turns, effects, nothing beside. */
import { performance } from "node:perf_hooks";
import { parseMessage } from "../../shared/app/parse-message.ts";
import { submission } from "../../shared/app/submission.ts";
import { takeTurns } from "../../shared/app/take-turns.ts";
import { systemNames } from "../../shared/aws/system.ts";
import { connectMemory, type Memory } from "../../shared/memory/connect.ts";
import { MEMORY_APARTMENT_QUEUE } from "../../shared/memory/memory-apartment-queue.ts";
import { VmId } from "../../shared/model/ids.ts";
import { byName } from "../../shared/work/registry.ts";
import { aJob, aRecord, settings } from "../../test/support/a-record.ts";
import { cpuSpan } from "./cpu.ts";
import { vmTwoSteps } from "./vm-two-steps.ts";

/** SQS's most. */
const BATCH_MESSAGES_MAX = 10;
/** Rounds of a run, over which the code is compiled. */
const WARM_UP_ROUNDS = 5;

export async function memoryJobsPerSecond({
  vms,
  jobs,
}: {
  readonly vms: number;
  readonly jobs: number;
}) {
  for (let round = 0; round < WARM_UP_ROUNDS; round += 1) await runJobs({ vms, jobs });
  const end = cpuSpan();
  const seconds = await runJobs({ vms, jobs });
  const use = end();
  const cpuSeconds = (use.mainMs + use.threadsMs) / 1000;
  // One core's time is what counts: collector and compiler run beside this thread where there are more.
  return { jobsPerSecond: jobs / seconds, jobsPerCpuSecond: jobs / cpuSeconds, ...use };
}

/** In a world of its own, as big after as before. */
async function runJobs({ vms, jobs }: { vms: number; jobs: number }): Promise<number> {
  const clock = { now: Date.now, sleep: async () => {} };
  const memory = connectMemory({
    clock,
    names: systemNames,
    settings,
    keeping: "as_given",
  });
  const deps = { ...memory.ports, settings, work: byName([vmTwoSteps]) };
  const ids = Array.from({ length: vms }, (_, vm) =>
    VmId.parse(`66666666-6666-4666-8666-${vm.toString().padStart(12, "0")}`),
  );
  for (const id of ids)
    await deps.submissions.accept({ vm: { record: aRecord({ id }) }, now: clock.now() });
  const begun = performance.now();
  for (let n = 0; n < jobs; n += 1) {
    const job = aJob(n, { type: vmTwoSteps.name, vmId: ids[n % vms] });
    await deps.submissions.accept({ job, now: clock.now() });
    const message = submission(job);
    if (message !== undefined) await deps.apartmentQueue.send([message]);
  }
  while (await takeBatch(memory, deps));
  const seconds = (performance.now() - begun) / 1000;
  const undone = memory.tables.jobs.all().find(({ status }) => status !== "succeeded");
  if (undone !== undefined) throw new Error(`job ${undone.id} is ${undone.status}`);
  return seconds;
}

async function takeBatch(
  { queues }: Memory,
  deps: Parameters<typeof takeTurns>[0],
): Promise<boolean> {
  const queueName = MEMORY_APARTMENT_QUEUE;
  const answer = queues.request({
    action: "receiveMessage",
    queueName,
    messagesMax: BATCH_MESSAGES_MAX,
  });
  if (answer.kind !== "received") throw new Error(`receiving answered ${answer.kind}`);
  const failed = await takeTurns(
    deps,
    answer.messages.map(({ messageId, receiptHandle, body, system }) => ({
      messageId,
      receiptHandle,
      receiveCount: 1,
      group: system["MessageGroupId"] ?? "",
      sequence: system["SequenceNumber"] ?? "",
      content: parseMessage(body),
    })),
  );
  if (failed.length > 0) throw new Error("a turn failed");
  for (const { receiptHandle } of answer.messages)
    queues.request({ action: "deleteMessage", queueName, receiptHandle });
  return answer.messages.length > 0;
}
