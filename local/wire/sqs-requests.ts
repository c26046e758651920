/** SQS's awsJson1.0 requests, read into the queue model's. */
import * as z from "zod/mini";
import type {
  MessageAttribute,
  QueueRequest,
  SendEntry,
} from "../../shared/memory/queue-protocol.ts";

const Texts = z.record(z.string(), z.string());
const Count = z.optional(z.number());
const Text = z.optional(z.string());
const Names = z.optional(z.array(z.string()));
const Attribute = z.object({ DataType: z.string(), StringValue: Text, BinaryValue: Text });
const Message = z.object({
  MessageBody: Text,
  DelaySeconds: Count,
  MessageAttributes: z.optional(z.record(z.string(), Attribute)),
  MessageSystemAttributes: z.optional(z.strictObject({ AWSTraceHeader: z.optional(Attribute) })),
  MessageGroupId: Text,
  MessageDeduplicationId: Text,
});
const Queue = z.object({ QueueUrl: z.string() });
const Handle = z.object({ ReceiptHandle: z.string() });
const Visibility = z.extend(Handle, { VisibilityTimeout: z.number() });
const Id = { Id: z.string() };

const Shapes = {
  CreateQueue: z.object({
    QueueName: z.string(),
    Attributes: z.optional(Texts),
    tags: z.optional(Texts),
  }),
  GetQueueUrl: z.object({ QueueName: z.string() }),
  ListQueues: z.object({ QueueNamePrefix: Text, MaxResults: Count, NextToken: Text }),
  DeleteQueue: Queue,
  PurgeQueue: Queue,
  ListQueueTags: Queue,
  GetQueueAttributes: z.extend(Queue, { AttributeNames: Names }),
  SetQueueAttributes: z.extend(Queue, { Attributes: Texts }),
  TagQueue: z.extend(Queue, { Tags: Texts }),
  UntagQueue: z.extend(Queue, { TagKeys: z.array(z.string()) }),
  SendMessage: z.extend(Queue, Message.shape),
  SendMessageBatch: z.extend(Queue, { Entries: z.array(z.extend(Message, Id)) }),
  ReceiveMessage: z.extend(Queue, {
    AttributeNames: Names,
    MessageSystemAttributeNames: Names,
    MessageAttributeNames: Names,
    MaxNumberOfMessages: Count,
    VisibilityTimeout: Count,
    WaitTimeSeconds: Count,
    ReceiveRequestAttemptId: Text,
  }),
  DeleteMessage: z.extend(Queue, Handle.shape),
  DeleteMessageBatch: z.extend(Queue, { Entries: z.array(z.extend(Handle, Id)) }),
  ChangeMessageVisibility: z.extend(Queue, Visibility.shape),
  ChangeMessageVisibilityBatch: z.extend(Queue, { Entries: z.array(z.extend(Visibility, Id)) }),
};

export type SqsOperation = keyof typeof Shapes;

export function isSqsOperation(name: string): name is SqsOperation {
  return Object.hasOwn(Shapes, name);
}

/** What a receive wants of the messages, beside the messages. */
export type Wanted = { readonly system: readonly string[]; readonly attributes: readonly string[] };

export type ReadRequest = { readonly request: QueueRequest; readonly wanted: Wanted };

const NOTHING: Wanted = { system: [], attributes: [] };

/** Throws zod's error where the body is not of the operation's shape. */
export function readRequest(operation: SqsOperation, body: unknown, senderId: string): ReadRequest {
  if (operation === "ReceiveMessage") {
    const input = z.parse(Shapes.ReceiveMessage, body);
    const system = [...(input.AttributeNames ?? []), ...(input.MessageSystemAttributeNames ?? [])];
    return {
      wanted: { system, attributes: input.MessageAttributeNames ?? [] },
      request: {
        action: "receiveMessage",
        queueName: nameOf(input),
        messagesMax: input.MaxNumberOfMessages,
        visibilityTimeoutSeconds: input.VisibilityTimeout,
        waitSeconds: input.WaitTimeSeconds,
      },
    };
  }
  return { wanted: NOTHING, request: readOther(operation, body, senderId) };
}

