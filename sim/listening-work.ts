/**
 * A work type of the simulation's own: waits until somebody says its word on a topic. It listens, prepares for a while, and
 * only then waits: the word may come at any moment of that.
 */
import * as z from "zod/mini";
import type { WorkType } from "../shared/core/work-type.ts";
import { defineWork } from "../shared/work/define-work.ts";

export const WORD_TOPIC = "custom.word.said";
/** What an event of the topic says. */
export const Word = z.object({ word: z.int() });
/** Of so many each meets others that wait for it, and events that are not its own. */
export const WORDS = 3;

const PREPARE_MS = 20_000;
/** Longer than faults can keep an event back, by far; within what a step may wait in a simulation. */
export const PATIENCE_MS = 110 * 60_000;

const Memo = z.strictObject({ phase: z.enum(["listen", "prepare", "wait"]) });
/** A reception that takes a VM as it is. */
export const ANY_STATE = {
  ...({ Stopped: "go", Starting: "go", Running: "go", Stopping: "go", Migrating: "go" } as const),
  ...({ Suspended: "go", Destroyed: "go", Expunging: "go", Error: "go", Unknown: "go" } as const),
};

export const awaitWord: WorkType = defineWork({
  name: "sim.await-word",
  version: 1,
  input: Word,
  memo: Memo,
  result: Word,
  reception: ANY_STATE,
  needsHost: false,
  begin: ({ input: { word } }) => ({
    kind: "wait",
    step: "listen",
    memo: { phase: "listen" },
    action: { kind: "listen", topic: { prefix: "custom.word", match: { word } } },
    deadlineInMs: PATIENCE_MS,
    note: `listens for ${word}`,
  }),
  resume: ({ input, memo: { phase } }, wakeup) => {
    switch (wakeup.kind) {
      case "listening":
        return wait("prepare");
      case "deadline":
        return phase === "prepare" ? wait("wait") : fail("timed_out");
      case "topic":
        return {
          kind: "succeed",
          result: Word.parse(wakeup.event.detail),
          note: `heard ${input.word}`,
        };
      case "cancelled":
        return fail("cancelled");
      default:
        return { kind: "ignore" };
    }
  },
});

function wait(phase: "prepare" | "wait") {
  return {
    kind: "wait",
    step: phase,
    memo: { phase },
    action: { kind: phase === "prepare" ? "timer" : "topic" },
    deadlineInMs: phase === "prepare" ? PREPARE_MS : PATIENCE_MS,
    note: phase,
  } as const;
}

function fail(code: "timed_out" | "cancelled") {
  return { kind: "fail", error: { code, detail: "nobody said the word" }, note: code } as const;
}
