/** Making, describing and removing queues. */
import {
  type Attributes,
  changeAttributes,
  firstDifference,
  initialAttributes,
  readRedrive,
} from "./queue-attributes.ts";
import type { Applied, Context } from "./queue-model.ts";
import { invalidParameter, type QueueError, type QueueRequest } from "./queue-protocol.ts";
import { countInFlight } from "./queue-receive.ts";
import type { QueueRecord } from "./queue-records.ts";
import { DELETED_NAME_HELD_MS, type QueueModelState, type QueueState } from "./queue-state.ts";

/** One purge of a queue in so long (SQS). */
export const PURGE_INTERVAL_MS = 60_000;
/** Names on one page of a list, at most (SQS). */
const LIST_MAX = 1_000;

type CreateRequest = Extract<QueueRequest, { readonly action: "createQueue" }>;
type ListRequest = Extract<QueueRequest, { readonly action: "listQueues" }>;
type Where = { readonly state: QueueModelState; readonly now: number };

export function createQueue({ state, now }: Where, request: CreateRequest): Applied {
  const { queueName, attributes = {}, tags = {} } = request;
  const existing = state.queues.get(queueName);
  if (existing) return recreate(existing, attributes);
  const deletedAt = state.deletedAt.get(queueName);
  if (deletedAt !== undefined && now < deletedAt + DELETED_NAME_HELD_MS) {
    const message =
      "You must wait 60 seconds after deleting a queue before you can create another with the same name.";
    return refused({ code: "AWS.SimpleQueueService.QueueDeletedRecently", message });
  }
  const fifo = /^true$/i.test(attributes["FifoQueue"] ?? "");
  const nameError = checkName(queueName, fifo ? "fifo" : "standard");
  if (nameError) return refused(nameError);
  const checked = initialAttributes(fifo, attributes);
  if (!checked.ok) return refused(checked.error);
  const redriveError = checkRedrive(state, checked.attributes);
  if (redriveError) return refused(redriveError);
  const queue: QueueRecord = {
    name: queueName,
    attributes: checked.attributes,
    tags,
    deduplicateByGroup: checked.attributes["DeduplicationScope"] === "messageGroup",
    createdAt: now,
    modifiedAt: now,
  };
  return { response: { kind: "queue", queueName }, changes: [{ kind: "queuePut", queue }] };
}

function recreate({ record }: QueueState, attributes: Attributes): Applied {
  const different = firstDifference(record.attributes, attributes);
  if (different === undefined)
    return { response: { kind: "queue", queueName: record.name }, changes: [] };
  const message = `A queue already exists with the same name and a different value for attribute ${different}`;
  return refused({ code: "QueueAlreadyExists", message });
}

export function deleteQueue({ queue, now }: Context): Applied {
  const changes = [{ kind: "queueDeleted", queueName: queue.record.name, at: now } as const];
  return { response: { kind: "done" }, changes };
}

export function purgeQueue({ queue, now }: Context): Applied {
  const { name, purgedAt } = queue.record;
  if (purgedAt !== undefined && now < purgedAt + PURGE_INTERVAL_MS) {
    const message = `Only one PurgeQueue operation on ${name} is allowed every 60 seconds.`;
    return refused({ code: "AWS.SimpleQueueService.PurgeQueueInProgress", message });
  }
  const changes = [
    { kind: "queuePut", queue: { ...queue.record, purgedAt: now } } as const,
    { kind: "queuePurged", queueName: name } as const,
  ];
  return { response: { kind: "done" }, changes };
}

export function setAttributes({ state, queue, now }: Context, given: Attributes): Applied {
  const checked = changeAttributes(queue.record.attributes, given);
  if (!checked.ok) return refused(checked.error);
  const redriveError = checkRedrive(state, checked.attributes);
  if (redriveError) return refused(redriveError);
  const record = { ...queue.record, attributes: checked.attributes, modifiedAt: now };
  return { response: { kind: "done" }, changes: [{ kind: "queuePut", queue: record }] };
}

