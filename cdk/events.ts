/**
 * What is told on the bus, but for reports: one rule to one queue, and the function that records it.
 *
 * A queue between bus and function, because a function that the bus invokes is invoked once an event: here a batch is kept
 * open for a second, so that the events of one job are one invocation and one write.
 *
 * 1. What the bus cannot put into the queue goes to a dead-letter queue that the same function takes from: nothing needs a
 *    hand once the cause is gone.
 * 2. What the function fails on for days is kept for a person, who sends it back when the function works again.
 */
import { Duration } from "aws-cdk-lib";
import { Match, Rule } from "aws-cdk-lib/aws-events";
import { SqsQueue as SqsTarget } from "aws-cdk-lib/aws-events-targets";
import { SqsEventSource } from "aws-cdk-lib/aws-lambda-event-sources";
import { Queue } from "aws-cdk-lib/aws-sqs";
import { Construct } from "constructs";
import { PAGE_EVENTS_MAX } from "../shared/model/event-log.ts";
import { EVENT_SHARDS } from "../shared/model/tables.ts";
import { TOPIC_SOURCE, type TopicFamily } from "../shared/model/topic.ts";
import { FIVE_MINUTES } from "./alarms.ts";
import type { Topics } from "./reports.ts";
import { type Surroundings, VmsyncFunction } from "./vmsync-function.ts";

/** One transaction, tried a few times. */
const RECORD_TIMEOUT_SECONDS = 20;
/** Of the function's time-out; Lambda's own advice for SQS. */
const VISIBILITY_TIMEOUTS = 6;
/** The least there is; an event is history, or wakes a job that waits for seconds at least. */
const WINDOW = Duration.seconds(1);
/** SQS's own maximum; two minutes apart that is after 33 hours of failing. */
const RECEIVES_MAX = 1_000;
/** SQS's longest. */
const RETENTION = Duration.days(14);
/** Minutes behind are a burst; this is a function that fails. */
const BEHIND_ALARM_SECONDS = 900;

export interface EventsProps {
  readonly surroundings: Surroundings;
  readonly topics: Topics;
}

export class Events extends Construct {
  readonly record: VmsyncFunction;

  constructor(scope: Construct, id: string, { surroundings, topics }: EventsProps) {
    super(scope, id);
    const { stage, alarms } = surroundings;
    const dead = this.#queue("Dead", `${stage}-events-dead`);
    const queue = this.#queue("Queue", `${stage}-events`, dead);
    const undelivered = this.#queue("Undelivered", `${stage}-events-undelivered`, dead);
    this.record = new VmsyncFunction(this, "Record", {
      surroundings,
      name: "events",
      description: "Records what was told on the bus; wakes the jobs that listen.",
      timeoutSeconds: RECORD_TIMEOUT_SECONDS,
      // Waits for the network; 256 MiB is what the SDK's start needs without swapping to a crawl.
      memoryMiB: 256,
    });
    for (const source of [queue, undelivered])
      this.record.lambda.addEventSource(
        new SqsEventSource(source, {
          batchSize: PAGE_EVENTS_MAX, // a batch is a page of the log
          maxBatchingWindow: WINDOW,
          // More writers would only meet each other: a writer keeps to a shard of the log.
          maxConcurrency: EVENT_SHARDS,
          reportBatchItemFailures: true,
        }),
      );
    new Rule(this, "Rule", {
      ruleName: `${stage}-events`,
      description: "Everything that was told, but for reports",
      eventBus: topics.bus,
      eventPattern: {
        source: [TOPIC_SOURCE],
        detailType: Match.anythingBut("agent.report" satisfies TopicFamily),
      },
      targets: [new SqsTarget(queue, { deadLetterQueue: undelivered })],
    });
    alarms.add(this, "Behind", {
      name: `${stage}-events-behind`,
      section: "events-behind",
      says: "Events wait too long to be recorded",
      metric: queue.metricApproximateAgeOfOldestMessage({ period: FIVE_MINUTES }),
      threshold: BEHIND_ALARM_SECONDS,
    });
    alarms.add(this, "DeadEvents", {
      name: `${stage}-events-dead`,
      section: "events-dead",
      says: "Events could not be recorded for days, or are no events of ours",
      metric: dead.metricApproximateNumberOfMessagesVisible({ period: FIVE_MINUTES }),
      threshold: 1,
    });
  }

  #queue(id: string, queueName: string, dead?: Queue): Queue {
    return new Queue(this, id, {
      queueName,
      visibilityTimeout: Duration.seconds(
        VISIBILITY_TIMEOUTS * RECORD_TIMEOUT_SECONDS + WINDOW.toSeconds(),
      ),
      retentionPeriod: RETENTION,
      enforceSSL: true,
      ...(dead && { deadLetterQueue: { queue: dead, maxReceiveCount: RECEIVES_MAX } }),
    });
  }
}
