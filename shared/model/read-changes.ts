/**
 * Reads a value by its schema where one that was read by it is stored: parts that are the stored ones themselves have been
 * read, and are not read again. What is read is as if it had been copied through JSON first, and is frozen.
 *
 * What plainly has the schema's shape is copied and read in one go. All else is copied through JSON and read whole: the schema
 * says what is wrong with it, or what it makes of it.
 */
import * as z from "zod/mini";

export type Schema<T> = z.core.$ZodType<T>;

/** What a part is kept as; `undefined` where it is not plain. */
type Keep = (value: unknown, stored: unknown) => unknown;

/** Answers what a value is kept as; throws what the schema throws. */
export function readChangesBy<T>(schema: Schema<T>): (value: T, stored: T | undefined) => T;
export function readChangesBy(schema: z.core.$ZodType): Keep {
  const keep = keepBy(schema);
  return (value, stored) => keep(value, stored) ?? freeze(z.parse(schema, copyOf(value)));
}

function keepBy(schema: z.core.$ZodType): Keep {
  if (schema instanceof z.ZodMiniOptional) return keepBy(schema._zod.def.innerType);
  if (schema instanceof z.ZodMiniUnknown) return plain;
  if ((schema._zod.def.checks ?? []).length > 0) return byItself(schema);
  if (schema instanceof z.ZodMiniArray) return elementsOf(keepBy(schema._zod.def.element));
  if (schema instanceof z.ZodMiniRecord)
    return entriesOf(keepBy(schema._zod.def.keyType), keepBy(schema._zod.def.valueType));
  if (schema instanceof z.ZodMiniObject) return fieldsOf(schema._zod.def.shape);
  if (schema instanceof z.ZodMiniDiscriminatedUnion) return optionOf(schema._zod.def);
  return byItself(schema);
}

/** Of a schema that is not looked into. */
function byItself(schema: z.core.$ZodType): Keep {
  return (value, stored) => {
    if (value === stored) return value;
    const copy = plain(value, undefined);
    if (copy === undefined) return undefined;
    const read = schema._zod.run({ value: copy, issues: [] }, SYNCHRONOUS);
    return read instanceof Promise || read.issues.length > 0 ? undefined : freeze(read.value);
  };
}
const SYNCHRONOUS = { async: false };

function elementsOf(keep: Keep): Keep {
  return (value, stored) => {
    if (!Array.isArray(value)) return undefined;
    if (value === stored) return value;
    const before: readonly unknown[] = Array.isArray(stored) ? stored : [];
    const kept: unknown[] = [];
    let from = 0; // Those that stay keep their order.
    for (const element of value) {
      const found = before.indexOf(element, from);
      if (found >= 0) from = found + 1;
      const part = found >= 0 ? element : keep(element, undefined);
      if (part === undefined) return undefined;
      kept.push(part);
    }
    return Object.freeze(kept);
  };
}

function entriesOf(keepKey: Keep, keep: Keep): Keep {
  return (value, stored) => {
    if (!isPlain(value)) return undefined;
    if (value === stored) return value;
    const kept: Record<string, unknown> = {};
    for (const key of Object.keys(value)) {
      const part = value[key];
      if (part === undefined) continue;
      if (key === "__proto__") return undefined;
      const before = isPlain(stored) ? stored[key] : undefined;
      const read =
        before === undefined && keepKey(key, undefined) !== key ? undefined : keep(part, before);
      if (read === undefined) return undefined;
      kept[key] = read;
    }
    return Object.freeze(kept);
  };
}

function fieldsOf(shape: z.core.$ZodShape): Keep {
  const fields = Object.entries(shape).map(([key, field]) => ({
    key,
    keep: keepBy(field),
    isOptional: field instanceof z.ZodMiniOptional,
  }));
  return (value, stored) => {
    if (!isPlain(value)) return undefined;
    if (value === stored) return value;
    const before = isPlain(stored) ? stored : undefined;
    const kept: Record<string, unknown> = {};
    let count = 0;
    for (const { key, keep, isOptional } of fields) {
      const part = value[key];
      if (part === undefined && isOptional) continue;
      const was = before?.[key];
      const read = part === was ? part : keep(part, was);
      if (read === undefined) return undefined;
      kept[key] = read;
      count += 1;
    }
    return definedIn(value) > count ? undefined : Object.freeze(kept);
  };
}

function optionOf({ discriminator, options }: z.core.$ZodDiscriminatedUnionDef): Keep {
  const keeps = new Map<unknown, Keep>();
  for (const option of options)
    for (const tag of option._zod.propValues?.[discriminator] ?? []) keeps.set(tag, keepBy(option));
  return (value, stored) =>
    isPlain(value) ? keeps.get(value[discriminator])?.(value, stored) : undefined;
}

/** A copy of what JSON does not change, but that it leaves out what is undefined in objects. */
function plain(value: unknown, stored: unknown): unknown {
  if (typeof value === "string" || typeof value === "boolean" || value === null) return value;
  if (typeof value === "number")
    return Number.isFinite(value) && !Object.is(value, -0) ? value : undefined;
  if (value === stored) return value;
  return Array.isArray(value) ? plainElements(value, undefined) : plainEntries(value, undefined);
}

const plainElements = elementsOf((value) => plain(value, undefined));
const plainEntries = entriesOf(
  (key) => key,
  (value) => plain(value, undefined),
);

function definedIn(value: Fields): number {
  let count = 0;
  for (const key of Object.keys(value)) if (value[key] !== undefined) count += 1;
  return count;
}

type Fields = Readonly<Record<string, unknown>>;

function isPlain(value: unknown): value is Fields {
  return (
    typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype
  );
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
