import { describe, expect, it } from "vitest";
import { isUnavailable } from "../../../shared/http/unavailable.ts";

const transient = Object.assign(new Error("throttled"), { transient: true });

describe("a failure", () => {
  it("is of the moment if its adapter marked it so", () => {
    expect(isUnavailable(transient)).toBe(true);
  });

  it("is of the moment however it was wrapped", () => {
    const wrapped = new Error("turn of 1", {
      cause: new Error("commit of 1", { cause: transient }),
    });
    expect(isUnavailable(wrapped)).toBe(true);
    expect(isUnavailable(new AggregateError([new Error("a bug"), wrapped]))).toBe(true);
  });

  it.each([
    new Error("a bug"),
    Object.assign(new Error("no rights"), { transient: false }),
    new AggregateError([]),
    { transient: true },
    "transient",
    undefined,
  ])("is a bug otherwise: %s", (error) => {
    expect(isUnavailable(error)).toBe(false);
  });

  it("that is its own cause is looked at a few times only", () => {
    const loop = new Error("loop");
    loop.cause = loop;
    expect(isUnavailable(loop)).toBe(false);
  });
});
