import { once } from "node:events";
import { request } from "node:http";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { ListRulesCommand } from "@aws-sdk/client-eventbridge";
import {
  AddPermissionCommand,
  ChangeMessageVisibilityCommand,
  CreateQueueCommand,
  DeleteMessageCommand,
  GetQueueUrlCommand,
  ListQueuesCommand,
  PurgeQueueCommand,
  ReceiveMessageCommand,
  SendMessageBatchCommand,
  SendMessageCommand,
  type SQSClient,
} from "@aws-sdk/client-sqs";
import {
  AssumeRoleCommand,
  GetCallerIdentityCommand,
  GetSessionTokenCommand,
} from "@aws-sdk/client-sts";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ACCOUNT_ID, type WireStack, wireStack } from "../wire-stack.ts";

let stack: WireStack;
beforeEach(async () => {
  stack = await wireStack();
});
afterEach(() => stack.close());

const createFifo = async (QueueName: string) => {
  const Attributes = { FifoQueue: "true", ContentBasedDeduplication: "true" };
  return (await stack.sqs.send(new CreateQueueCommand({ QueueName, Attributes }))).QueueUrl ?? "";
};

describe("queue URLs", () => {
  it("are of the server's own origin", async () => {
    const url = await createFifo("q.fifo");
    expect(url).toBe(`${stack.server.origin}/${ACCOUNT_ID}/q.fifo`);
    const found = await stack.sqs.send(new GetQueueUrlCommand({ QueueName: "q.fifo" }));
    expect(found.QueueUrl).toBe(url);
  });
});

describe("a long poll over the wire", () => {
  it("ends with the message that another client sends", async () => {
    const QueueUrl = await createFifo("q.fifo");
    const poll = stack.sqs.send(new ReceiveMessageCommand({ QueueUrl, WaitTimeSeconds: 20 }));
    await stack.clock.waitedFor();
    await stack.sqs.send(
      new SendMessageCommand({ QueueUrl, MessageBody: "m", MessageGroupId: "g" }),
    );
    expect((await poll).Messages).toMatchObject([{ Body: "m" }]);
  });

  it("takes no message once its client is gone", async () => {
    const QueueUrl = await createFifo("q.fifo");
    const gone = new AbortController();
    const poll = stack.sqs.send(new ReceiveMessageCommand({ QueueUrl, WaitTimeSeconds: 20 }), {
      abortSignal: gone.signal,
    });
    await stack.clock.waitedFor();
    gone.abort();
    await expect(poll).rejects.toThrow();
    await stack.clock.waitedForNone();
    await stack.sqs.send(
      new SendMessageCommand({ QueueUrl, MessageBody: "m", MessageGroupId: "g" }),
    );
    const next = await stack.sqs.send(new ReceiveMessageCommand({ QueueUrl }));
    expect(next.Messages).toHaveLength(1);
  });

  it("ends when the server closes", async () => {
    const QueueUrl = await createFifo("q.fifo");
    const poll = stack.sqs.send(new ReceiveMessageCommand({ QueueUrl, WaitTimeSeconds: 20 }));
    const ended = poll.then(
      () => "answered",
      () => "cut off",
    );
    await stack.clock.waitedFor();
    await stack.server.close();
    expect(["answered", "cut off"]).toContain(await ended);
  });
});

