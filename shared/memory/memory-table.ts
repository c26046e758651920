/**
 * A table in memory. What goes in is copied through JSON and read by the schema, as it is on the way to a real store: a
 * record that could not be read again fails when it is written. What comes out is what is stored, frozen: nobody can change
 * it, so nobody needs a copy.
 *
 * `as_given` leaves all that out, for whoever measures what is around it.
 */

interface Schema<T> {
  readonly parse: (value: unknown) => T;
}

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
  return {
    get: (key) => rows.get(key),
    put: (key, value) => {
      rows.set(key, keeping === "checked" ? checked(schema, value) : value);
    },
    remove: (key) => rows.delete(key),
    all: () => [...rows.values()],
    entries: () => [...rows],
  };
}

function checked<T>(schema: Schema<T>, value: T): T {
  const copy: unknown = JSON.parse(JSON.stringify(value));
  return freeze(schema.parse(copy));
}

/** All the way down. */
function freeze<T>(value: T): T {
  if (typeof value !== "object" || value === null || Object.isFrozen(value)) return value;
  for (const part of Object.values(value)) freeze(part);
  return Object.freeze(value);
}
