/** Apartments of several VMs over the ports in memory, with jobs of given types, turned by hand or until they come to rest. */
import type { SQSRecord } from "aws-lambda";
import { parseMessage } from "../../shared/app/parse-message.ts";
import { submission } from "../../shared/app/submission.ts";
import { wakeDue } from "../../shared/app/sweep.ts";
import { type Delivery, takeTurns } from "../../shared/app/take-turns.ts";
import type { AnyWorkType } from "../../shared/core/work-type.ts";
import { MEMORY_APARTMENT_QUEUE } from "../../shared/memory/memory-apartment-queue.ts";
import { VmId } from "../../shared/model/ids.ts";
import type { JobRecord } from "../../shared/model/job.ts";
import type { Settings } from "../../shared/model/settings.ts";
import { byName } from "../../shared/work/registry.ts";
import { aJob, aRecord } from "./a-record.ts";
import { errand, gather } from "./errands.ts";
import { aWorld, type World } from "./memory-world.ts";

/** As the sweeper. */
const LOOK_EVERY_MS = 5_000;
/** Far more than any world that comes to rest needs. */
const ROUNDS_MAX = 2_000;

export class JobWorld {
  readonly world: World;
  deps: Parameters<typeof takeTurns>[0];
  /** What comes again, before all else. */
  private again: SQSRecord[] = [];

  constructor(
    options: { readonly work?: readonly AnyWorkType[]; readonly settings?: Partial<Settings> } = {},
    /** Absent: a new one. */
    shared?: World,
  ) {
    this.world = shared ?? aWorld(options.settings ?? {});
    this.deps = { ...this.world.deps, work: byName(options.work ?? [errand, gather]) };
  }

  /** Makes the VM, if it is new, and submits a job for it. */
  async submit(n: number, job: Partial<JobRecord>): Promise<JobRecord> {
    const submitted = aJob(n, { createdAt: this.world.clock.at, ...job });
    const { submissions, apartmentQueue } = this.world.deps;
    if (submitted.vmId !== undefined && this.record(submitted.vmId) === undefined)
      await submissions.accept({ vm: { record: aRecord({ id: submitted.vmId }) }, now: 0 });
    await submissions.accept({ job: submitted, now: 0 });
    const message = submission(submitted);
    if (message !== undefined) await apartmentQueue.send([message]);
    return submitted;
  }

  job(job: Pick<JobRecord, "id">): JobRecord {
    const found = this.world.memory.tables.jobs.get(job.id);
    if (found === undefined) throw new Error(`there is no job ${job.id}`);
    return found;
  }

  /** Those that a job started, in the order of their VMs. */
  startedBy({ id }: Pick<JobRecord, "id">): readonly JobRecord[] {
    return this.world.memory.tables.jobs
      .all()
      .filter(({ parentId }) => parentId === id)
      .toSorted((one, other) => ((one.vmId ?? "") < (other.vmId ?? "") ? -1 : 1));
  }

  record(vmId: VmId) {
    return this.world.memory.tables.apartments.get(vmId);
  }

  /** Takes the turns of what waits in the queue, at most ten messages; whether there were any. */
  async turn(
    alter: (records: SQSRecord[], times: "once" | "again") => SQSRecord[] = (records) => records,
  ): Promise<boolean> {
    const times = this.again.length > 0 ? "again" : "once";
    const Records = times === "again" ? this.again : this.world.takenEvent().Records;
    if (Records.length === 0) return false;
    const failed = await takeTurns(this.deps, alter(Records, times).map(deliveryOf));
    this.again = Records.filter(({ messageId }) => failed.includes(messageId));
    return true;
  }

  /** Until no message waits; time stands still. */
  async drain(): Promise<void> {
    for (let rounds = 0; rounds < ROUNDS_MAX; rounds += 1) if (!(await this.turn())) return;
    throw new Error("the world does not come to rest");
  }

  /** No message waits. */
  isQuiet(): boolean {
    const { queues } = this.world.memory;
    return this.again.length === 0 && queues.nextDueAt(MEMORY_APARTMENT_QUEUE) === undefined;
  }

  /** Time comes to what is due next; whether anything is. */
  async tick(): Promise<boolean> {
    const { clock } = this.world;
    const [next] = await this.deps.apartments.due({ before: Number.MAX_SAFE_INTEGER, limit: 1 });
    if (next === undefined) return false;
    // What was due before and was not heard is looked at again, until its message is not taken for the last one.
    clock.at = Math.max(next.wakeAt, clock.at + (next.wakeAt <= clock.at ? LOOK_EVERY_MS : 0));
    await wakeDue({ ...this.world.deps, ...this.deps });
    return true;
  }

  /** Until nothing is due any more. */
  async finish(): Promise<void> {
    for (let rounds = 0; rounds < ROUNDS_MAX; rounds += 1) {
      await this.drain();
      if (!(await this.tick())) return;
    }
    throw new Error("A8: the world does not come to its end");
  }
}

/** The n-th VM of a world. */
export function vmIdNumber(n: number): VmId {
  return VmId.parse(`55555555-5555-4555-8555-${n.toString().padStart(12, "0")}`);
}

function deliveryOf({ messageId, receiptHandle, attributes, body }: SQSRecord): Delivery {
  return {
    messageId,
    receiptHandle,
    receiveCount: 1,
    group: attributes.MessageGroupId ?? "",
    sequence: attributes.SequenceNumber ?? "",
    content: parseMessage(body),
  };
}
