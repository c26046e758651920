/**
 * Reboot: the guest restarts itself, or, forced, the machine is reset under it. The VM is on before and after, so no power
 * shows that it happened: the agent's word does. It is sent again only if it was never begun: a guest must not go through
 * it twice.
 */
import { VERB_INPUTS } from "../model/verbs.ts";
import { SENDS_MAX } from "./act-at-host.ts";
import { defineDeed, succeed } from "./define-deed.ts";
import { fail } from "./fail.ts";
import { IN_DOUBT, LAID_OFF } from "./receptions.ts";
import { trueState } from "./true-state.ts";

export const vmReboot = defineDeed({
  name: "vm.reboot",
  version: 1,
  input: VERB_INPUTS.reboot,
  reception: {
    Stopped: "conflict",
    Running: "go",
    Suspended: "conflict",
    ...LAID_OFF,
    ...IN_DOUBT,
  },
  deed: ({ input, settings }) => ({
    call: { verb: input.forced === true ? "reset" : "reboot", args: {} },
    timeoutSeconds: settings.commandTimeoutSeconds.others,
    step: "rebooting",
    note: input.forced === true ? "resets it" : "asks the guest to reboot",
    percent: 50,
    again: ({ why, sends }) => why === "stale" && sends < SENDS_MAX,
  }),
  done: (context, done) =>
    done.power === undefined || done.power === "on"
      ? succeed(context, done, {})
      : {
          ...fail("host_refused", `${done.hostId}: it was ${done.power} after the reboot`),
          vm: trueState(done.power, done.hostId),
        },
});