function readOther(
  operation: Exclude<SqsOperation, "ReceiveMessage">,
  body: unknown,
  senderId: string,
): QueueRequest {
  switch (operation) {
    case "SendMessage": {
      const input = z.parse(Shapes.SendMessage, body);
      return { action: "sendMessage", queueName: nameOf(input), senderId, entry: readEntry(input) };
    }
    case "SendMessageBatch": {
      const input = z.parse(Shapes.SendMessageBatch, body);
      const entries = input.Entries.map((entry) => ({ id: entry.Id, ...readEntry(entry) }));
      return { action: "sendMessageBatch", queueName: nameOf(input), senderId, entries };
    }
    case "DeleteMessage": {
      const input = z.parse(Shapes.DeleteMessage, body);
      return {
        action: "deleteMessage",
        queueName: nameOf(input),
        receiptHandle: input.ReceiptHandle,
      };
    }
    case "DeleteMessageBatch": {
      const input = z.parse(Shapes.DeleteMessageBatch, body);
      const entries = input.Entries.map(({ Id: id, ReceiptHandle: receiptHandle }) => ({
        id,
        receiptHandle,
      }));
      return { action: "deleteMessageBatch", queueName: nameOf(input), entries };
    }
    case "ChangeMessageVisibility": {
      const input = z.parse(Shapes.ChangeMessageVisibility, body);
      return {
        action: "changeMessageVisibility",
        queueName: nameOf(input),
        ...readVisibility(input),
      };
    }
    case "ChangeMessageVisibilityBatch": {
      const input = z.parse(Shapes.ChangeMessageVisibilityBatch, body);
      const entries = input.Entries.map((entry) => ({ id: entry.Id, ...readVisibility(entry) }));
      return { action: "changeMessageVisibilityBatch", queueName: nameOf(input), entries };
    }
    default:
      return readAdmin(operation, body);
  }
}

type AdminOperation = Exclude<
  SqsOperation,
  `${"Send" | "Delete" | "Change" | "Receive"}Message${string}`
>;

function readAdmin(operation: AdminOperation, body: unknown): QueueRequest {
  switch (operation) {
    case "CreateQueue": {
      const {
        QueueName: queueName,
        Attributes: attributes,
        tags,
      } = z.parse(Shapes.CreateQueue, body);
      return { action: "createQueue", queueName, attributes, tags };
    }
    case "GetQueueUrl":
      return { action: "findQueue", queueName: z.parse(Shapes.GetQueueUrl, body).QueueName };
    case "ListQueues": {
      const {
        QueueNamePrefix: prefix,
        MaxResults: maxResults,
        NextToken,
      } = z.parse(Shapes.ListQueues, body);
      const after = NextToken && Buffer.from(NextToken, "base64url").toString("utf8");
      return { action: "listQueues", prefix, maxResults, after };
    }
    case "DeleteQueue":
      return { action: "deleteQueue", queueName: nameOf(z.parse(Queue, body)) };
    case "PurgeQueue":
      return { action: "purgeQueue", queueName: nameOf(z.parse(Queue, body)) };
    case "ListQueueTags":
      return { action: "listQueueTags", queueName: nameOf(z.parse(Queue, body)) };
    case "GetQueueAttributes": {
      const input = z.parse(Shapes.GetQueueAttributes, body);
      return {
        action: "getQueueAttributes",
        queueName: nameOf(input),
        names: input.AttributeNames ?? [],
      };
    }
    case "SetQueueAttributes": {
      const input = z.parse(Shapes.SetQueueAttributes, body);
      return {
        action: "setQueueAttributes",
        queueName: nameOf(input),
        attributes: input.Attributes,
      };
    }
    case "TagQueue": {
      const input = z.parse(Shapes.TagQueue, body);
      return { action: "tagQueue", queueName: nameOf(input), tags: input.Tags };
    }
    case "UntagQueue": {
      const input = z.parse(Shapes.UntagQueue, body);
      return { action: "untagQueue", queueName: nameOf(input), tagKeys: input.TagKeys };
    }
    default:
      return operation satisfies never;
  }
}

/** A queue URL says the queue by its last part; its origin may be of an earlier start. */
function nameOf({ QueueUrl }: z.infer<typeof Queue>): string {
  return QueueUrl.slice(QueueUrl.lastIndexOf("/") + 1);
}

function readEntry(message: z.infer<typeof Message>): SendEntry {
  return {
    body: message.MessageBody,
    groupId: message.MessageGroupId,
    deduplicationId: message.MessageDeduplicationId,
    delaySeconds: message.DelaySeconds,
    attributes: readAttributes(message.MessageAttributes ?? {}),
    traceHeader: message.MessageSystemAttributes?.AWSTraceHeader?.StringValue,
  };
}

function readAttributes(attributes: Readonly<Record<string, z.infer<typeof Attribute>>>) {
  const read = Object.entries(attributes).map(([name, value]): [string, MessageAttribute] => [
    name,
    {
      dataType: value.DataType,
      stringValue: value.StringValue,
      binaryValue: value.BinaryValue,
    },
  ]);
  return Object.fromEntries(read);
}

function readVisibility(input: z.infer<typeof Visibility>) {
  return { receiptHandle: input.ReceiptHandle, visibilityTimeoutSeconds: input.VisibilityTimeout };
}
