/** An incident about a message that no apartment can record itself: its group or body is nobody's, or it is a dead letter. */
import { type ApartmentId, subjectOfApartment } from "../model/ids.ts";
import { IncidentId } from "../model/incident.ts";
import { keepIncident } from "./open-incident.ts";
import type { Ports } from "./ports.ts";

export async function recordPoison(
  deps: Pick<Ports, "incidents" | "bus" | "clock" | "telemetry">,
  poison: {
    /** Deterministic for the message, so that telling it twice opens one incident. */
    readonly name: string;
    /** Absent: no apartment's. */
    readonly to: ApartmentId | undefined;
    readonly detail: string;
  },
): Promise<void> {
  const id = IncidentId.parse(
    `poison_message.${poison.name.replaceAll(/[^A-Za-z0-9._:-]/g, "_").slice(0, 150)}`,
  );
  const about = poison.to === undefined ? {} : subjectOfApartment(poison.to);
  const now = deps.clock.now();
  const opened = await keepIncident(deps, {
    id,
    kind: "poison_message",
    ...about,
    openedAt: now,
    detail: poison.detail.slice(0, 1024),
  });
  if (opened === "already_open") return;
  deps.telemetry.count("poisonMessages");
  await deps.bus.put([
    {
      family: "incident",
      topic: "incident.poison_message",
      id: `${id}.opened`,
      at: now,
      detail: { incidentId: id, ...about, change: "opened" },
    },
  ]);
}
