import { describe, expect, it } from "vitest";
import { turnstile } from "../../../local/lambda/turnstile.ts";

describe("a turnstile", () => {
  it("lets so many through at a time, in their order, also past a failure", async () => {
    const { pass } = turnstile(2);
    const started: number[] = [];
    const gates = Array.from({ length: 4 }, () => Promise.withResolvers<void>());
    const passing = gates.map((gate, at) =>
      pass(async () => {
        started.push(at);
        await gate.promise;
        return at;
      }),
    );
    expect(started).toEqual([0, 1]);
    gates[1]?.reject(new Error("fell"));
    await expect(passing[1]).rejects.toThrow("fell");
    expect(started).toEqual([0, 1, 2]);
    gates[0]?.resolve();
    expect(await passing[0]).toBe(0);
    expect(started).toEqual([0, 1, 2, 3]);
    for (const gate of gates) gate.resolve();
    expect(await Promise.all([passing[2], passing[3]])).toEqual([2, 3]);
  });
});
