/**
 * Queue attributes: checked as SQS checks them, kept as the texts that SQS shows, read as settings.
 *
 * `Policy`, `RedriveAllowPolicy` and `SqsManagedSseEnabled` are kept and shown but have no effect here. KMS keys
 * are refused: nothing local would encrypt with them.
 */
import { invalidParameter, type QueueError } from "./queue-protocol.ts";

export type Attributes = Readonly<Record<string, string>>;

/** What the model goes by. */
export type QueueSettings = {
  readonly fifo: boolean;
  readonly contentBasedDeduplication: boolean;
  readonly visibilityTimeoutSeconds: number;
  readonly delaySeconds: number;
  readonly messageBytesMax: number;
  readonly retentionSeconds: number;
  readonly waitSeconds: number;
  readonly redrive: Redrive | undefined;
};
export type Redrive = { readonly queueName: string; readonly receivesMax: number };

export type Checked =
  | { readonly ok: true; readonly attributes: Attributes }
  | { readonly ok: false; readonly error: QueueError };

type Range = { readonly least: number; readonly most: number; readonly initial: string };

/** SQS's ranges and defaults: seconds, except `MaximumMessageSize` in bytes. */
const NUMBERS: Readonly<Record<string, Range>> = {
  VisibilityTimeout: { least: 0, most: 43_200, initial: "30" },
  DelaySeconds: { least: 0, most: 900, initial: "0" },
  MaximumMessageSize: { least: 1_024, most: 1_048_576, initial: "1048576" },
  MessageRetentionPeriod: { least: 60, most: 1_209_600, initial: "345600" },
  ReceiveMessageWaitTimeSeconds: { least: 0, most: 20, initial: "0" },
};
const CHOICES: Readonly<Record<string, readonly string[]>> = {
  FifoQueue: ["true", "false"],
  ContentBasedDeduplication: ["true", "false"],
  SqsManagedSseEnabled: ["true", "false"],
  DeduplicationScope: ["queue", "messageGroup"],
  FifoThroughputLimit: ["perQueue", "perMessageGroupId"],
};
const KEPT = ["Policy", "RedriveAllowPolicy", "RedrivePolicy"];
const FIFO_INITIAL: Attributes = {
  ContentBasedDeduplication: "false",
  DeduplicationScope: "queue",
  FifoThroughputLimit: "perQueue",
};
const RECEIVES_MAX = 1_000; // SQS's own bound on maxReceiveCount

/** The attributes of a new queue: what was given over the defaults. */
export function initialAttributes(fifo: boolean, given: Attributes): Checked {
  const initial = Object.entries(NUMBERS).map(([name, range]) => [name, range.initial]);
  const base = { ...Object.fromEntries(initial), SqsManagedSseEnabled: "true" };
  if (!fifo) return changeAttributes(base, given);
  return changeAttributes({ ...base, FifoQueue: "true", ...FIFO_INITIAL }, given);
}

/** The attributes of a queue after `SetQueueAttributes`. An empty policy removes it. */
export function changeAttributes(current: Attributes, given: Attributes): Checked {
  const fifo = current["FifoQueue"] === "true";
  const next: Record<string, string> = { ...current };
  for (const [name, raw] of Object.entries(given)) {
    const value = name in CHOICES && /^(true|false)$/i.test(raw) ? raw.toLowerCase() : raw;
    const error = check(name, { value, fifo });
    if (error !== undefined) return { ok: false, error };
    if (value === "" && KEPT.includes(name)) delete next[name];
    else next[name] = value;
  }
  return { ok: true, attributes: next };
}

/** The first attribute that is given otherwise than the queue has it: `CreateQueue` on an existing name is refused for it. */
export function firstDifference(current: Attributes, given: Attributes): string | undefined {
  return Object.entries(given).find(
    ([name, value]) => (current[name] ?? "").toLowerCase() !== value.toLowerCase(),
  )?.[0];
}

export function readSettings(attributes: Attributes): QueueSettings {
  return {
    fifo: attributes["FifoQueue"] === "true",
    contentBasedDeduplication: attributes["ContentBasedDeduplication"] === "true",
    visibilityTimeoutSeconds: Number(attributes["VisibilityTimeout"]),
    delaySeconds: Number(attributes["DelaySeconds"]),
    messageBytesMax: Number(attributes["MaximumMessageSize"]),
    retentionSeconds: Number(attributes["MessageRetentionPeriod"]),
    waitSeconds: Number(attributes["ReceiveMessageWaitTimeSeconds"]),
    redrive: readRedrive(attributes["RedrivePolicy"] ?? ""),
  };
}

/** Undefined where the text is no redrive policy that SQS takes. */
export function readRedrive(policy: string): Redrive | undefined {
  let parsed: unknown;
  try {
    parsed = JSON.parse(policy);
  } catch {
    return undefined;
  }
  if (typeof parsed !== "object" || parsed === null) return undefined;
  if (!("deadLetterTargetArn" in parsed) || !("maxReceiveCount" in parsed)) return undefined;
  const arn = /^arn:[^:]+:sqs:[^:]+:[^:]+:([^:]+)$/.exec(String(parsed.deadLetterTargetArn));
  const receivesMax = Number(parsed.maxReceiveCount);
  if (arn?.[1] === undefined || !Number.isInteger(receivesMax)) return undefined;
  if (receivesMax < 1 || receivesMax > RECEIVES_MAX) return undefined;
  return { queueName: arn[1], receivesMax };
}

function check(
  name: string,
  { value, fifo }: { readonly value: string; readonly fifo: boolean },
): QueueError | undefined {
  const unknown: QueueError = {
    code: "InvalidAttributeName",
    message: `Unknown Attribute ${name}.`,
  };
  const invalid: QueueError = {
    code: "InvalidAttributeValue",
    message: `Invalid value for the parameter ${name}.`,
  };
  if (name === "FifoQueue" && fifo && value === "false") {
    return {
      ...invalid,
      message: `${invalid.message} Reason: Modifying queue type is not supported.`,
    };
  }
  if (!fifo && (name === "FifoQueue" || name === "ContentBasedDeduplication")) return unknown;
  if (!fifo && (name === "DeduplicationScope" || name === "FifoThroughputLimit")) {
    return {
      ...unknown,
      message: `You can specify the ${name} only when FifoQueue is set to true.`,
    };
  }
  const range = NUMBERS[name];
  if (range !== undefined) {
    const inRange =
      /^\d+$/.test(value) && Number(value) >= range.least && Number(value) <= range.most;
    return inRange ? undefined : invalid;
  }
  const choices = CHOICES[name];
  if (choices !== undefined) return choices.includes(value) ? undefined : invalid;
  if (!KEPT.includes(name)) return unknown;
  if (name !== "RedrivePolicy" || value === "" || readRedrive(value)) return undefined;
  return invalidParameter(name, { value, reason: "Invalid redrive policy." });
}