describe("sessions of an assumed role", () => {
  const RoleArn = `arn:aws:iam::${ACCOUNT_ID}:role/agent`;
  const RoleSessionName = "host-1";
  let url = "";
  let agent: SQSClient;

  beforeEach(async () => {
    url = await createFifo("host-1.fifo");
    const Policy = JSON.stringify({
      Version: "2012-10-17",
      Statement: [
        {
          Effect: "Allow",
          Action: ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility"],
          Resource: stack.queues.arnOf("host-1.fifo"),
        },
      ],
    });
    const input = { RoleArn, RoleSessionName, Policy, DurationSeconds: 900 };
    const { Credentials } = await stack.sts.send(new AssumeRoleCommand(input));
    expect(Credentials?.Expiration?.getTime()).toBe(stack.clock.now() + 900_000);
    agent = stack.sqsAs({
      accessKeyId: Credentials?.AccessKeyId ?? "",
      secretAccessKey: Credentials?.SecretAccessKey ?? "",
      sessionToken: Credentials?.SessionToken ?? "",
    });
  });

  it("may do what their policy allows", async () => {
    await stack.sqs.send(
      new SendMessageCommand({ QueueUrl: url, MessageBody: "m", MessageGroupId: "g" }),
    );
    const { Messages = [] } = await agent.send(new ReceiveMessageCommand({ QueueUrl: url }));
    const ReceiptHandle = Messages[0]?.ReceiptHandle ?? "";
    const change = { QueueUrl: url, ReceiptHandle, VisibilityTimeout: 60 };
    await agent.send(new ChangeMessageVisibilityCommand(change));
    await agent.send(new DeleteMessageCommand({ QueueUrl: url, ReceiptHandle }));
    const left = await stack.sqs.send(new ReceiveMessageCommand({ QueueUrl: url }));
    expect(left.Messages).toBeUndefined();
  });

  it("are denied other actions and other queues, and change nothing by trying", async () => {
    const other = await createFifo("host-2.fifo");
    const message = { MessageBody: "m", MessageGroupId: "g" };
    const Entries = [{ Id: "1", ...message }];
    const tries = [
      agent.send(new SendMessageCommand({ QueueUrl: url, ...message })),
      agent.send(new SendMessageBatchCommand({ QueueUrl: url, Entries })),
      agent.send(new PurgeQueueCommand({ QueueUrl: url })),
      agent.send(new ReceiveMessageCommand({ QueueUrl: other })),
      agent.send(new ListQueuesCommand({})),
    ];
    for (const attempt of tries) {
      const denied = { Code: "AccessDenied", $metadata: { httpStatusCode: 403 } };
      await expect(attempt).rejects.toMatchObject(denied);
    }
    const left = await stack.sqs.send(new ReceiveMessageCommand({ QueueUrl: url }));
    expect(left.Messages).toBeUndefined();
  });

  it("expire", async () => {
    stack.clock.advance(899_999);
    await agent.send(new ReceiveMessageCommand({ QueueUrl: url }));
    stack.clock.advance(1);
    const late = agent.send(new ReceiveMessageCommand({ QueueUrl: url }));
    await expect(late).rejects.toMatchObject({ Code: "ExpiredToken" });
  });

  it("cannot be made by changing a token, nor by an unknown key", async () => {
    const forged = stack.sqsAs({
      accessKeyId: "ASIAFORGED",
      secretAccessKey: "x",
      sessionToken: "e30.AAAA",
    });
    const unknown = stack.sqsAs({ accessKeyId: "AKIAUNKNOWN", secretAccessKey: "x" });
    for (const client of [forged, unknown]) {
      const attempt = client.send(new ReceiveMessageCommand({ QueueUrl: url }));
      await expect(attempt).rejects.toMatchObject({ Code: "InvalidClientTokenId" });
    }
  });

  it("are refused a policy that is not understood, and more than an hour", async () => {
    const Policy = JSON.stringify({
      Version: "2012-10-17",
      Statement: [{ Effect: "Allow", NotAction: "sqs:*", Resource: "*" }],
    });
    const odd = stack.sts.send(new AssumeRoleCommand({ RoleArn, RoleSessionName, Policy }));
    await expect(odd).rejects.toMatchObject({ name: "MalformedPolicyDocumentException" });
    const long = stack.sts.send(
      new AssumeRoleCommand({ RoleArn, RoleSessionName, DurationSeconds: 3_601 }),
    );
    await expect(long).rejects.toMatchObject({ name: "ValidationError" });
  });

  it("say who they are", async () => {
    const root = await stack.sts.send(new GetCallerIdentityCommand({}));
    expect(root).toMatchObject({ Account: ACCOUNT_ID, Arn: `arn:aws:iam::${ACCOUNT_ID}:root` });
  });
});

describe("what is not served", () => {
  it("is answered as an unknown operation", async () => {
    const QueueUrl = await createFifo("q.fifo");
    const permission = { QueueUrl, Label: "l", AWSAccountIds: [ACCOUNT_ID], Actions: ["*"] };
    const name = /UnknownOperation|InvalidAction/;
    await expect(stack.sqs.send(new AddPermissionCommand(permission))).rejects.toThrow(
      "AddPermission",
    );
    await expect(stack.events.send(new ListRulesCommand({}))).rejects.toMatchObject({
      name: expect.stringMatching(name),
    });
    await expect(stack.sts.send(new GetSessionTokenCommand({}))).rejects.toMatchObject({
      name: expect.stringMatching(name),
    });
  });

  it("W1: is refused without credentials, whatever it is", async () => {
    const headers = {
      "x-amz-target": "AmazonSQS.ListQueues",
      "content-type": "application/x-amz-json-1.0",
    };
    const answer = await fetch(stack.server.origin, { method: "POST", headers, body: "{" });
    expect(answer.status).toBe(403);
    expect(await answer.json()).toMatchObject({
      __type: expect.stringContaining("MissingAuthenticationToken"),
    });
  });

  it("W2: is refused above the size limit, and cut off from no client that still sends", async () => {
    const headers = { "x-amz-target": "AmazonSQS.ListQueues" };
    const sent = request(stack.server.origin, { method: "POST", headers });
    const answered = once(sent, "response");
    await pipeline(Readable.from(Array(64).fill(Buffer.alloc(1_048_576, "x"))), sent);
    const [response] = await answered;
    expect(response.statusCode).toBe(413);
    response.resume();
  });
});

describe("W3: a store that cannot commit", () => {
  it("is answered as an internal failure, from then on", async () => {
    const broken = await wireStack();
    const failed = broken.store.commit(() => {
      throw new Error("disk full");
    });
    await expect(failed).rejects.toThrow();
    const attempts = [
      broken.sqs.send(new CreateQueueCommand({ QueueName: "q" })),
      broken.sqs.send(new ListQueuesCommand({})),
    ];
    for (const outcome of await Promise.allSettled(attempts)) {
      const reason = { $metadata: { httpStatusCode: 500 } };
      expect(outcome).toMatchObject({ status: "rejected", reason });
    }
    await expect(broken.close()).rejects.toThrow("takes nothing more");
  });
});
