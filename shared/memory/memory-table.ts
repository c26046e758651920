/**
 * A table in memory. What goes in is copied through JSON and read by the schema, as it is on the way to a real store: a
 * record that could not be read again fails when it is written. What comes out is what is stored, frozen: nobody can change
 * it, so nobody needs a copy. (`read-changes.ts` does that.)
 *
 * `as_given` leaves all that out, for whoever measures what is around it.
 */
import { readChangesBy, type Schema } from "../model/read-changes.ts";

export interface MemoryTable<T> {
  readonly get: (key: string) => T | undefined;
  readonly put: (key: string, value: T) => void;
  /** Whether there was one. */
  readonly remove: (key: string) => boolean;
  readonly all: () => readonly T[];
  readonly entries: () => readonly (readonly [string, T])[];
}

export type Keeping = "checked" | "as_given";

export function memoryTable<T>(schema: Schema<T>, keeping: Keeping = "checked"): MemoryTable<T> {
  const rows = new Map<string, T>();
  const read = readChangesBy(schema);
  return {
    get: (key) => rows.get(key),
    put: (key, value) => {
      rows.set(key, keeping === "checked" ? read(value, rows.get(key)) : value);
    },
    remove: (key) => rows.delete(key),
    all: () => [...rows.values()],
    entries: () => [...rows],
  };
}
