import {
  ChangeMessageVisibilityCommand,
  DeleteMessageCommand,
  GetQueueAttributesCommand,
  ReceiveMessageCommand,
  SendMessageCommand,
} from "@aws-sdk/client-sqs";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { CommandQueues } from "../../../shared/app/ports.ts";
import { sqsCommandQueues } from "../../../shared/aws/sqs-command-queues.ts";
import { type WireStack, wireStack } from "../../local/wire-stack.ts";
import { hostId, otherHostId } from "../../support/a-record.ts";

let stack: WireStack;
let queues: CommandQueues;
beforeEach(async () => {
  stack = await wireStack();
  queues = sqsCommandQueues({
    ...{ sqs: stack.sqs, sts: stack.sts, queuePrefix: "dev_" },
    agentRoleArn: "arn:aws:iam::111111111111:role/agents",
    access: { region: "us-east-1", endpoint: stack.server.origin },
  });
});
afterEach(() => stack.close());

test("a command queue is FIFO with high throughput, under the stage's prefix", async () => {
  const QueueUrl = await queues.create({ hostId, generation: 3 });
  expect(QueueUrl).toMatch(/\/dev_host-a-3\.fifo$/);
  const get = new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ["All"] });
  expect((await stack.sqs.send(get)).Attributes).toMatchObject({
    FifoQueue: "true",
    DeduplicationScope: "messageGroup",
    FifoThroughputLimit: "perMessageGroupId",
  });
});

test("an agent's credentials receive, delete and hide on its own queue, and do nothing else anywhere", async () => {
  const own = await queues.create({ hostId, generation: 1 });
  const foreign = await queues.create({ hostId: otherHostId, generation: 1 });
  const agent = stack.sqsAs(await queues.credentials({ hostId, queueUrl: own }));
  const message = { MessageBody: "{}", MessageGroupId: "g", MessageDeduplicationId: "d" };
  await stack.sqs.send(new SendMessageCommand({ QueueUrl: own, ...message }));
  const receive = new ReceiveMessageCommand({ QueueUrl: own, WaitTimeSeconds: 0 });
  const { Messages: [received] = [] } = await agent.send(receive);
  const handle = { QueueUrl: own, ReceiptHandle: received?.ReceiptHandle };
  await agent.send(new ChangeMessageVisibilityCommand({ ...handle, VisibilityTimeout: 60 }));
  await agent.send(new DeleteMessageCommand(handle));
  const denied = { name: "AccessDenied" };
  const elsewhere = new ReceiveMessageCommand({ QueueUrl: foreign, WaitTimeSeconds: 0 });
  await expect(agent.send(elsewhere)).rejects.toMatchObject(denied);
  const send = new SendMessageCommand({ QueueUrl: own, ...message });
  await expect(agent.send(send)).rejects.toMatchObject(denied);
});

test("credentials are refused to a role that may not be assumed, with the host named", async () => {
  const queueUrl = await queues.create({ hostId, generation: 1 });
  const wrong = sqsCommandQueues({
    ...{ sqs: stack.sqs, sts: stack.sts, queuePrefix: "dev_" },
    ...{ agentRoleArn: "no role", access: queues.access },
  });
  const failure = wrong.credentials({ hostId, queueUrl });
  await expect(failure).rejects.toMatchObject({
    message: "cutting credentials for host host-a",
    transient: false,
  });
});
