/** What SQS checks of a message before it takes it, in its own words. */
import { byteLength } from "../model/byte-length.ts";
import type { QueueSettings } from "./queue-attributes.ts";
import {
  invalidParameter,
  type MessageAttribute,
  missingParameter,
  type QueueError,
  type SendEntry,
} from "./queue-protocol.ts";

/** One message or one batch, in bytes: bodies, attribute names, types and values (SQS quota, 1 MiB). */
export const SEND_BYTES_MAX = 1_048_576;

const DELAY_SECONDS_MAX = 900;
const ATTRIBUTES_MAX = 10;
const ID_RULE = "can only include alphanumeric and punctuation characters. 1 to 128 in length.";

/** The first thing wrong with a message, size apart. */
export function checkMessage(settings: QueueSettings, entry: SendEntry): QueueError | undefined {
  if (!entry.body) return missingParameter("MessageBody");
  return (
    checkCharacters(entry.body) ??
    checkIds(settings, entry) ??
    checkDelay(settings, entry.delaySeconds) ??
    checkAttributes(entry.attributes ?? {})
  );
}

/** The bytes that SQS counts of a message. */
export function messageBytes(entry: SendEntry): number {
  const attributes = Object.entries(entry.attributes ?? {});
  return attributes.reduce(
    (sum, [name, { dataType, stringValue, binaryValue }]) =>
      sum + byteLength(`${name}${dataType}${stringValue ?? ""}`) + base64Bytes(binaryValue ?? ""),
    byteLength(entry.body ?? ""),
  );
}

function checkCharacters(body: string): QueueError | undefined {
  // Of well-formed text every surrogate is half of a character that is taken.
  if (body.isWellFormed() && !/[^\t\n\r\u0020-\ufffd]/.test(body)) return undefined;
  const valid = "#x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF";
  return {
    code: "InvalidMessageContents",
    message: `Invalid characters found. Valid unicode characters are ${valid}.`,
  };
}

function checkIds(settings: QueueSettings, entry: SendEntry): QueueError | undefined {
  const { groupId, deduplicationId } = entry;
  if (settings.fifo && groupId === undefined) return missingParameter("MessageGroupId");
  if (groupId !== undefined && !isId(groupId)) {
    return invalidParameter("MessageGroupId", {
      value: groupId,
      reason: `MessageGroupId ${ID_RULE}`,
    });
  }
  if (deduplicationId === undefined) {
    if (!settings.fifo || settings.contentBasedDeduplication) return undefined;
    const message =
      "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly";
    return { code: "InvalidParameterValue", message };
  }
  const parameter = { value: deduplicationId, reason: `MessageDeduplicationId ${ID_RULE}` };
  if (!isId(deduplicationId)) return invalidParameter("MessageDeduplicationId", parameter);
  if (settings.fifo) return undefined;
  return invalidParameter("MessageDeduplicationId", { ...parameter, reason: WRONG_QUEUE_TYPE });
}

const WRONG_QUEUE_TYPE = "The request include parameter that is not valid for this queue type.";

function checkDelay(settings: QueueSettings, value: number | undefined): QueueError | undefined {
  if (value === undefined || value === 0) return undefined;
  if (settings.fifo) return invalidParameter("DelaySeconds", { value, reason: WRONG_QUEUE_TYPE });
  if (Number.isInteger(value) && value > 0 && value <= DELAY_SECONDS_MAX) return undefined;
  const reason = `DelaySeconds must be >= 0 and <= ${DELAY_SECONDS_MAX}.`;
  return invalidParameter("DelaySeconds", { value, reason });
}

function checkAttributes(
  attributes: Readonly<Record<string, MessageAttribute>>,
): QueueError | undefined {
  const entries = Object.entries(attributes);
  if (entries.length > ATTRIBUTES_MAX) {
    const message = `Number of message attributes [${entries.length}] exceeds the allowed maximum [${ATTRIBUTES_MAX}].`;
    return { code: "InvalidParameterValue", message };
  }
  for (const [name, attribute] of entries) {
    const wrong = checkAttribute(name, attribute);
    if (wrong)
      return {
        code: "InvalidParameterValue",
        message: `Message (user) attribute '${name}' ${wrong}`,
      };
  }
  return undefined;
}

function checkAttribute(name: string, attribute: MessageAttribute): string | undefined {
  const { dataType, stringValue, binaryValue } = attribute;
  const reserved = /^(aws|amazon)\./i.test(name) || /^\.|\.\.|\.$/.test(name);
  if (reserved || !/^[\w.-]{1,256}$/.test(name)) return "has an invalid name.";
  const type = /^(String|Number|Binary)(\..+)?$/.exec(dataType)?.[1];
  if (type === undefined) {
    return `has an invalid message attribute type, the set of supported type prefixes is Binary, Number, and String.`;
  }
  const value = type === "Binary" ? binaryValue : stringValue;
  if (!value) return `must contain a non-empty value of type '${type}'.`;
  if (type === "Number" && !Number.isFinite(Number(value)))
    return `could not be parsed as a number.`;
  return undefined;
}

function isId(text: string): boolean {
  return /^[!-~]{1,128}$/.test(text);
}

function base64Bytes(text: string): number {
  return Math.floor((text.replace(/=+$/, "").length * 3) / 4);
}
