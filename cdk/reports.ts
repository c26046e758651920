/**
 * The topic bus, and what listens to it: reports that say something new go to `reconcile-host`.
 *
 * The rule hands over asynchronously. What EventBridge cannot deliver within a day ends in one queue, what the function
 * failed three times in another; neither is replayed: the host's next report, or its resync, says the same again.
 */
import { Duration } from "aws-cdk-lib";
import { EventBus, Rule } from "aws-cdk-lib/aws-events";
import { LambdaFunction as LambdaTarget } from "aws-cdk-lib/aws-events-targets";
import { SqsDestination } from "aws-cdk-lib/aws-lambda-destinations";
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
/** Long enough to be looked at after a long week-end. */
const FAILED_RETENTION = Duration.days(14);

export interface TopicsProps {
  readonly stage: string;
}

/** The bus. Its name is the stage's, so the default stage has the contract's `vmsync`. */
export class Topics extends Construct {
  readonly bus: EventBus;

  constructor(scope: Construct, id: string, props: TopicsProps) {
    super(scope, id);
    this.bus = new EventBus(this, "Bus", { eventBusName: props.stage });
  }
}

export interface ReportsProps {
  readonly surroundings: Surroundings;
  readonly topics: Topics;
}

export class Reports extends Construct {
  readonly reconcile: VmsyncFunction;

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
      says: "reconcile-host failed on a report, three times",
    });
    const undelivered = this.#failedQueue("Undelivered", surroundings, {
      name: "reports-undelivered",
      says: "EventBridge could not hand a report to reconcile-host",
    });
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
      enforceSSL: true,
    });
    alarms.add(this, id, {
      name: `${stage}-${wanted.name}`,
      section: wanted.name,
      says: wanted.says,
      metric: queue.metricApproximateNumberOfMessagesVisible({ period: FIVE_MINUTES }),
      threshold: 1,
    });
    return queue;
  }
}
