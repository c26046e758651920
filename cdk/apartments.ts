/**
 * The apartments: the FIFO queue of all messages to them (group = VM id), the function that takes their turns, and the
 * dead-letter queue with the function that sends what lands there to its apartment again, once.
 *
 * 1. Visibility is six times the time-out of the function, as Lambda asks for: a batch is never handed out while its
 *    function may still run and its retries of a throttled invocation are not over.
 * 2. Concurrency is limited on the mapping, never reserved on the function: a reserved limit makes the mapping take
 *    batches that are then throttled and counted as receives.
 * 3. No batching window: a FIFO queue has none, and a job should begin at once.
 * 4. An apartment sends messages to itself and to others of its kind: steps of a job, jobs that wait for jobs. Such chains may be
 *    longer than what Lambda takes for a mistake; each has a job's deadline.
 */
import { Duration } from "aws-cdk-lib";
import { RecursiveLoop } from "aws-cdk-lib/aws-lambda";
import { SqsEventSource } from "aws-cdk-lib/aws-lambda-event-sources";
import { DeduplicationScope, FifoThroughputLimit, Queue } from "aws-cdk-lib/aws-sqs";
import { Construct } from "constructs";
import { FIVE_MINUTES } from "./alarms.ts";
import { type Surroundings, VmsyncFunction } from "./vmsync-function.ts";

/** Of the function's time-out; Lambda's own advice for SQS. */
const VISIBILITY_TIMEOUTS = 6;
/** A turn takes milliseconds; ten apartments with throttled dependencies and retries in process stay below this. */
const TURN_TIMEOUT_SECONDS = 30;
/** A send back and an incident for each of ten messages. */
const DEAD_LETTERS_TIMEOUT_SECONDS = 30;
/** SQS's most without a batching window. */
const BATCH_MESSAGES_MAX = 10;
/**
 * SQS's own maximum. Poison is acknowledged by the turn that finds it, so only failing infrastructure makes receives, up
 * to a minute apart (`shared/app/take-turns.ts`): a message becomes a dead letter after an outage of sixteen hours. What
 * sequence numbers prove (A4) ends before that: `shared/core/flush.ts`, `SEQUENCE_TELLS_MS`.
 */
const RECEIVES_MAX = 1000;
/** Turns side by side: ten apartments each; enough for 500 VMs busy at the same moment, and an upper bound of the write load. */
const TURNS_MAX = 50;
/** The least that a mapping takes; dead letters are rare and in no hurry. */
const DEAD_LETTER_BATCHES_MAX = 2;
/** SQS's longest: what nobody took by then is older than any job (`jobExpireHours`). */
const RETENTION = Duration.days(14);
/** The oldest message of a system that keeps up is seconds old. */
const BACKLOG_ALARM_SECONDS = 120;
/** Dead letters are taken within seconds; older ones say that their function fails. */
const STUCK_ALARM_SECONDS = 900;

export interface ApartmentQueueProps {
  readonly stage: string;
}

/** The queue with its dead-letter queue; everything that sends to apartments is granted here. */
export class ApartmentQueue extends Construct {
  readonly queue: Queue;
  readonly deadLetters: Queue;

  constructor(scope: Construct, id: string, props: ApartmentQueueProps) {
    super(scope, id);
    this.deadLetters = fifoQueue(this, "DeadLetters", {
      queueName: `${props.stage}-apartments-dead.fifo`,
      consumerTimeoutSeconds: DEAD_LETTERS_TIMEOUT_SECONDS,
    });
    this.queue = fifoQueue(this, "Queue", {
      queueName: `${props.stage}-apartments.fifo`,
      consumerTimeoutSeconds: TURN_TIMEOUT_SECONDS,
      deadLetters: this.deadLetters,
    });
  }
}

export interface ApartmentsProps {
  readonly surroundings: Surroundings;
  readonly apartmentQueue: ApartmentQueue;
}

