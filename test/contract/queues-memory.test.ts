import { describe } from "vitest";
import { apartmentQueueContract } from "./apartment-queue.contract.ts";
import { busContract } from "./bus.contract.ts";
import { commandQueuesContract } from "./command-queues.contract.ts";
import { openMemoryQueues } from "./queue-world.ts";
import { redeliveryContract } from "./redelivery.contract.ts";

describe("in memory", () => {
  apartmentQueueContract(openMemoryQueues);
  redeliveryContract(openMemoryQueues);
  commandQueuesContract(openMemoryQueues);
  busContract(openMemoryQueues);
});
