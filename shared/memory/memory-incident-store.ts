import type { IncidentStore } from "../app/ports.ts";
import type { IncidentRecord } from "../model/incident.ts";
import { incidentMatches } from "../model/list-filters.ts";
import type { Settings } from "../model/settings.ts";
import { listMemory } from "./memory-list.ts";
import type { MemoryStoreDeps } from "./memory-tables.ts";

type Deps = MemoryStoreDeps & { readonly retention: Pick<Settings, "incidentRetentionDays"> };

const DAY_MS = 86_400_000;

export function memoryIncidentStore({ tables, clock, retention }: Deps): IncidentStore {
  const { incidents } = tables;
  const isKept = ({ resolvedAt }: IncidentRecord) =>
    resolvedAt === undefined || resolvedAt > clock.now() - retention.incidentRetentionDays * DAY_MS;
  return {
    open: async (incident) => {
      const stored = incidents.get(incident.id);
      const again = stored?.resolvedAt !== undefined && stored.openedAt < incident.openedAt;
      if (stored !== undefined && !again) return "already_open";
      incidents.put(incident.id, incident);
      return "opened";
    },
    resolve: async (id, at) => {
      const stored = incidents.get(id);
      if (stored === undefined || stored.resolvedAt !== undefined) return "not_open";
      incidents.put(id, { ...stored, resolvedAt: at });
      return "resolved";
    },
    read: async (id) => {
      const stored = incidents.get(id);
      return stored !== undefined && isKept(stored) ? stored : undefined;
    },
    list: async (filter, page) =>
      listMemory(
        incidents.all().filter((each) => isKept(each) && incidentMatches(each, filter)),
        ({ id, openedAt }) => ({ id, at: openedAt }),
        page,
      ),
  };
}
