import { describe, expect, it } from "vitest";
import { spareCore } from "../../../local/lambda/spare-core.ts";

/** Idle time of all cores that grows by so much with each look; the last goes on. */
const machine = (...idlePerLookMs: readonly [number, ...number[]]) => {
  const left = [...idlePerLookMs];
  let idle = 0;
  let looks = 0;
  return {
    idleMs: () => idle,
    pause: async () => {
      looks += 1;
      idle += (left.length > 1 ? left.shift() : left[0]) ?? 0;
    },
    looks: () => looks,
  };
};

describe("a core to spare", () => {
  it("is there when half of one was idle", async () => {
    const idle = machine(25);
    await spareCore({ ...idle, isEnough: () => false });
    expect(idle.looks()).toBe(1);
  });

  it("is waited for while all are busy", async () => {
    const busy = machine(0, 10, 20, 60);
    await spareCore({ ...busy, isEnough: () => false });
    expect(busy.looks()).toBe(4);
  });

  it("is not waited for any longer when it has been enough", async () => {
    const busy = machine(0);
    await spareCore({ ...busy, isEnough: () => busy.looks() === 20 });
    expect(busy.looks()).toBe(20);
  });

  it("is found on this machine", async () => {
    const until = Date.now() + 1_000;
    await expect(spareCore({ isEnough: () => Date.now() > until })).resolves.toBeUndefined();
  });
});
