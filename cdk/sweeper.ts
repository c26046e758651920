/**
 * The sweeper: each minute a run that looks every few seconds for what is due, silent or never sent.
 *
 * No reserved concurrency, though runs overlap by seconds: a sweeper only sends messages and marks silence under
 * conditions, so two at once do what one does; a reservation would take from the account's pool and cannot be made at
 * all in an account with the smallest quota.
 */
import { Duration } from "aws-cdk-lib";
import { Rule, Schedule } from "aws-cdk-lib/aws-events";
import { LambdaFunction as LambdaTarget } from "aws-cdk-lib/aws-events-targets";
import { Construct } from "constructs";
import { FIVE_MINUTES } from "./alarms.ts";
import { type Surroundings, VmsyncFunction } from "./vmsync-function.ts";

/** The finest that a rule's schedule has. */
const EVERY = Duration.minutes(1);
/** Its minute, and time to finish the last look. */
const SWEEP_TIMEOUT_SECONDS = 75;
/** A run that could not begin within its minute is the next run's. */
const START_AGE_MAX = Duration.minutes(1);

export interface SweeperProps {
  readonly surroundings: Surroundings;
}

export class Sweeper extends Construct {
  readonly sweep: VmsyncFunction;

  constructor(scope: Construct, id: string, props: SweeperProps) {
    super(scope, id);
    const { surroundings } = props;
    this.sweep = new VmsyncFunction(this, "Sweep", {
      surroundings,
      name: "sweeper",
      description:
        "Wakes apartments whose time has come; notices silent hosts and submissions never sent.",
      timeoutSeconds: SWEEP_TIMEOUT_SECONDS,
      // It mostly sleeps and is billed for it: the least that starts the SDK in reasonable time.
      memoryMiB: 256,
    });
    // The next minute is the retry.
    this.sweep.lambda.configureAsyncInvoke({ retryAttempts: 0, maxEventAge: START_AGE_MAX });
    new Rule(this, "Rule", {
      ruleName: `${surroundings.stage}-sweeper`,
      description: "Each minute",
      schedule: Schedule.rate(EVERY),
      targets: [
        new LambdaTarget(this.sweep.lambda, { retryAttempts: 0, maxEventAge: START_AGE_MAX }),
      ],
    });
    surroundings.alarms.add(this, "Silent", {
      name: `${surroundings.stage}-sweeper-silent`,
      section: "sweeper-silent",
      says: "The sweeper has not run for five minutes: timers, time-outs and silent hosts go unnoticed",
      metric: this.sweep.lambda.metricInvocations({ period: FIVE_MINUTES, statistic: "Sum" }),
      threshold: 1,
      when: "below",
    });
  }
}
