/**
 * Snapshot: its host takes it and keeps it; the record keeps the list (ADR 17). A name that there is already is the same
 * snapshot: asked for twice, it is taken once.
 */
import { VERB_INPUTS } from "../model/verbs.ts";
import { SNAPSHOTS_MAX } from "../model/vm.ts";
import { already, defineDeed, succeed } from "./define-deed.ts";
import { fail } from "./fail.ts";
import { SNAPSHOT_TABLE } from "./receptions.ts";

export const vmSnapshot = defineDeed({
  name: "vm.snapshot",
  version: 1,
  input: VERB_INPUTS.snapshot,
  reception: SNAPSHOT_TABLE,
  without: ({ input: { name }, vm: { snapshots = [] } }) => {
    if (snapshots.some((snapshot) => snapshot.name === name)) return already(`has ${name}`);
    return snapshots.length < SNAPSHOTS_MAX
      ? undefined
      : fail("vm_state_conflict", `it has ${SNAPSHOTS_MAX} snapshots, as many as it may`);
  },
  deed: ({ input: { name }, settings }) => ({
    call: { verb: "snapshot", args: { name } },
    timeoutSeconds: settings.commandTimeoutSeconds.others,
    step: "taking a snapshot",
    note: `takes the snapshot ${name}`,
    percent: 50,
  }),
  done: (context, done) => {
    const { input, now, vm } = context;
    const taken = { name: input.name, hostId: done.hostId, takenAt: now };
    return succeed(context, done, { snapshots: [...(vm.snapshots ?? []), taken] });
  },
});
