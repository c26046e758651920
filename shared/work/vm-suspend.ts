/** Suspend: the guest pauses in its host's memory, and keeps its room there. */
import { VERB_INPUTS } from "../model/verbs.ts";
import { defineDeed } from "./define-deed.ts";
import { IN_DOUBT, LAID_OFF } from "./receptions.ts";

export const vmSuspend = defineDeed({
  name: "vm.suspend",
  version: 1,
  input: VERB_INPUTS.suspend,
  reception: {
    Stopped: "conflict",
    Running: "go",
    Suspended: "at_once",
    ...LAID_OFF,
    ...IN_DOUBT,
  },
  deed: ({ settings }) => ({
    call: { verb: "suspend", args: {} },
    timeoutSeconds: settings.commandTimeoutSeconds.others,
    step: "suspending",
    note: "pauses it",
    percent: 50,
    shows: "paused",
  }),
});
