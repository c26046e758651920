/** Detach: a guest that is on loses the device at once, one that is off starts without it; its spec says so from then on. */
import { VERB_INPUTS } from "../model/verbs.ts";
import { already, defineDeed, succeed } from "./define-deed.ts";
import { fail } from "./fail.ts";
import { DEVICE_TABLE } from "./receptions.ts";
import { detached } from "./vm-devices.ts";

export const vmDetach = defineDeed({
  name: "vm.detach",
  version: 1,
  input: VERB_INPUTS.detach,
  reception: DEVICE_TABLE,
  without: ({ input, vm }) => {
    const next = detached(vm, input.device);
    if (next.kind === "so_already") return already("has none");
    if (next.kind === "full") return fail("vm_state_conflict", "as many were detached as may be");
    return vm.state === "Stopped" ? already("starts without it", next.change) : undefined;
  },
  deed: ({ input: { device }, settings }) => ({
    call: { verb: "detach", args: { device } },
    timeoutSeconds: settings.commandTimeoutSeconds.others,
    step: "detaching",
    note: `detaches a ${device.kind}`,
    percent: 50,
  }),
  done: (context, done) => {
    const next = detached(context.vm, context.input.device);
    return succeed(context, done, next.kind === "change" ? next.change : {});
  },
});
