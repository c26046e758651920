/** Attach: a guest that is on gets the device at once, one that is off at its next start; its spec says so from then on. */
import { VERB_INPUTS } from "../model/verbs.ts";
import { already, defineDeed, succeed } from "./define-deed.ts";
import { fail } from "./fail.ts";
import { DEVICE_TABLE } from "./receptions.ts";
import { attached } from "./vm-devices.ts";

export const vmAttach = defineDeed({
  name: "vm.attach",
  version: 1,
  input: VERB_INPUTS.attach,
  reception: DEVICE_TABLE,
  without: ({ input, vm }) => {
    const next = attached(vm, input.device);
    if (next.kind === "so_already") return already("has it");
    if (next.kind === "full") return fail("vm_state_conflict", "it has as many of these as it may");
    return vm.state === "Stopped" ? already("has it from its next start", next.change) : undefined;
  },
  deed: ({ input: { device }, settings }) => ({
    call: { verb: "attach", args: { device } },
    timeoutSeconds: settings.commandTimeoutSeconds.others,
    step: "attaching",
    note: `attaches a ${device.kind}`,
    percent: 50,
  }),
  done: (context, done) => {
    const next = attached(context.vm, context.input.device);
    return succeed(context, done, next.kind === "change" ? next.change : {});
  },
});
