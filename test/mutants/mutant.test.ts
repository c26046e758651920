import { describe, expect, it } from "vitest";
import { parseMutant, readMutants } from "./mutant.ts";

const HEAD = "Drops: a check\nBreaks: A2\nKiller: sim --seeds 1..3\nSays: A2 broke\n\n";
const DIFF = "diff --git a/x.ts b/x.ts\n--- a/x.ts\n+++ b/x.ts\n";

describe("a mutant's patch", () => {
  it("says in its head what it drops, what that breaks, and what must notice", () => {
    expect(parseMutant("somewhere/no-check.patch", HEAD + DIFF)).toMatchObject({
      name: "no-check",
      drops: "a check",
      breaks: "A2",
      killer: { kind: "sim", args: ["--seeds", "1..3"] },
      says: "A2 broke",
    });
  });

  it.each([
    ["a head without a killer", HEAD.replace(/^Killer.*\n/m, "") + DIFF, "Killer"],
    ["a killer of another kind", HEAD.replace("sim ", "luck ") + DIFF, "killer"],
    ["no diff", HEAD, "diff"],
  ])("with %s is refused by its name", (_, text, reason) => {
    expect(() => parseMutant("no-check.patch", text)).toThrow(
      new RegExp(`mutant no-check.*${reason}`),
    );
  });
});

describe("the mutants kept here", () => {
  it("can all be read, and are more than ten", () => {
    expect(readMutants(import.meta.dirname).length).toBeGreaterThan(10);
  });
});
