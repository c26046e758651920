/** What EventBridge checks of a `PutEvents` request, in its own words, and the envelope it makes of an entry. */
import { byteLength } from "../model/byte-length.ts";

export type PutEntry = {
  readonly source?: string | undefined;
  readonly detailType?: string | undefined;
  /** JSON text of an object. */
  readonly detail?: string | undefined;
  readonly busName?: string | undefined;
  readonly resources?: readonly string[] | undefined;
  /** Epoch milliseconds. */
  readonly time?: number | undefined;
};

export type EntryError = { readonly code: string; readonly message: string };

export const PUT_ENTRIES_MAX = 10;
/** All entries of one request together (EventBridge quota, 256 KiB). */
export const PUT_BYTES_MAX = 262_144;
/** A given time counts as so many bytes. */
const TIME_BYTES = 14;

/** Why the whole request is refused (`ValidationException`). */
export function checkRequest(entries: readonly PutEntry[]): string | undefined {
  if (entries.length === 0 || entries.length > PUT_ENTRIES_MAX) {
    const bound =
      entries.length === 0
        ? "greater than or equal to 1"
        : `less than or equal to ${PUT_ENTRIES_MAX}`;
    const value = `[${entries.map(javaText).join(", ")}]`;
    return `1 validation error detected: Value '${value}' at 'entries' failed to satisfy constraint: Member must have length ${bound}`;
  }
  const bytes = entries.reduce((sum, entry) => sum + entryBytes(entry), 0);
  if (bytes <= PUT_BYTES_MAX) return undefined;
  return "Total size of the entries in the request is over the limit.";
}

/** The bytes of an entry as EventBridge counts them. */
export function entryBytes(entry: PutEntry): number {
  const texts = [entry.source, entry.detailType, entry.detail, ...(entry.resources ?? [])];
  const bytes = texts.reduce((sum, text) => sum + byteLength(text ?? ""), 0);
  return bytes + (entry.time === undefined ? 0 : TIME_BYTES);
}

export type Envelope = Readonly<Record<string, unknown>>;

/** The event, or why this entry alone failed. */
export function envelopeOf(
  entry: PutEntry,
  given: {
    readonly id: string;
    readonly account: string;
    readonly region: string;
    readonly now: number;
  },
): { readonly event: Envelope } | { readonly error: EntryError } {
  const { source, detailType, detail } = entry;
  if (!source) return { error: required("Source") };
  if (!detailType) return { error: required("DetailType") };
  if (!detail) return { error: required("Detail") };
  const parsed = parseObject(detail);
  if (parsed === undefined) {
    return { error: { code: "MalformedDetail", message: "Detail is malformed." } };
  }
  const event = {
    version: "0",
    id: given.id,
    "detail-type": detailType,
    source,
    account: given.account,
    time: isoSeconds(entry.time ?? given.now),
    region: given.region,
    resources: entry.resources ?? [],
    detail: parsed,
  };
  return { event };
}

/** EventBridge's times have whole seconds. */
export function isoSeconds(at: number): string {
  return `${new Date(at).toISOString().slice(0, -".000Z".length)}Z`;
}

function parseObject(text: string): object | undefined {
  try {
    const parsed: unknown = JSON.parse(text);
    return typeof parsed === "object" && parsed !== null && !Array.isArray(parsed)
      ? parsed
      : undefined;
  } catch {
    return undefined;
  }
}

function required(name: string): EntryError {
  const message = `Parameter ${name} is not valid. Reason: ${name} is a required argument.`;
  return { code: "InvalidArgument", message };
}

/** EventBridge's answer shows the entries as its own code prints them. */
function javaText(entry: PutEntry): string {
  const fields = {
    time: entry.time === undefined ? null : isoSeconds(entry.time),
    source: entry.source ?? null,
    resources: entry.resources === undefined ? null : `[${entry.resources.join(", ")}]`,
    detailType: entry.detailType ?? null,
    detail: entry.detail ?? null,
    eventBusName: entry.busName ?? null,
    traceHeader: null,
    kmsKeyIdentifier: null,
    internalMetadata: null,
  };
  const shown = Object.entries(fields).map(([name, value]) => `${name}=${value}`);
  return `PutEventsRequestEntry(${shown.join(", ")})`;
}
