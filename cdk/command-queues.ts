/**
 * Who may do what with the hosts' command queues. The queues themselves are made at run time, one a host and join, so
 * they are granted by the prefix of their names: this is the one wildcard in the stack's policies.
 *
 * The prefix ends in `_`, which no stage and no other queue of ours has in its name, so it covers command queues of
 * this stage only.
 */
import { Stack } from "aws-cdk-lib";
import { Grant, type IGrantable } from "aws-cdk-lib/aws-iam";
import { Construct } from "constructs";

export interface CommandQueuesProps {
  readonly stage: string;
}

export class CommandQueues extends Construct {
  /** Names are `<prefix><hostId>-<generation>.fifo`. */
  readonly namePrefix: string;
  readonly #arns: string;

  constructor(scope: Construct, id: string, props: CommandQueuesProps) {
    super(scope, id);
    this.namePrefix = `${props.stage}_`;
    this.#arns = Stack.of(this).formatArn({ service: "sqs", resource: `${this.namePrefix}*` });
  }

  /** Making a host's queue when it joins, and removing the one of the join before. */
  grantManage(grantee: IGrantable): void {
    this.#grant(grantee, ["sqs:CreateQueue", "sqs:DeleteQueue", "sqs:GetQueueUrl"]);
  }

  /** Removing the queue of a host that is forgotten. */
  grantRemove(grantee: IGrantable): void {
    this.#grant(grantee, ["sqs:DeleteQueue"]);
  }

  grantSend(grantee: IGrantable): void {
    this.#grant(grantee, ["sqs:SendMessage"]);
  }

  /** What an agent does. Each agent's session narrows this to its own queue. */
  grantReceive(grantee: IGrantable): void {
    this.#grant(grantee, [
      "sqs:ReceiveMessage",
      "sqs:DeleteMessage",
      "sqs:ChangeMessageVisibility",
    ]);
  }

  #grant(grantee: IGrantable, actions: string[]): void {
    Grant.addToPrincipal({ grantee, actions, resourceArns: [this.#arns] });
  }
}
