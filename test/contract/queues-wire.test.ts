import { describe } from "vitest";
import { apartmentQueueContract } from "./apartment-queue.contract.ts";
import { busContract } from "./bus.contract.ts";
import { commandQueuesContract } from "./command-queues.contract.ts";
import { openWireQueues } from "./queue-world.ts";
import { redeliveryContract } from "./redelivery.contract.ts";

describe("over the local wire server", () => {
  apartmentQueueContract(openWireQueues);
  redeliveryContract(openWireQueues);
  commandQueuesContract(openWireQueues);
  busContract(openWireQueues);
});
