import { describe, expect, it } from "vitest";
import { orTakenDown, teardown } from "../../local/teardown.ts";

describe("taking down", () => {
  it("goes in the opposite order, once, past an end that throws", async () => {
    const order: string[] = [];
    const down = teardown();
    down.defer(() => order.push("first"));
    down.defer(() => {
      order.push("second");
      throw new Error("stuck");
    });
    down.defer(async () => void order.push("third"));
    await expect(down.run()).rejects.toThrow("stuck");
    await down.run();
    expect(order).toEqual(["third", "second", "first"]);
  });

  it("happens when making fails half-way, and tells of that failure", async () => {
    const order: string[] = [];
    const making = orTakenDown(teardown(), async (down) => {
      down.defer(() => {
        order.push("made");
        throw new Error("another one");
      });
      throw new Error("half-way");
    });
    await expect(making).rejects.toThrow("half-way");
    expect(order).toEqual(["made"]);
  });

  it("is left to the caller when making succeeds", async () => {
    const order: string[] = [];
    const down = teardown();
    await orTakenDown(down, async () => down.defer(() => order.push("made")));
    expect(order).toEqual([]);
  });
});
