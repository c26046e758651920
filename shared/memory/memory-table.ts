/**
 * A table in memory. What goes in is copied through JSON and read by the schema, as it is on the way to a real store: a
 * record that could not be read again fails when it is written. What comes out is what is stored, frozen: nobody can change
 * it, so nobody needs a copy. A part that is the stored one itself has been read, and is not read again.
 *
 * `as_given` leaves all that out, for whoever measures what is around it.
 */

export interface Schema<T> {
  readonly parse: (value: unknown) => T;
  /** Of an object: the schema of each of its parts. */
  readonly shape?: Readonly<Record<string, Part>>;
}

interface Part {
  readonly parse: (value: unknown) => unknown;
  readonly safeParse: (value: unknown) => { readonly success: boolean };
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

export function memoryTable<T extends object>(
  schema: Schema<T>,
  keeping: Keeping = "checked",
): MemoryTable<T> {
  const rows = new Map<string, T>();
  const checked = checkedBy(schema);
  return {
    get: (key) => rows.get(key),
    put: (key, value) => {
      rows.set(key, keeping === "checked" ? checked(value, rows.get(key)) : value);
    },
    remove: (key) => rows.delete(key),
    all: () => [...rows.values()],
    entries: () => [...rows],
  };
}

/** What a value is kept as, over what is stored. */
function checkedBy<T extends object>(schema: Schema<T>): (value: T, stored: T | undefined) => T {
  const whole = (value: T) => freeze(schema.parse(copyOf(value)));
  const { shape } = schema;
  if (shape === undefined) return whole;
  const required = Object.keys(shape).filter((key) => !shape[key]?.safeParse(undefined).success);
  return (value, stored) => {
    const parts = Object.entries(value).filter(([, part]) => part !== undefined);
    const given = new Set(parts.map(([key]) => key));
    const known = parts.every(([key]) => shape[key] !== undefined);
    if (stored === undefined || !known || !required.every((key) => given.has(key)))
      return whole(value);
    const kept = parts.map(([key, part]) => [
      key,
      part === Reflect.get(stored, key) ? part : freeze(shape[key]?.parse(copyOf(part))),
    ]);
    return Object.freeze(Object.fromEntries(kept));
  };
}

function copyOf(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value));
}

/** All the way down. */
function freeze<T>(value: T): T {
  if (typeof value !== "object" || value === null || Object.isFrozen(value)) return value;
  for (const part of Object.values(value)) freeze(part);
  return Object.freeze(value);
}
