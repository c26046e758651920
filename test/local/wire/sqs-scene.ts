/** A recorded test played again: what its scenes need of the client, in few words. */
import {
  ChangeMessageVisibilityCommand,
  CreateQueueCommand,
  DeleteMessageCommand,
  GetQueueAttributesCommand,
  type QueueAttributeName,
  ReceiveMessageCommand,
  type ReceiveMessageCommandInput,
  type ReceiveMessageCommandOutput,
  SendMessageBatchCommand,
  type SendMessageBatchRequestEntry,
  SendMessageCommand,
  type SendMessageCommandInput,
  SetQueueAttributesCommand,
} from "@aws-sdk/client-sqs";
import type { WireStack } from "../wire-stack.ts";

export const DEFAULT_BYTES = 1_048_576;
export const K_IS_X = { k: { DataType: "String", StringValue: "x" } };
export const K_IS_X_BYTES = 8;

export interface Scene {
  readonly stack: WireStack;
  readonly record: (key: string, actual: unknown) => void;
  readonly refused: (key: string, call: Promise<unknown>) => Promise<void>;
}
export type Queue = Readonly<Record<string, string>>;

export const queueOf = async ({ stack }: Scene, attributes: Queue = {}, name = "queue") => {
  const command = new CreateQueueCommand({ QueueName: name, Attributes: attributes });
  return (await stack.sqs.send(command)).QueueUrl ?? "";
};
export const fifoOf = (scene: Scene, attributes: Queue = {}, name = "queue.fifo") =>
  queueOf(scene, { FifoQueue: "true", ...attributes }, name);
export const send = (
  { stack }: Scene,
  input: Partial<SendMessageCommandInput> & { QueueUrl: string },
) => stack.sqs.send(new SendMessageCommand({ MessageBody: "message", ...input }));
export const sendBatch = (
  { stack }: Scene,
  QueueUrl: string,
  Entries: SendMessageBatchRequestEntry[],
) => stack.sqs.send(new SendMessageBatchCommand({ QueueUrl, Entries }));
export const receive = (
  { stack }: Scene,
  QueueUrl: string,
  input: Partial<ReceiveMessageCommandInput> = {},
) => stack.sqs.send(new ReceiveMessageCommand({ QueueUrl, ...input }));
export const handleOf = (answer: ReceiveMessageCommandOutput, index = 0) =>
  answer.Messages?.[index]?.ReceiptHandle ?? "no handle";
export const remove = ({ stack }: Scene, QueueUrl: string, ReceiptHandle: string) =>
  stack.sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle }));
export const setAttributes = ({ stack }: Scene, QueueUrl: string, Attributes: Queue) =>
  stack.sqs.send(new SetQueueAttributesCommand({ QueueUrl, Attributes }));
export const attributesOf = (
  { stack }: Scene,
  QueueUrl: string,
  AttributeNames: QueueAttributeName[] = ["All"],
) => stack.sqs.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames }));
export const arnOf = async (scene: Scene, url: string) =>
  (await attributesOf(scene, url, ["QueueArn"])).Attributes?.["QueueArn"] ?? "";
export const changeVisibility = (
  { stack }: Scene,
  QueueUrl: string,
  ReceiptHandle: string,
  seconds: number,
) =>
  stack.sqs.send(
    new ChangeMessageVisibilityCommand({ QueueUrl, ReceiptHandle, VisibilityTimeout: seconds }),
  );

export const contentBased = { ContentBasedDeduplication: "true" };

export type Scenes = Readonly<Record<string, (scene: Scene) => Promise<void>>>;
