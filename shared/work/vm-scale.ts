/**
 * Scale: another size from the next start on. A VM that is off holds no room, and each start brings its whole spec, so
 * nothing is sent to the host that keeps its definition.
 */
import { VERB_INPUTS } from "../model/verbs.ts";
import { already } from "./define-deed.ts";
import { defineRecordVerb } from "./define-record-verb.ts";
import { IN_DOUBT, LAID_OFF } from "./receptions.ts";

export const vmScale = defineRecordVerb({
  name: "vm.scale",
  version: 1,
  input: VERB_INPUTS.scale,
  reception: {
    Stopped: "go",
    Running: "conflict",
    Suspended: "conflict",
    ...LAID_OFF,
    ...IN_DOUBT,
  },
  go: ({ input: { cpus, memoryMiB }, vm }) => {
    const size = {
      ...(cpus === undefined ? {} : { cpus }),
      ...(memoryMiB === undefined ? {} : { memoryMiB }),
    };
    const spec = { ...vm.spec, ...size };
    const { attached, detached } = vm.domainChanges ?? { attached: [], detached: [] };
    const domainChanges = { ...vm.domainChanges, attached, detached, ...size };
    const change = vm.domainXmlVersion === undefined ? { spec } : { spec, domainChanges };
    return already(`has ${spec.cpus} CPUs and ${spec.memoryMiB} MiB from its next start`, change);
  },
});
