/** Recover: what was destroyed and not expunged is Stopped again. */
import { VERB_INPUTS } from "../model/verbs.ts";
import { already } from "./define-deed.ts";
import { defineRecordVerb } from "./define-record-verb.ts";

export const vmRecover = defineRecordVerb({
  name: "vm.recover",
  version: 1,
  input: VERB_INPUTS.recover,
  reception: {
    Stopped: "conflict",
    Running: "conflict",
    Suspended: "conflict",
    Destroyed: "go",
    Expunging: "conflict",
    Error: "conflict",
    Unknown: "conflict",
    Starting: "conflict",
    Stopping: "conflict",
    Migrating: "conflict",
  },
  go: () => already("is Stopped again", { state: "Stopped" }),
});
