/**
 * The calls to AWS that start jobs make, made by plain SDK clients with nothing of ours around them: items as large, the same
 * kinds of conditions, indexes and message groups.
 */
import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { EventBridgeClient, PutEventsCommand } from "@aws-sdk/client-eventbridge";
import {
  DeleteMessageBatchCommand,
  ReceiveMessageCommand,
  SendMessageBatchCommand,
  SendMessageCommand,
  SQSClient,
} from "@aws-sdk/client-sqs";
import { DynamoDBDocumentClient } from "@aws-sdk/lib-dynamodb";
import { dynamoCalls } from "./engine-dynamo-calls.ts";
import type { EngineStart, Read } from "./engine-protocol.ts";

/** One of each a thread, as a function has. */
export type Clients = {
  readonly documents: DynamoDBDocumentClient;
  readonly sqs: SQSClient;
  readonly events: EventBridgeClient;
};

export interface Caller {
  /** Makes one call, by its name in the mix. Throws on a call that no program is here for. */
  readonly call: (name: string, reads: readonly Read[]) => Promise<unknown>;
}

const REGION = "us-east-1";
const MESSAGE = JSON.stringify({
  v: 1,
  logicalId: "x".repeat(60),
  body: { text: "x".repeat(180) },
});
const EVENT_DETAIL = JSON.stringify({
  topic: "custom.bench",
  id: "x".repeat(40),
  text: "x".repeat(160),
});

export function engineClients({ dynamoDb, aws, credentials }: EngineStart): Clients {
  const region = REGION;
  return {
    documents: DynamoDBDocumentClient.from(
      new DynamoDBClient({ endpoint: dynamoDb, credentials, region }),
    ),
    sqs: new SQSClient({ endpoint: aws, credentials, region }),
    events: new EventBridgeClient({ endpoint: aws, credentials, region }),
  };
}

/** The calls of one VM's jobs: its items are nobody else's, but for its host's. */
export function engineCaller(clients: Clients, start: EngineStart, lane: string): Caller {
  const calls = {
    ...dynamoCalls(clients.documents, start, lane),
    ...queueCalls(clients, start, lane),
    ...busCalls(clients, start),
  };
  const byName = new Map<string, (reads: readonly Read[]) => Promise<unknown>>(
    Object.entries(calls),
  );
  return {
    call: (name, reads) => {
      const found = byName.get(name);
      if (found === undefined) throw new Error(`no program makes the call ${name}`);
      return found(reads);
    },
  };
}

function queueCalls(
  { sqs }: Clients,
  { apartmentQueueUrl, commandQueueUrl }: EngineStart,
  lane: string,
) {
  let sent = 0;
  let receipts: readonly string[] = [];
  const message = () => {
    sent += 1;
    const MessageDeduplicationId = `${lane}-${sent}`;
    return { MessageBody: MESSAGE, MessageGroupId: lane, MessageDeduplicationId };
  };
  return {
    "sqs:SendMessage": () =>
      sqs.send(new SendMessageCommand({ QueueUrl: commandQueueUrl, ...message() })),
    "sqs:SendMessageBatch": () =>
      sqs.send(
        new SendMessageBatchCommand({
          QueueUrl: apartmentQueueUrl,
          Entries: [{ Id: "0", ...message() }],
        }),
      ),
    "sqs:ReceiveMessage": async () => {
      const wanted = { QueueUrl: commandQueueUrl, MaxNumberOfMessages: 10 };
      const { Messages = [] } = await sqs.send(new ReceiveMessageCommand(wanted));
      receipts = Messages.flatMap(({ ReceiptHandle }) => ReceiptHandle ?? []);
    },
    "sqs:DeleteMessageBatch": async () => {
      const Entries = receipts.map((ReceiptHandle, at) => ({ Id: String(at), ReceiptHandle }));
      if (Entries.length > 0)
        await sqs.send(new DeleteMessageBatchCommand({ QueueUrl: commandQueueUrl, Entries }));
      receipts = [];
    },
  };
}

function busCalls({ events }: Clients, { busName }: EngineStart) {
  const entry = {
    EventBusName: busName,
    Source: "vmsync",
    DetailType: "custom", // no rule hands it to a function
    Detail: EVENT_DETAIL,
  };
  return { "events:PutEvents": () => events.send(new PutEventsCommand({ Entries: [entry] })) };
}
