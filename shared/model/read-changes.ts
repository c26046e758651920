/**
 * Reads a value by its schema where one that was read by it is stored: parts that are the stored ones themselves have been
 * read, and are not read again. What is read is copied through JSON first, and frozen.
 *
 * Whatever is not plainly the same in shape is read whole: the schema says what is wrong with it, or what it makes of it.
 */
import * as z from "zod/mini";

export type Schema<T> = z.core.$ZodType<T>;

type ReadChanges = (value: unknown, stored: unknown) => unknown;

/** Answers what a value is kept as; throws what the schema throws. */
export function readChangesBy<T>(schema: Schema<T>): (value: T, stored: T | undefined) => T;
export function readChangesBy(schema: z.core.$ZodType): ReadChanges {
  const whole = (value: unknown) => freeze(z.parse(schema, copyOf(value)));
  const parts = partsOf(schema, whole);
  return (value, stored) => {
    if (stored === undefined) return whole(value);
    return value === stored ? stored : parts(value, stored);
  };
}

type Whole = (value: unknown) => unknown;

function partsOf(schema: z.core.$ZodType, whole: Whole): ReadChanges {
  if ((schema._zod.def.checks ?? []).length > 0) return whole;
  if (schema instanceof z.ZodMiniOptional) return readChangesBy(schema._zod.def.innerType);
  if (schema instanceof z.ZodMiniArray) return elementsOf(schema._zod.def.element, whole);
  if (schema instanceof z.ZodMiniRecord) return valuesOf(schema._zod.def.valueType, whole);
  if (schema instanceof z.ZodMiniObject) return fieldsOf(schema._zod.def.shape, whole);
  return whole;
}

function elementsOf(schema: z.core.$ZodType, whole: Whole): ReadChanges {
  const read = readChangesBy(schema);
  return (value, stored) => {
    if (!Array.isArray(value) || !Array.isArray(stored)) return whole(value);
    const known = new Set<unknown>(stored);
    return Object.freeze(
      value.map((element: unknown) => (known.has(element) ? element : read(element, undefined))),
    );
  };
}

/** Of a record that has a new key that is read, too. */
function valuesOf(schema: z.core.$ZodType, whole: Whole): ReadChanges {
  const read = readChangesBy(schema);
  return (value, stored) => {
    if (!isObject(value) || !isObject(stored)) return whole(value);
    const entries = Object.entries(value);
    if (!entries.every(([key]) => Object.hasOwn(stored, key))) return whole(value);
    return frozen(entries.map(([key, part]) => [key, read(part, stored[key])]));
  };
}

function fieldsOf(shape: z.core.$ZodShape, whole: Whole): ReadChanges {
  const fields = new Map(Object.entries(shape).map(([key, field]) => [key, readChangesBy(field)]));
  const required = Object.keys(shape).filter((key) => shape[key]?._zod.optin !== "optional");
  return (value, stored) => {
    if (!isObject(value) || !isObject(stored)) return whole(value);
    if (required.some((key) => value[key] === undefined)) return whole(value);
    const kept: (readonly [string, unknown])[] = [];
    for (const [key, part] of Object.entries(value)) {
      if (part === undefined) continue;
      const read = fields.get(key);
      if (read === undefined) return whole(value);
      kept.push([key, read(part, stored[key])]);
    }
    return frozen(kept);
  };
}

function frozen(entries: readonly (readonly [string, unknown])[]): unknown {
  return Object.freeze(Object.fromEntries(entries));
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}

/** Throws where there is no JSON of it. */
function copyOf(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value));
}

/** All the way down. */
function freeze<T>(value: T): T {
  if (typeof value !== "object" || value === null || Object.isFrozen(value)) return value;
  for (const part of Object.values(value)) freeze(part);
  return Object.freeze(value);
}
