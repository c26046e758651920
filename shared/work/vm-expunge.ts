/** Expunge: its hosts forget the VM, then the record does (`expunge-vm.ts`). */
import type * as z from "zod/mini";
import type { Outcome } from "../core/work-type.ts";
import { VERB_INPUTS } from "../model/verbs.ts";
import { NoResult } from "./define-deed.ts";
import { defineVerb } from "./define-verb.ts";
import { type Expunged, Expunging, expunge, expunged } from "./expunge-vm.ts";

type Step = Outcome<Expunging, z.infer<typeof NoResult>>;

export const vmExpunge = defineVerb({
  name: "vm.expunge",
  version: 1,
  input: VERB_INPUTS.expunge,
  memo: Expunging,
  result: NoResult,
  reception: {
    Stopped: "conflict",
    Running: "conflict",
    Suspended: "conflict",
    Destroyed: "go",
    Expunging: "go",
    Error: "go",
    Unknown: "conflict",
    Starting: "conflict",
    Stopping: "conflict",
    Migrating: "conflict",
  },
  go: (context) => end(expunge(context)),
  resume: (context, wakeup) => end(expunged(context, context.memo, wakeup)),
});

function end(end: Expunged): Step {
  return end.kind === "gone"
    ? { kind: "succeed", result: {}, gone: true, note: "is gone: no host knows it" }
    : end.outcome;
}
