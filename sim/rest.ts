/** What must hold when nothing goes wrong any more and everything has had its time. */
import { MEMORY_APARTMENT_QUEUE } from "../shared/memory/memory-apartment-queue.ts";
import type { ApartmentRecord } from "../shared/model/apartment-record.ts";
import { hasEnded } from "../shared/model/job.ts";
import type { SimHost } from "./sim-host.ts";
import { DEAD_LETTER_QUEUE, type World } from "./world.ts";

/** What is not at rest yet; nothing, if all is. */
export function restOf(world: World, hosts: readonly SimHost[]): string | undefined {
  return waitingMessages(world) ?? unendedJobs(world) ?? untrueRecords(world, hosts);
}

function waitingMessages({ memory }: World): string | undefined {
  const commandQueues = memory.tables.hosts
    .all()
    .flatMap(({ queueUrl }) => (queueUrl === undefined ? [] : [memory.queues.nameIn(queueUrl)]));
  const full = [MEMORY_APARTMENT_QUEUE, DEAD_LETTER_QUEUE, ...commandQueues].find(
    (queueName) => memory.queues.nextDueAt(queueName) !== undefined,
  );
  return full === undefined ? undefined : `the queue ${full} is not empty`;
}

function unendedJobs({ memory }: World): string | undefined {
  const job = memory.tables.jobs.all().find(({ status }) => !hasEnded(status));
  return job === undefined ? undefined : `A8: job ${job.id} (${job.type}) is ${job.status}`;
}

function untrueRecords({ memory }: World, hosts: readonly SimHost[]): string | undefined {
  for (const record of memory.tables.apartments.all()) {
    const wrong = untrue(record, hosts);
    if (wrong !== undefined) return wrong;
  }
  return undefined;
}

/** Running means: on at that host and nowhere else; any other state: on nowhere. */
function untrue({ id, vm }: ApartmentRecord, hosts: readonly SimHost[]): string | undefined {
  const heldAt = hosts.flatMap(({ hostId, hypervisor }) =>
    hypervisor.behindTheBack.seen(id)?.held === true ? [hostId] : [],
  );
  const wanted = vm.state === "Running" ? [vm.hostId] : [];
  if (heldAt.join() === wanted.join()) return undefined;
  return `the record of ${id} says ${vm.state} at ${vm.hostId ?? "no host"}, and it is on at [${heldAt.join(", ")}]`;
}
