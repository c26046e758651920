/**
 * Comparing an answer with a recording. Recordings name what differs from run to run: `<uuid:1>` stands for any text, but
 * for the same one each time; `timestamp` for digits. Names within a longer text (`arn:<partition>:…`) match any text there.
 */
import { expect } from "vitest";

/** The names bound so far in one recorded test. */
export type Bindings = Map<string, string>;

export function expectRecorded(actual: unknown, recorded: unknown, bindings: Bindings): void {
  expect(resolve(actual, recorded, bindings)).toEqual(recorded);
}

/** The actual value with what a name stands for replaced by the name, so that a difference reads well. */
function resolve(actual: unknown, recorded: unknown, bindings: Bindings): unknown {
  if (typeof recorded === "string") return resolveText(actual, recorded, bindings);
  if (Array.isArray(recorded) && Array.isArray(actual)) {
    return actual.map((item, index) => resolve(item, recorded[index], bindings));
  }
  if (!isObject(recorded)) return actual;
  // The recorder showed JSON in texts as what it says.
  const parsed: unknown = typeof actual === "string" ? JSON.parse(actual) : actual;
  if (!isObject(parsed)) return parsed;
  const entries = Object.entries(parsed).filter(([, value]) => value !== undefined);
  return Object.fromEntries(
    entries.map(([name, value]) => [name, resolve(value, recorded[name], bindings)]),
  );
}

function resolveText(actual: unknown, recorded: string, bindings: Bindings): unknown {
  if (actual instanceof Uint8Array) return pythonBytes(actual);
  if (typeof actual !== "string" || actual === recorded) return actual;
  if (recorded === "timestamp") return /^\d+$/.test(actual) ? recorded : actual;
  const names = recorded.match(/<[^>]+>/g);
  if (names === null) return actual;
  const pattern = recorded
    .split(/<[^>]+>/)
    .map((part) => part.replace(/[.*+?^${}()|[\]\\/]/g, "\\$&"));
  const found = new RegExp(`^${pattern.join("(.+)")}$`, "s").exec(actual);
  if (found === null) return actual;
  const same = names.every((name, index) => bind(bindings, name, found[index + 1] ?? ""));
  return same ? recorded : actual;
}

function bind(bindings: Bindings, name: string, value: string): boolean {
  const bound = bindings.get(name);
  bindings.set(name, bound ?? value);
  return bound === undefined || bound === value;
}

function pythonBytes(bytes: Uint8Array): string {
  const text = [...bytes].map((byte) =>
    byte < 32 ? `\\x${byte.toString(16).padStart(2, "0")}` : String.fromCharCode(byte),
  );
  return `b'${text.join("")}'`;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
