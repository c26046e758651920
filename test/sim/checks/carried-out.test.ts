import { describe, expect, it } from "vitest";
import { witnessed } from "../../../sim/checks/carried-out.ts";
import { hostId, jobIdOf, vmId } from "../../support/a-record.ts";
import { aWorld } from "../../support/memory-world.ts";

describe("room that is given back", () => {
  it("is told of when it was held and is not any more, and not when a release comes again or too late", async () => {
    const { deps, memory } = aWorld();
    const told: string[] = [];
    const { placement } = witnessed(deps, {
      ...{
        carriedOut: () => {},
        projected: () => {},
        toldOnBus: () => {},
        listenersFound: () => {},
      },
      givenBack: (room) => told.push(`${room.hostId} ${room.vmId}`),
    });
    const hold = (revision: number) =>
      memory.tables.reservations.put(`${hostId}/${vmId}`, {
        ...{ held: true, need: { cpus: 1, memoryMiB: 1 }, jobId: jobIdOf(1), revision },
      });
    hold(1);
    await placement.release({ hostId, vmId, revision: 2 });
    await placement.release({ hostId, vmId, revision: 2 });
    expect(told).toEqual([`${hostId} ${vmId}`]);
    hold(4);
    await placement.release({ hostId, vmId, revision: 3 });
    expect(told).toHaveLength(1);
  });
});
