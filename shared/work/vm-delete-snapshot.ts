/** Delete a snapshot: the host that keeps it forgets it, then the record does. One that is not there is deleted. */
import { VERB_INPUTS } from "../model/verbs.ts";
import { already, defineDeed, succeed } from "./define-deed.ts";
import { knownSnapshot } from "./known-snapshot.ts";
import { SNAPSHOT_TABLE } from "./receptions.ts";

export const vmDeleteSnapshot = defineDeed({
  name: "vm.delete-snapshot",
  version: 1,
  input: VERB_INPUTS["delete-snapshot"],
  reception: SNAPSHOT_TABLE,
  without: (context) => {
    const known = knownSnapshot(context, context.input.snapshot);
    if (known.kind === "unknown") return already(`has no snapshot ${context.input.snapshot}`);
    return known.kind === "elsewhere" ? known.end : undefined;
  },
  at: ({ input, vm }) => vm.snapshots?.find(({ name }) => name === input.snapshot)?.hostId,
  deed: ({ input: { snapshot }, settings }) => ({
    call: { verb: "delete-snapshot", args: { snapshot } },
    timeoutSeconds: settings.commandTimeoutSeconds.others,
    step: "deleting a snapshot",
    note: `deletes the snapshot ${snapshot}`,
    percent: 50,
  }),
  done: (context, done) => {
    const { input, vm } = context;
    const left = (vm.snapshots ?? []).filter(({ name }) => name !== input.snapshot);
    return succeed(context, done, { snapshots: left });
  },
});