export function setTags({ queue }: Context, tags: Readonly<Record<string, string>>): Applied {
  const changes = [{ kind: "queuePut", queue: { ...queue.record, tags } } as const];
  return { response: { kind: "done" }, changes };
}

export function describeQueue(context: Context, names: readonly string[]): Applied {
  const all = describe(context);
  const unknown = names.find(
    (name) => name !== "All" && !(name in all) && !ATTRIBUTE_NAMES.includes(name),
  );
  if (unknown !== undefined) {
    return refused({ code: "InvalidAttributeName", message: `Unknown Attribute ${unknown}.` });
  }
  const wanted = Object.entries(all).filter(
    ([name]) => names.includes("All") || names.includes(name),
  );
  return { response: { kind: "attributes", attributes: Object.fromEntries(wanted) }, changes: [] };
}

/** Known to SQS even where a queue has no value for them. */
const ATTRIBUTE_NAMES = [
  "FifoQueue",
  "ContentBasedDeduplication",
  "DeduplicationScope",
  "FifoThroughputLimit",
  "Policy",
  "RedrivePolicy",
  "RedriveAllowPolicy",
  "KmsMasterKeyId",
  "KmsDataKeyReusePeriodSeconds",
];

function describe({ deps, queue, now }: Context): Attributes {
  const inFlight = countInFlight(queue, now);
  let delayed = 0;
  for (const { delivery } of queue.entries.values()) {
    if (delivery.receiveCount === 0 && delivery.visibleAt > now) delayed++;
  }
  return {
    ...queue.record.attributes,
    QueueArn: deps.arnOf(queue.record.name),
    CreatedTimestamp: seconds(queue.record.createdAt),
    LastModifiedTimestamp: seconds(queue.record.modifiedAt),
    ApproximateNumberOfMessages: String(queue.entries.size - inFlight - delayed),
    ApproximateNumberOfMessagesNotVisible: String(inFlight),
    ApproximateNumberOfMessagesDelayed: String(delayed),
  };
}

export function listQueues(state: QueueModelState, request: ListRequest): Applied {
  const { prefix = "", after = "", maxResults } = request;
  const names = [...state.queues.keys()]
    .filter((name) => name.startsWith(prefix) && name > after)
    .sort();
  const queueNames = names.slice(0, maxResults ?? LIST_MAX);
  // SQS hands out a token only to who asked for pages.
  const more = maxResults !== undefined && names.length > queueNames.length;
  const nextAfter = more ? queueNames.at(-1) : undefined;
  return { response: { kind: "queues", queueNames, nextAfter }, changes: [] };
}

function checkName(name: string, type: "fifo" | "standard"): QueueError | undefined {
  const base = type === "fifo" ? name.replace(/\.fifo$/, "") : name;
  if (type === "fifo" && base === name) {
    return {
      code: "InvalidParameterValue",
      message: "The queue name must end with the .fifo suffix for FIFO queues.",
    };
  }
  if (/^[\w-]+$/.test(base) && name.length <= 80) return undefined;
  const message =
    "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length";
  return { code: "InvalidParameterValue", message };
}

function checkRedrive(state: QueueModelState, attributes: Attributes): QueueError | undefined {
  const value = attributes["RedrivePolicy"];
  const redrive = readRedrive(value ?? "");
  if (value === undefined || redrive === undefined) return undefined;
  const target = state.queues.get(redrive.queueName);
  if (target === undefined) {
    return invalidParameter("RedrivePolicy", {
      value,
      reason: "Dead letter target does not exist.",
    });
  }
  if (target.settings.fifo === (attributes["FifoQueue"] === "true")) return undefined;
  const reason = "Dead-letter queue must be same type of queue as the source.";
  return invalidParameter("RedrivePolicy", { value, reason });
}

function refused(error: QueueError): Applied {
  return { response: { kind: "refused", error }, changes: [] };
}

function seconds(at: number): string {
  return String(Math.floor(at / 1_000));
}
