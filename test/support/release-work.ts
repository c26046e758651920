/**
 * A work type of the tests' own: waits until a release that is new enough was told to `custom.release`.
 *
 * It listens first, then prepares for a while, and only then waits: what it wants to hear of can come at any moment of that.
 */
import * as z from "zod/mini";
import type { Reception, WorkRegistry } from "../../shared/core/work-type.ts";
import { defineWork } from "../../shared/work/define-work.ts";
import { registry } from "../../shared/work/registry.ts";

export const RELEASE_TOPIC = { prefix: "custom.release", match: { ready: true } };
export const PREPARE_MS = 10_000;
export const PATIENCE_MS = 3_600_000;

const Memo = z.strictObject({ phase: z.enum(["listen", "prepare", "wait"]), seen: z.int() });
const Detail = z.object({ version: z.int() });
const ALWAYS = {
  ...{ Stopped: "go", Starting: "go", Running: "go", Stopping: "go", Migrating: "go" },
  ...{ Suspended: "go", Destroyed: "go", Expunging: "go", Error: "go", Unknown: "go" },
} as const satisfies Record<string, Reception>;

export const awaitRelease = defineWork({
  name: "test.await-release",
  version: 1,
  input: z.strictObject({ version: z.int() }),
  memo: Memo,
  result: z.strictObject({ version: z.int(), seen: z.int() }),
  reception: ALWAYS,
  needsHost: false,
  begin: () => ({
    kind: "wait",
    step: "listen",
    memo: { phase: "listen", seen: 0 },
    action: { kind: "listen", topic: RELEASE_TOPIC },
    deadlineInMs: PATIENCE_MS,
    note: "listens to releases",
  }),
  resume: ({ input, memo }, wakeup) => {
    const fail = (code: "timed_out" | "cancelled") =>
      ({ kind: "fail", error: { code, detail: memo.phase }, note: code }) as const;
    const wait = (seen: number) =>
      ({
        kind: "wait",
        step: "wait",
        memo: { phase: "wait", seen },
        action: { kind: "topic" },
        deadlineInMs: PATIENCE_MS,
        note: `waits for ${input.version}`,
      }) as const;
    switch (wakeup.kind) {
      case "listening":
        return {
          kind: "wait",
          step: "prepare",
          memo: { ...memo, phase: "prepare" as const },
          action: { kind: "timer" },
          deadlineInMs: PREPARE_MS,
          note: "prepares",
        };
      case "deadline":
        return memo.phase === "prepare" ? wait(memo.seen) : fail("timed_out");
      case "topic": {
        const { version } = Detail.parse(wakeup.event.detail);
        const seen = memo.seen + 1;
        if (version < input.version) return wait(seen);
        return { kind: "succeed", result: { version, seen }, note: `${version} is there` };
      }
      case "cancelled":
        return fail("cancelled");
      default:
        return { kind: "ignore" };
    }
  },
});

export const withRelease: WorkRegistry = new Map([...registry, [awaitRelease.name, awaitRelease]]);