export class Apartments extends Construct {
  /** Takes turns; what a turn's effects need is granted by the stack. */
  readonly turns: VmsyncFunction;
  readonly deadLetters: VmsyncFunction;

  constructor(scope: Construct, id: string, props: ApartmentsProps) {
    super(scope, id);
    const { surroundings, apartmentQueue } = props;
    this.turns = new VmsyncFunction(this, "Turns", {
      surroundings,
      name: "apartment",
      description: "Takes the turns of the apartments: decides, commits, sends.",
      timeoutSeconds: TURN_TIMEOUT_SECONDS,
      // About half a core: ten groups at once, each parsing and deciding on the one thread.
      memoryMiB: 1024,
      recursiveLoop: RecursiveLoop.ALLOW, // 4
    });
    consume(this.turns, apartmentQueue.queue, TURNS_MAX);
    this.deadLetters = new VmsyncFunction(this, "DeadLetters", {
      surroundings,
      name: "dead-letters",
      description: "Sends dead letters to their apartments again, once, with an incident.",
      timeoutSeconds: DEAD_LETTERS_TIMEOUT_SECONDS,
      // Waits for the network; 256 MiB is what the SDK's start needs without swapping to a crawl.
      memoryMiB: 256,
      recursiveLoop: RecursiveLoop.ALLOW, // 4
    });
    consume(this.deadLetters, apartmentQueue.deadLetters, DEAD_LETTER_BATCHES_MAX);
    this.#alarms(props);
  }

  #alarms({ surroundings, apartmentQueue }: ApartmentsProps): void {
    const { alarms, stage } = surroundings;
    alarms.add(this, "Backlog", {
      name: `${stage}-apartments-backlog`,
      section: "apartments-backlog",
      says: "The oldest message to an apartment waits too long",
      metric: apartmentQueue.queue.metricApproximateAgeOfOldestMessage({ period: FIVE_MINUTES }),
      threshold: BACKLOG_ALARM_SECONDS,
    });
    // Not by the queue's length: its own function empties it within seconds.
    alarms.add(this, "Arrived", {
      name: `${stage}-dead-letters-arrived`,
      section: "dead-letters-arrived",
      says: "A message to an apartment failed until it became a dead letter",
      metric: this.deadLetters.lambda.metricInvocations({ period: FIVE_MINUTES, statistic: "Sum" }),
      threshold: 1,
    });
    alarms.add(this, "Stuck", {
      name: `${stage}-dead-letters-stuck`,
      section: "dead-letters-stuck",
      says: "Dead letters are not taken from their queue",
      metric: apartmentQueue.deadLetters.metricApproximateAgeOfOldestMessage({
        period: FIVE_MINUTES,
      }),
      threshold: STUCK_ALARM_SECONDS,
    });
  }
}

function fifoQueue(
  scope: Construct,
  id: string,
  wanted: {
    readonly queueName: string;
    readonly consumerTimeoutSeconds: number;
    readonly deadLetters?: Queue;
  },
): Queue {
  return new Queue(scope, id, {
    queueName: wanted.queueName,
    fifo: true,
    // High throughput: limits and de-duplication count by group, so one busy VM takes nothing from the others.
    deduplicationScope: DeduplicationScope.MESSAGE_GROUP,
    fifoThroughputLimit: FifoThroughputLimit.PER_MESSAGE_GROUP_ID,
    visibilityTimeout: Duration.seconds(VISIBILITY_TIMEOUTS * wanted.consumerTimeoutSeconds),
    retentionPeriod: RETENTION,
    enforceSSL: true,
    ...(wanted.deadLetters && {
      deadLetterQueue: { queue: wanted.deadLetters, maxReceiveCount: RECEIVES_MAX },
    }),
  });
}

function consume(consumer: VmsyncFunction, queue: Queue, batchesMax: number): void {
  consumer.lambda.addEventSource(
    new SqsEventSource(queue, {
      batchSize: BATCH_MESSAGES_MAX,
      reportBatchItemFailures: true,
      maxConcurrency: batchesMax,
    }),
  );
}
