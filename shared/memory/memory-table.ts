/**
 * A table in memory. What goes in and out is copied through JSON and read by the schema, as it is on the way to a real
 * store: nothing is shared with the caller, and a record that could not be read again fails when it is written.
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

export function memoryTable<T>(schema: Schema<T>): MemoryTable<T> {
  const rows = new Map<string, string>();
  const read = (text: string) => schema.parse(JSON.parse(text));
  return {
    get: (key) => {
      const text = rows.get(key);
      return text === undefined ? undefined : read(text);
    },
    put: (key, value) => {
      const text = JSON.stringify(value);
      read(text);
      rows.set(key, text);
    },
    remove: (key) => rows.delete(key),
    all: () => [...rows.values()].map(read),
    entries: () => [...rows].map(([key, text]) => [key, read(text)]),
  };
}
