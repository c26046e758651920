/** Resume: a paused guest goes on where it was. */
import { VERB_INPUTS } from "../model/verbs.ts";
import { defineDeed } from "./define-deed.ts";
import { IN_DOUBT, LAID_OFF } from "./receptions.ts";

export const vmResume = defineDeed({
  name: "vm.resume",
  version: 1,
  input: VERB_INPUTS.resume,
  reception: {
    Stopped: "conflict",
    Running: "at_once",
    Suspended: "go",
    ...LAID_OFF,
    ...IN_DOUBT,
  },
  deed: ({ settings }) => ({
    call: { verb: "resume", args: {} },
    timeoutSeconds: settings.commandTimeoutSeconds.others,
    step: "resuming",
    note: "lets it go on",
    percent: 50,
    shows: "on",
  }),
});
