/**
 * Which VMs are started again when they are found off (contract, `haEnabled`): those that fell, and not those that somebody
 * switched off, be it the guest itself.
 */
import type { WorkContext } from "../core/work-type.ts";
import { HA_RESTARTS_MAX } from "../model/apartment-record.ts";
import type { HostId } from "../model/ids.ts";
import { isVouchedOff } from "./ask-host.ts";
import type { Said } from "./verify-rules.ts";

export const HA_RESTART = "vm.ha-restart";

/** What keeps falling is no longer helped by starting it. */
const HOUR_MS = 60 * 60 * 1000;
/** A hypervisor's words for a guest that nobody switched off: its host lost power, its process died. */
const FELL = /\b(unknown|failed|crashed)\b/;

type Context = WorkContext<unknown, unknown>;

/** Restarts of the last hour. */
export function restartsOfLate({ vm, now }: Context): readonly number[] {
  return (vm.restartedAts ?? []).filter((at) => now - at < HOUR_MS);
}

/** `said`: what its host answered, or was vouched for it. */
export function wantsRestart(context: Context, hostId: HostId | undefined, said: Said): boolean {
  const { vm, settings, openIncidents } = context;
  if (!settings.haEnabled || !vm.haEnabled) return false;
  if (openIncidents.has("unconfirmed_stop") || openIncidents.has("split_brain")) return false;
  if (restartsOfLate(context).length >= HA_RESTARTS_MAX) return false;
  return fell(context, hostId, said);
}

function fell(context: Context, hostId: HostId | undefined, said: Said): boolean {
  if (said === "crashed") return true;
  if (hostId === undefined) return false;
  if (isVouchedOff(context, hostId)) return true;
  // Its host was away, and has come back without it.
  if (said === "missing") return context.vm.state === "Unknown";
  return FELL.test(context.lastSaid.get(hostId)?.detail ?? "");
}
