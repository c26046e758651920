/** One name for an effect, however often and in whatever shape it is carried out. */
import type { Effect } from "../../shared/model/effect.ts";

export function effectName(effect: Effect): string {
  switch (effect.kind) {
    case "command":
      return `command ${effect.commandId}`;
    case "job":
      return `job ${effect.jobId} ${effect.revision}`;
    case "reserve":
      return `reserve ${effect.vmId} reserved:${effect.jobId}:${effect.attempt}:${effect.hostId}`;
    case "release":
      return `release ${effect.vmId} ${effect.hostId} ${effect.revision}`;
    case "new-job":
      return `new-job ${effect.job.id}`;
    case "join":
      return `join ${effect.jobId} ${effect.joiner.jobId}`;
    case "cancel-job":
      return `cancel ${effect.jobId}`;
    case "message":
      return `message ${effect.to} ${effect.message.logicalId}`;
    case "event":
      return `event ${effect.event.id}`;
    case "listen":
      return `listen ${effect.interest.id}`;
    case "unlisten":
      return `unlisten ${effect.interest.id}`;
    case "open-incident":
      return `open ${effect.incident.id}`;
    case "forget-domain":
      return `forget-domain ${effect.vmId} ${effect.version}`;
    case "resolve-incident":
      return `resolve ${effect.incidentId}`;
    default:
      return effect satisfies never;
  }
}
