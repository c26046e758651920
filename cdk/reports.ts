/**
 * The topic bus, and what listens to it: reports that say something new go to `reconcile-host`.
 *
 * The rule hands over asynchronously. What EventBridge cannot deliver within an hour ends in one queue, what the function
 * failed three times in another; a function of its own tries those again until they are worked off. The host's next report
 * says the same and more, but a host that died has none.
 */
import { Duration } from "aws-cdk-lib";
import { EventBus, Match, Rule } from "aws-cdk-lib/aws-events";
import { LambdaFunction as LambdaTarget } from "aws-cdk-lib/aws-events-targets";
import { SqsDestination } from "aws-cdk-lib/aws-lambda-destinations";
import { SqsEventSource } from "aws-cdk-lib/aws-lambda-event-sources";
import { Queue } from "aws-cdk-lib/aws-sqs";
import { Construct } from "constructs";
import { TOPIC_SOURCE, type TopicFamily } from "../shared/model/topic.ts";
import { FIVE_MINUTES } from "./alarms.ts";
import { type Surroundings, VmsyncFunction } from "./vmsync-function.ts";

/** Lambda's own number for an asynchronous invocation. */
const RETRIES = 2;
/** A report older than this says nothing that a newer one does not say better. */
const REPORT_AGE_MAX = Duration.hours(1);
/** A report of 2,000 changed VMs: 200 sends in batches of ten. */
const RECONCILE_TIMEOUT_SECONDS = 60;
/** SQS's longest: tried again all that time. */
const FAILED_RETENTION = Duration.days(14);
/** Of the function's time-out, Lambda's own advice; also how long a report waits for its next try. */
const VISIBILITY_TIMEOUTS = 6;
/** The least that a mapping takes: what failed is in no hurry. */
const REDRIVES_MAX = 2;
/** Tried three times by then. */
const STUCK_ALARM_SECONDS = 900;

/** Longer than it takes to find out that something went unheard; histories keep events for longer (`historyRetentionDays`). */
const ARCHIVE_RETENTION = Duration.days(30);

export interface TopicsProps {
  readonly stage: string;
}

/** The bus. Its name is the stage's, so the default stage has the contract's `vmsync`. */
export class Topics extends Construct {
  readonly bus: EventBus;

  constructor(scope: Construct, id: string, props: TopicsProps) {
    super(scope, id);
    this.bus = new EventBus(this, "Bus", { eventBusName: props.stage });
    this.bus.archive("Archive", {
      archiveName: `${props.stage}-events`,
      description: "What was told, to be told again to a rule that failed to hear it",
      // A report is outdated by the next one.
      eventPattern: {
        source: [TOPIC_SOURCE],
        detailType: Match.anythingBut("agent.report" satisfies TopicFamily),
      },
      retention: ARCHIVE_RETENTION,
    });
  }
}

export interface ReportsProps {
  readonly surroundings: Surroundings;
  readonly topics: Topics;
}

export class Reports extends Construct {
  readonly reconcile: VmsyncFunction;
  readonly redrive: VmsyncFunction;

  constructor(scope: Construct, id: string, props: ReportsProps) {
    super(scope, id);
    const { surroundings, topics } = props;
    this.reconcile = new VmsyncFunction(this, "Reconcile", {
      surroundings,
      name: "reconcile-host",
      description:
        "Compares a host's report with its inventory and tells the apartments what changed.",
      timeoutSeconds: RECONCILE_TIMEOUT_SECONDS,
      // Half a core: unpacks, parses and compares 2,000 VMs at once.
      memoryMiB: 1024,
    });
    const failed = this.#failedQueue("Failed", surroundings, {
      name: "reports-failed",
      says: "A report that reconcile-host failed on is still not worked off",
    });
    const undelivered = this.#failedQueue("Undelivered", surroundings, {
      name: "reports-undelivered",
      says: "A report that EventBridge could not hand over is still not worked off",
    });
    this.redrive = new VmsyncFunction(this, "Redrive", {
      surroundings,
      name: "redrive-reports",
      description: "Works off reports that were not worked off when they came.",
      timeoutSeconds: RECONCILE_TIMEOUT_SECONDS,
      memoryMiB: 1024,
    });
    for (const queue of [failed, undelivered])
      this.redrive.lambda.addEventSource(
        new SqsEventSource(queue, {
          // Each has the function's whole time for itself, as it had with reconcile-host.
          batchSize: 1,
          maxConcurrency: REDRIVES_MAX,
          reportBatchItemFailures: true,
        }),
      );
    this.reconcile.lambda.configureAsyncInvoke({
      retryAttempts: RETRIES,
      maxEventAge: REPORT_AGE_MAX,
      onFailure: new SqsDestination(failed),
    });
    new Rule(this, "Rule", {
      ruleName: `${surroundings.stage}-agent-report`,
      description: "Reports that say something new",
      eventBus: topics.bus,
      eventPattern: {
        source: [TOPIC_SOURCE],
        detailType: ["agent.report" satisfies TopicFamily],
      },
      targets: [
        new LambdaTarget(this.reconcile.lambda, {
          deadLetterQueue: undelivered,
          maxEventAge: REPORT_AGE_MAX,
        }),
      ],
    });
  }

  #failedQueue(
    id: string,
    { stage, alarms }: Surroundings,
    wanted: { readonly name: "reports-failed" | "reports-undelivered"; readonly says: string },
  ): Queue {
    const queue = new Queue(this, id, {
      queueName: `${stage}-${wanted.name}`,
      retentionPeriod: FAILED_RETENTION,
      visibilityTimeout: Duration.seconds(VISIBILITY_TIMEOUTS * RECONCILE_TIMEOUT_SECONDS),
      enforceSSL: true,
    });
    alarms.add(this, id, {
      name: `${stage}-${wanted.name}`,
      section: wanted.name,
      says: wanted.says,
      metric: queue.metricApproximateAgeOfOldestMessage({ period: FIVE_MINUTES }),
      threshold: STUCK_ALARM_SECONDS,
    });
    return queue;
  }
}
