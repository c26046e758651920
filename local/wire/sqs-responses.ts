/** The queue model's answers as SQS's awsJson1.0 writes them. */
import type {
  MessageAttribute,
  QueueError,
  QueueErrorCode,
  QueueRequest,
  QueueResponse,
  ReceivedMessage,
  SendEntry,
} from "../../shared/memory/queue-protocol.ts";
import { attributesMd5, bodyMd5 } from "./message-md5.ts";
import type { ReadRequest, Wanted } from "./sqs-requests.ts";
import { refuse, type WireAnswer, type WireError } from "./wire-error.ts";

/** `queueUrlOf` makes URLs of this server's own origin. */
export function writeResponse(
  { request, wanted }: ReadRequest,
  response: QueueResponse,
  queueUrlOf: (name: string) => string,
): WireAnswer {
  if (response.kind === "refused") return refuse(wireError(response.error));
  return { ok: true, body: bodyOf({ request, wanted }, response, queueUrlOf) };
}

type Granted = Exclude<QueueResponse, { readonly kind: "refused" }>;

function bodyOf(
  { request, wanted }: ReadRequest,
  response: Granted,
  queueUrlOf: (name: string) => string,
) {
  switch (response.kind) {
    case "queue":
      return { QueueUrl: queueUrlOf(response.queueName) };
    case "queues": {
      const { queueNames, nextAfter } = response;
      const NextToken = nextAfter && Buffer.from(nextAfter).toString("base64url");
      return { ...(queueNames.length > 0 && { QueueUrls: queueNames.map(queueUrlOf) }), NextToken };
    }
    case "attributes":
      return Object.keys(response.attributes).length > 0 ? { Attributes: response.attributes } : {};
    case "tags":
      return Object.keys(response.tags).length > 0 ? { Tags: response.tags } : {};
    case "sent": {
      const { messageId, sequenceNumber } = response.sent;
      return {
        MessageId: messageId,
        SequenceNumber: sequenceNumber,
        ...sentMd5s(entryOf(request)),
      };
    }
    case "sentBatch":
      return {
        Successful: response.successful.map(({ id, messageId, sequenceNumber }) => ({
          Id: id,
          MessageId: messageId,
          SequenceNumber: sequenceNumber,
          ...sentMd5s(entryOf(request, id)),
        })),
        ...failures(response.failed),
      };
    case "batch":
      return {
        Successful: response.successful.map(({ id }) => ({ Id: id })),
        ...failures(response.failed),
      };
    case "received":
      if (response.messages.length === 0) return {};
      return { Messages: response.messages.map((message) => writeMessage(message, wanted)) };
    case "done":
      return {};
    default:
      return response satisfies never;
  }
}

/** The MD5s of a send are of what was sent, also where it repeats an earlier send. */
function sentMd5s(entry: SendEntry) {
  return {
    MD5OfMessageBody: bodyMd5(entry.body ?? ""),
    MD5OfMessageAttributes: attributesMd5(entry.attributes ?? {}),
    ...(entry.traceHeader !== undefined && {
      MD5OfMessageSystemAttributes: attributesMd5({
        AWSTraceHeader: { dataType: "String", stringValue: entry.traceHeader },
      }),
    }),
  };
}

function entryOf(request: QueueRequest, id?: string): SendEntry {
  if (request.action === "sendMessage") return request.entry;
  if (request.action !== "sendMessageBatch") return {};
  return request.entries.find((entry) => entry.id === id) ?? {};
}

function failures(failed: readonly { readonly id: string; readonly error: QueueError }[]) {
  if (failed.length === 0) return {};
  const Failed = failed.map(({ id, error }) => ({
    Id: id,
    SenderFault: true,
    Code: error.code,
    Message: error.message,
  }));
  return { Failed };
}

function writeMessage(message: ReceivedMessage, wanted: Wanted) {
  const system = pick(
    message.system,
    (name) => wanted.system.includes("All") || wanted.system.includes(name),
  );
  const attributes = pick(message.attributes, (name) =>
    wanted.attributes.some((filter) => fits(filter, name)),
  );
  return {
    MessageId: message.messageId,
    ReceiptHandle: message.receiptHandle,
    Body: message.body,
    MD5OfBody: bodyMd5(message.body),
    ...(Object.keys(system).length > 0 && { Attributes: system }),
    ...(Object.keys(attributes).length > 0 && {
      MessageAttributes: writeAttributes(attributes),
      MD5OfMessageAttributes: attributesMd5(attributes),
    }),
  };
}

/** A filter is a name, a prefix ending in `.*`, or all. */
function fits(filter: string, name: string): boolean {
  if (filter === "All" || filter === "*" || filter === ".*") return true;
  return filter === name || (filter.endsWith(".*") && name.startsWith(filter.slice(0, -2)));
}

function writeAttributes(attributes: Readonly<Record<string, MessageAttribute>>) {
  const written = Object.entries(attributes).map(([name, attribute]) => [
    name,
    {
      DataType: attribute.dataType,
      StringValue: attribute.stringValue,
      BinaryValue: attribute.binaryValue,
    },
  ]);
  return Object.fromEntries(written);
}

function pick<Value>(from: Readonly<Record<string, Value>>, wanted: (name: string) => boolean) {
  return Object.fromEntries(Object.entries(from).filter(([name]) => wanted(name)));
}

/** Where the shape's name is not the code, or the status not 400. */
const SHAPES: Partial<Record<QueueErrorCode, { readonly type: string; readonly status?: number }>> =
  {
    "AWS.SimpleQueueService.NonExistentQueue": { type: "QueueDoesNotExist" },
    "AWS.SimpleQueueService.PurgeQueueInProgress": { type: "PurgeQueueInProgress", status: 403 },
    InvalidParameterValue: { type: "InvalidParameterValueException" },
    MissingParameter: { type: "MissingRequiredParameterException" },
    OverLimit: { type: "OverLimit", status: 403 },
    QueueAlreadyExists: { type: "QueueNameExists" },
    ReceiptHandleIsInvalid: { type: "ReceiptHandleIsInvalid", status: 404 },
  };

function wireError({ code, message }: QueueError): WireError {
  const { type = code.replace("AWS.SimpleQueueService.", ""), status = 400 } = SHAPES[code] ?? {};
  const namespace = type.endsWith("Exception") ? "com.amazon.coral.service" : "com.amazonaws.sqs";
  return { status, type: `${namespace}#${type}`, message, queryCode: code };
}
