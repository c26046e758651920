import { describe, expect, it } from "vitest";
import { returnDeadLetter } from "../../../shared/app/return-dead-letters.ts";
import { hostApartmentId } from "../../../shared/model/ids.ts";
import { aMessage, hostId, jobIdOf, vmId } from "../../support/a-record.ts";
import { aWorld } from "../../support/memory-world.ts";

const message = aMessage({ kind: "submit", jobId: jobIdOf(1) });
const letter = { messageId: "m-1", to: vmId, message };

describe("a dead letter", () => {
  it("goes back to its apartment, marked, and opens an incident", async () => {
    const world = aWorld();
    expect(await returnDeadLetter(world.deps, letter)).toBe("returned");
    expect(world.taken()).toEqual([{ to: vmId, message: { ...message, returned: true } }]);
    expect(world.memory.tables.incidents.all()).toMatchObject([{ kind: "poison_message", vmId }]);
  });

  it("goes back once: what comes a second time is only told", async () => {
    const world = aWorld();
    const again = { ...letter, message: { ...message, returned: true as const } };
    expect(await returnDeadLetter(world.deps, again)).toBe("told");
    expect(world.taken()).toEqual([]);
    expect(world.memory.tables.incidents.all()).toHaveLength(1);
  });

  it.each([
    ["does not parse", { message: undefined }],
    ["is of a group that is no apartment's", { to: undefined }],
  ])("that %s is told", async (_, change) => {
    const world = aWorld();
    expect(await returnDeadLetter(world.deps, { ...letter, ...change })).toBe("told");
    expect(world.memory.tables.incidents.all()).toHaveLength(1);
  });

  it("of a host's apartment goes back there, with an incident about the host", async () => {
    const world = aWorld();
    const to = hostApartmentId(hostId);
    expect(await returnDeadLetter(world.deps, { ...letter, to })).toBe("returned");
    expect(world.taken()).toMatchObject([{ to }]);
    expect(world.memory.tables.incidents.all()).toMatchObject([{ hostId }]);
  });

  it("handed over twice opens one incident", async () => {
    const world = aWorld();
    await returnDeadLetter(world.deps, letter);
    await returnDeadLetter(world.deps, letter);
    expect(world.memory.tables.incidents.all()).toHaveLength(1);
  });
});
