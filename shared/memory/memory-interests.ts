import type { Interests } from "../app/ports.ts";
import type { MemoryStoreDeps } from "./memory-tables.ts";

export function memoryInterests({ tables, clock }: MemoryStoreDeps): Interests {
  const { interests } = tables;
  return {
    register: async (interest) => {
      if (interests.get(interest.id) === undefined)
        interests.put(interest.id, { held: true, record: interest });
    },
    remove: async ({ id }) => {
      interests.put(id, { held: false });
    },
    under: async (prefixes) =>
      interests
        .all()
        .flatMap((row) => (row.held ? [row.record] : []))
        .filter(
          ({ topic, expiresAt }) => prefixes.includes(topic.prefix) && expiresAt > clock.now(),
        ),
  };
}
