/**
 * The hosts' own command queues, FIFO with group = VM, and what lets an agent read its own.
 *
 * The credentials are a session of the agents' role, cut down by an inline policy to receiving, deleting and changing
 * visibility on one queue: the role's own rights (all command queues of the stage) never leave this system.
 */
import {
  CreateQueueCommand,
  DeleteQueueCommand,
  GetQueueUrlCommand,
  QueueDoesNotExist,
  QueueNameExists,
  SendMessageCommand,
  type SQSClient,
} from "@aws-sdk/client-sqs";
import { AssumeRoleCommand, type STSClient } from "@aws-sdk/client-sts";
import type { CommandQueues } from "../app/ports.ts";
import { deduplicationId } from "../model/deduplication-id.ts";
import { commandQueueName } from "./command-queue-name.ts";
import { calling, ServiceFailure } from "./service-failure.ts";
import { systemNames } from "./system.ts";

/** STS's own limit for a role assumed from a role. */
const SESSION_SECONDS = 3600;
/** STS's own limit of a session's name; it shows in audit logs. */
const SESSION_NAME_CHARACTERS_MAX = 64;

/**
 * Longer than an agent takes from receiving a command to having it on disk and deleting it. Retention: a command older
 * than the longest time budget (a day) is of no use to anyone.
 */
const QUEUE_ATTRIBUTES = {
  FifoQueue: "true",
  DeduplicationScope: "messageGroup",
  FifoThroughputLimit: "perMessageGroupId",
  VisibilityTimeout: "30",
  MessageRetentionPeriod: "86400",
  ReceiveMessageWaitTimeSeconds: "20",
};

interface Deps {
  readonly sqs: SQSClient;
  readonly sts: STSClient;
  readonly queuePrefix: string;
  readonly agentRoleArn: string;
  readonly access: CommandQueues["access"];
}

export function sqsCommandQueues(deps: Deps): CommandQueues {
  const { sqs, queuePrefix, access } = deps;
  return {
    create: async ({ hostId, generation }) => {
      const name = commandQueueName({ prefix: queuePrefix, hostId, generation });
      const create = new CreateQueueCommand({ QueueName: name, Attributes: QUEUE_ATTRIBUTES });
      return calling(`making the command queue ${name}`, async () => {
        try {
          return urlIn(await sqs.send(create));
        } catch (error) {
          // Made by a version of this system with other attributes: as good.
          if (!(error instanceof QueueNameExists)) throw error;
          return urlIn(await sqs.send(new GetQueueUrlCommand({ QueueName: name })));
        }
      });
    },
    remove: (queueUrl) =>
      calling(`removing the command queue ${queueUrl}`, async () => {
        try {
          await sqs.send(new DeleteQueueCommand({ QueueUrl: queueUrl }));
        } catch (error) {
          if (!(error instanceof QueueDoesNotExist)) throw error;
        }
      }),
    send: (queueUrl, command) =>
      calling(`sending command ${command.commandId}`, async () => {
        try {
          await sqs.send(
            new SendMessageCommand({
              QueueUrl: queueUrl,
              MessageGroupId: command.vmId,
              MessageDeduplicationId: deduplicationId(command.commandId, systemNames.hash),
              MessageBody: JSON.stringify(command),
            }),
          );
          return "sent";
        } catch (error) {
          if (error instanceof QueueDoesNotExist) return "queue_gone";
          throw error;
        }
      }),
    credentials: (query) => credentials(deps, query),
    access,
  };
}

function urlIn({ QueueUrl }: { readonly QueueUrl?: string | undefined }): string {
  if (QueueUrl === undefined) throw new Error("SQS answered no queue URL");
  return QueueUrl;
}

async function credentials(
  { sts, agentRoleArn, access }: Deps,
  { hostId, queueUrl }: { readonly hostId: string; readonly queueUrl: string },
) {
  const doing = `cutting credentials for host ${hostId}`;
  const policy = {
    Version: "2012-10-17",
    Statement: [
      {
        Effect: "Allow",
        Action: ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility"],
        Resource: queueArn({ queueUrl, agentRoleArn, region: access.region }),
      },
    ],
  };
  const command = new AssumeRoleCommand({
    RoleArn: agentRoleArn,
    RoleSessionName: `host-${hostId}`.slice(0, SESSION_NAME_CHARACTERS_MAX),
    DurationSeconds: SESSION_SECONDS,
    Policy: JSON.stringify(policy),
  });
  const { Credentials: cut } = await calling(doing, () => sts.send(command));
  const { AccessKeyId, SecretAccessKey, SessionToken, Expiration } = cut ?? {};
  if (AccessKeyId === undefined || SecretAccessKey === undefined || Expiration === undefined)
    throw new ServiceFailure(doing, new Error("STS answered without credentials"));
  return {
    accessKeyId: AccessKeyId,
    secretAccessKey: SecretAccessKey,
    ...(SessionToken === undefined ? {} : { sessionToken: SessionToken }),
    expiresAt: Expiration.getTime(),
  };
}

/** A queue URL ends in `/<account>/<name>`; the partition (`aws`, `aws-cn`, …) is the role's. */
function queueArn({
  queueUrl,
  agentRoleArn,
  region,
}: {
  readonly queueUrl: string;
  readonly agentRoleArn: string;
  readonly region: string;
}): string {
  const [account, name] = new URL(queueUrl).pathname.split("/").slice(-2);
  const partition = agentRoleArn.split(":")[1];
  return `arn:${partition}:sqs:${region}:${account}:${name}`;
}
