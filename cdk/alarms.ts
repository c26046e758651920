/** Alarms: each says in one line what happened and names the section of the runbook that says what to do. */
import { Duration } from "aws-cdk-lib";
import {
  Alarm,
  ComparisonOperator,
  type IMetric,
  TreatMissingData,
} from "aws-cdk-lib/aws-cloudwatch";
import { SnsAction } from "aws-cdk-lib/aws-cloudwatch-actions";
import { Topic } from "aws-cdk-lib/aws-sns";
import type { Construct } from "constructs";

export const FIVE_MINUTES = Duration.minutes(5);

/** Headings of `docs/runbook.md`, as anchors. */
export type RunbookSection =
  | "function-errors"
  | "function-throttles"
  | "api-server-errors"
  | "apartments-backlog"
  | "dead-letters-arrived"
  | "dead-letters-stuck"
  | "reports-failed"
  | "reports-undelivered"
  | "events-behind"
  | "events-dead"
  | "sweeper-silent";

export interface AlarmSpec {
  readonly name: string;
  readonly section: RunbookSection;
  /** What happened, as a person would say it. */
  readonly says: string;
  readonly metric: IMetric;
  readonly threshold: number;
  /** `below` is for what should happen and does not: no data is then an alarm too. */
  readonly when?: "at-least" | "below";
  readonly periods?: number;
}

/** Makes the alarms of a stack, all telling one topic if there is one. */
export class Alarms {
  readonly #topicArn: string | undefined;

  constructor(topicArn: string | undefined) {
    this.#topicArn = topicArn;
  }

  add(scope: Construct, id: string, spec: AlarmSpec): void {
    const below = spec.when === "below";
    const alarm = new Alarm(scope, `${id}Alarm`, {
      alarmName: spec.name,
      alarmDescription: `${spec.says}. See docs/runbook.md#${spec.section}`,
      metric: spec.metric,
      threshold: spec.threshold,
      evaluationPeriods: spec.periods ?? 1,
      comparisonOperator: below
        ? ComparisonOperator.LESS_THAN_THRESHOLD
        : ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
      treatMissingData: below ? TreatMissingData.BREACHING : TreatMissingData.NOT_BREACHING,
    });
    if (this.#topicArn !== undefined)
      alarm.addAlarmAction(new SnsAction(Topic.fromTopicArn(alarm, "Topic", this.#topicArn)));
  }
}
