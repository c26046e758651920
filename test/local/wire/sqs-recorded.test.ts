/** What AWS's SQS was recorded to answer, put to the local one through the real client. Inputs are as in the recorded tests. */
import { readFileSync } from "node:fs";
import {
  ChangeMessageVisibilityBatchCommand,
  ChangeMessageVisibilityCommand,
  CreateQueueCommand,
  DeleteMessageBatchCommand,
  DeleteMessageCommand,
  DeleteQueueCommand,
  GetQueueAttributesCommand,
  GetQueueUrlCommand,
  ListQueuesCommand,
  ListQueueTagsCommand,
  type MessageAttributeValue,
  PurgeQueueCommand,
  type QueueAttributeName,
  ReceiveMessageCommand,
  type ReceiveMessageCommandInput,
  type ReceiveMessageCommandOutput,
  SendMessageBatchCommand,
  type SendMessageBatchRequestEntry,
  SendMessageCommand,
  type SendMessageCommandInput,
  SetQueueAttributesCommand,
  TagQueueCommand,
  UntagQueueCommand,
} from "@aws-sdk/client-sqs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import * as z from "zod/mini";
import { type WireStack, wireStack } from "../wire-stack.ts";
import { type Bindings, expectRecorded } from "./recording.ts";

const Recordings = z.record(
  z.string(),
  z.object({ "recorded-content": z.record(z.string(), z.unknown()) }),
);
const recordings = z.parse(
  Recordings,
  JSON.parse(readFileSync(new URL("../../recordings/sqs.json", import.meta.url), "utf8")),
);
const shortName = (full: string) => full.replace(/^.*::/, "");
/** Each test was recorded in both protocols; clients of today speak the JSON one. */
const recordedNames = Object.keys(recordings)
  .map(shortName)
  .filter((name) => !name.includes("[sqs_query"));

const LEFT_OUT: Readonly<Record<string, string>> = {
  "test_sse_queue_attributes[sqs]": "KMS keys are refused locally",
  "test_sse_kms_and_sqs_are_mutually_exclusive[sqs]": "KMS keys are refused locally",
  "test_set_queue_attributes_default_values[sqs]": "KMS keys are refused locally",
  "test_sqs_permission_lifecycle[sqs]": "AddPermission is not among the actions",
  test_send_message_via_queue_url_with_json_protocol:
    "the client sends to the origin, not to the queue's path",
  "test_aws_trace_header_propagation[sqs]":
    "the X-Amzn-Trace-Id header is not taken; the system attribute is",
  test_invalid_dead_letter_arn_rejected_before_lookup: "nothing was recorded for it",
  "test_fifo_delete_message_with_expired_receipt_handle[sqs]":
    "nothing was recorded; same as …_after_visibility_timeout",
};

const DEFAULT_BYTES = 1_048_576;
const K_IS_X = { k: { DataType: "String", StringValue: "x" } };
const K_IS_X_BYTES = 8;

interface Scene {
  readonly stack: WireStack;
  readonly record: (key: string, actual: unknown) => void;
  readonly refused: (key: string, call: Promise<unknown>) => Promise<void>;
}
type Queue = Readonly<Record<string, string>>;

const queueOf = async ({ stack }: Scene, attributes: Queue = {}, name = "queue") => {
  const command = new CreateQueueCommand({ QueueName: name, Attributes: attributes });
  return (await stack.sqs.send(command)).QueueUrl ?? "";
};
const fifoOf = (scene: Scene, attributes: Queue = {}, name = "queue.fifo") =>
  queueOf(scene, { FifoQueue: "true", ...attributes }, name);
const send = ({ stack }: Scene, input: Partial<SendMessageCommandInput> & { QueueUrl: string }) =>
  stack.sqs.send(new SendMessageCommand({ MessageBody: "message", ...input }));
const sendBatch = ({ stack }: Scene, QueueUrl: string, Entries: SendMessageBatchRequestEntry[]) =>
  stack.sqs.send(new SendMessageBatchCommand({ QueueUrl, Entries }));
const receive = (
  { stack }: Scene,
  QueueUrl: string,
  input: Partial<ReceiveMessageCommandInput> = {},
) => stack.sqs.send(new ReceiveMessageCommand({ QueueUrl, ...input }));
const handleOf = (answer: ReceiveMessageCommandOutput, index = 0) =>
  answer.Messages?.[index]?.ReceiptHandle ?? "no handle";
const remove = ({ stack }: Scene, QueueUrl: string, ReceiptHandle: string) =>
  stack.sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle }));
const setAttributes = ({ stack }: Scene, QueueUrl: string, Attributes: Queue) =>
  stack.sqs.send(new SetQueueAttributesCommand({ QueueUrl, Attributes }));
const attributesOf = (
  { stack }: Scene,
  QueueUrl: string,
  AttributeNames: QueueAttributeName[] = ["All"],
) => stack.sqs.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames }));
const arnOf = async (scene: Scene, url: string) =>
  (await attributesOf(scene, url, ["QueueArn"])).Attributes?.["QueueArn"] ?? "";
const changeVisibility = (
  { stack }: Scene,
  QueueUrl: string,
  ReceiptHandle: string,
  seconds: number,
) =>
  stack.sqs.send(
    new ChangeMessageVisibilityCommand({ QueueUrl, ReceiptHandle, VisibilityTimeout: seconds }),
  );

const contentBased = { ContentBasedDeduplication: "true" };
const twentyIds = Array.from({ length: 20 }, (_, index) => `id-${index}`);

const arrivesOnceAfterDelete =
  (id: { MessageDeduplicationId?: string }) => async (scene: Scene) => {
    const QueueUrl = await fifoOf(scene, id.MessageDeduplicationId ? {} : contentBased);
    const message = { QueueUrl, MessageBody: '{"foo": "bar"}', MessageGroupId: "group-1", ...id };
    await send(scene, message);
    const first = await receive(scene, QueueUrl);
    scene.record("get-messages", first);
    await remove(scene, QueueUrl, handleOf(first));
    await send(scene, message);
    scene.record("get-messages-duplicate", await receive(scene, QueueUrl));
  };
const notOnGroup = (id: { MessageDeduplicationId?: string }) => async (scene: Scene) => {
  const QueueUrl = await fifoOf(scene, id.MessageDeduplicationId ? {} : contentBased);
  const message = { QueueUrl, MessageBody: '{"foo": "bar"}', ...id };
  await send(scene, { ...message, MessageGroupId: "group-1" });
  await send(scene, { ...message, MessageGroupId: "group-2" });
  scene.record("get-messages", await receive(scene, QueueUrl));
  scene.record("get-dedup-messages", await receive(scene, QueueUrl));
};
const twoGroups =
  (
    attributes: Queue,
    messages: readonly { MessageBody: string; MessageDeduplicationId?: string }[],
  ) =>
  async (scene: Scene) => {
    const QueueUrl = await fifoOf(scene, attributes);
    for (const [index, message] of messages.entries()) {
      await send(scene, { QueueUrl, ...message, MessageGroupId: `group${index + 1}` });
      const answer = await receive(scene, QueueUrl);
      scene.record(`same-dedup-different-grp-${index + 1}`, answer);
      if (answer.Messages) await remove(scene, QueueUrl, handleOf(answer));
    }
  };
const visibleUpTo = (position: number) => async (scene: Scene) => {
  const QueueUrl = await fifoOf(scene, { VisibilityTimeout: "1" });
  for (const body of ["foo", "bar", "baz"]) {
    await send(scene, {
      QueueUrl,
      MessageBody: body,
      MessageGroupId: "1",
      MessageDeduplicationId: body,
    });
  }
  const all = await receive(scene, QueueUrl, { MaxNumberOfMessages: 5 });
  scene.record("receive_all_messages", all);
  await changeVisibility(scene, QueueUrl, handleOf(all, position), 4);
  scene.stack.clock.advance(2_500);
  scene.record(
    "some-messages-invisible",
    await receive(scene, QueueUrl, { MaxNumberOfMessages: 5 }),
  );
};
const badGroup = (MessageGroupId: string) => async (scene: Scene) => {
  const QueueUrl = await queueOf(scene);
  await scene.refused("error-response", send(scene, { QueueUrl, MessageGroupId }));
};
const badDeduplicationId = (MessageDeduplicationId: string) => async (scene: Scene) => {
  const QueueUrl = await fifoOf(scene);
  const message = { QueueUrl, MessageGroupId: "test", MessageDeduplicationId };
  await scene.refused("error-response", send(scene, message));
};
const badDeleteId = (Id: string) => async (scene: Scene) => {
  const QueueUrl = await queueOf(scene);
  const Entries = [{ Id, ReceiptHandle: "any" }];
  await scene.refused(
    "error_response",
    scene.stack.sqs.send(new DeleteMessageBatchCommand({ QueueUrl, Entries })),
  );
};
const systemAttributeNames =
  (parameter: "AttributeNames" | "MessageSystemAttributeNames") => async (scene: Scene) => {
    const QueueUrl = await queueOf(scene, { VisibilityTimeout: "0" });
    const MessageAttributes = { Foo: { DataType: "String", StringValue: "Bar" } };
    await send(scene, { QueueUrl, MessageBody: "msg", MessageAttributes });
    const ask = (names: string[], MessageAttributeNames: string[] = []) =>
      receive(scene, QueueUrl, { [parameter]: names, MessageAttributeNames });
    scene.record("all_attributes", await ask(["All"]));
    scene.record("all_system_and_message_attributes", await ask(["All"], ["All"]));
    scene.record("single_attribute", await ask(["SenderId"]));
    scene.record("multiple_attributes", await ask(["SenderId", "SequenceNumber"]));
  };
const counts = async (scene: Scene, url: string) => {
  const { Attributes = {} } = await attributesOf(scene, url, [
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesNotVisible",
    "ApproximateNumberOfMessagesDelayed",
  ]);
  return Object.values(Attributes).join(" ");
};

const SCENES: Readonly<Record<string, (scene: Scene) => Promise<void>>> = {
  "test_send_receive_max_number_of_messages[sqs]": async (scene) => {
    const QueueUrl = await queueOf(scene);
    await scene.refused(
      "send_max_number_of_messages",
      receive(scene, QueueUrl, { MaxNumberOfMessages: 11 }),
    );
  },
  "test_send_oversized_message[sqs]": async (scene) => {
    const QueueUrl = await queueOf(scene);
    const MessageBody = "a".repeat(DEFAULT_BYTES - K_IS_X_BYTES + 1);
    await scene.refused(
      "send_oversized_message",
      send(scene, { QueueUrl, MessageBody, MessageAttributes: K_IS_X }),
    );
  },
  "test_send_message_with_updated_maximum_message_size[sqs]": async (scene) => {
    const QueueUrl = await queueOf(scene);
    await setAttributes(scene, QueueUrl, { MaximumMessageSize: "1024" });
    await send(scene, { QueueUrl, MessageBody: "a".repeat(1_024) });
    const MessageBody = "a".repeat(1_024 - K_IS_X_BYTES + 1);
    await scene.refused(
      "send_oversized_message",
      send(scene, { QueueUrl, MessageBody, MessageAttributes: K_IS_X }),
    );
  },
  "test_send_message_batch_with_oversized_contents[sqs]": async (scene) => {
    const QueueUrl = await queueOf(scene);
    const MessageBody = "a".repeat(DEFAULT_BYTES - K_IS_X_BYTES);
    const entries = [
      { Id: "1", MessageBody, MessageAttributes: K_IS_X },
      { Id: "2", MessageBody: "a" },
    ];
    await scene.refused("send_oversized_message_batch", sendBatch(scene, QueueUrl, entries));
  },
  "test_send_message_batch_with_oversized_contents_with_updated_maximum_message_size[sqs]": async (
    scene,
  ) => {
    const QueueUrl = await queueOf(scene);
    await setAttributes(scene, QueueUrl, { MaximumMessageSize: "2048" });
    const MessageBody = "a".repeat(2_048 - K_IS_X_BYTES);
    const entries = [
      { Id: "1", MessageBody, MessageAttributes: K_IS_X },
      { Id: "2", MessageBody: "a" },
    ];
    scene.record("send_oversized_message_batch", await sendBatch(scene, QueueUrl, entries));
  },
  "test_tag_untag_queue[sqs]": async (scene) => {
    const QueueUrl = await queueOf(scene);
    const { sqs } = scene.stack;
    await sqs.send(
      new TagQueueCommand({ QueueUrl, Tags: { tag1: "value1", tag2: "value2", tag3: "" } }),
    );
    scene.record("get-tag-1", await sqs.send(new ListQueueTagsCommand({ QueueUrl })));
    await sqs.send(new UntagQueueCommand({ QueueUrl, TagKeys: ["tag1", "tag3"] }));
    scene.record("get-tag-2", await sqs.send(new ListQueueTagsCommand({ QueueUrl })));
    await sqs.send(new UntagQueueCommand({ QueueUrl, TagKeys: ["tag2"] }));
    scene.record("get-tag-after-untag", await sqs.send(new ListQueueTagsCommand({ QueueUrl })));
  },
  "test_create_fifo_queue_with_different_attributes_raises_error[sqs]": async (scene) => {
    await fifoOf(scene, contentBased);
    await scene.refused(
      "queue-already-exists",
      fifoOf(scene, { ContentBasedDeduplication: "false" }),
    );
  },
  "test_create_queue_with_different_attributes_raises_exception[sqs]": async (scene) => {
    const original = { ReceiveMessageWaitTimeSeconds: "1", DelaySeconds: "1" };
    const url = await queueOf(scene, original);
    expect(await queueOf(scene)).toBe(url);
    expect(await queueOf(scene, { DelaySeconds: "1" })).toBe(url);
    await scene.refused("create_queue_01", queueOf(scene, { ...original, DelaySeconds: "2" }));
    await setAttributes(scene, url, { DelaySeconds: "2" });
    expect(await queueOf(scene, { ...original, DelaySeconds: "2" })).toBe(url);
    await scene.refused("create_queue_02", queueOf(scene, original));
  },
  "test_create_and_update_queue_attributes[sqs]": async (scene) => {
    const url = await queueOf(scene, {
      MessageRetentionPeriod: "604800",
      ReceiveMessageWaitTimeSeconds: "10",
      VisibilityTimeout: "20",
    });
    scene.record("get_queue_attributes", await attributesOf(scene, url));
    await setAttributes(scene, url, {
      MaximumMessageSize: "2048",
      VisibilityTimeout: "69",
      DelaySeconds: "420",
    });
    scene.record("get_updated_queue_attributes", await attributesOf(scene, url));
  },
  "test_change_message_visibility_after_visibility_timeout_expiration[sqs]": async (scene) => {
    const QueueUrl = await queueOf(scene, { VisibilityTimeout: "1" });
    await send(scene, { QueueUrl });
    const received = await receive(scene, QueueUrl);
    scene.stack.clock.advance(2_000);
    scene.record(
      "visibility_timeout_expired",
      await changeVisibility(scene, QueueUrl, handleOf(received), 2),
    );
  },
  "test_fifo_empty_message_groups_added_back_to_queue[sqs]": async (scene) => {
    const QueueUrl = await fifoOf(scene);
    const message = (n: number) => ({
      QueueUrl,
      MessageBody: `Message ${n}`,
      MessageGroupId: "g1",
      MessageDeduplicationId: `${n}`,
    });
    await send(scene, message(1));
    const first = await receive(scene, QueueUrl);
    scene.record("inital-fifo-receive", first);
    await remove(scene, QueueUrl, handleOf(first));
    scene.record("empty-fifo-receive", await receive(scene, QueueUrl));
    await send(scene, message(2));
    scene.record("final-fifo-receive", await receive(scene, QueueUrl));
  },
  "test_fifo_queue_send_message_with_delay_seconds_fails[sqs]": async (scene) => {
    const QueueUrl = await fifoOf(scene, contentBased);
    await scene.refused(
      "send_message",
      send(scene, { QueueUrl, DelaySeconds: 2, MessageGroupId: "1" }),
    );
  },
  "test_fifo_message_attributes[sqs]": async (scene) => {
    const QueueUrl = await fifoOf(scene, {
      ...contentBased,
      VisibilityTimeout: "0",
      DeduplicationScope: "messageGroup",
      FifoThroughputLimit: "perMessageGroupId",
    });
    const ids = { MessageGroupId: "group-1", MessageDeduplicationId: "dedup-1" };
    scene.record(
      "send_message",
      await send(scene, { QueueUrl, MessageBody: "message-body-1", ...ids }),
    );
    scene.record("receive_message_0", await receive(scene, QueueUrl, { AttributeNames: ["All"] }));
    scene.record("receive_message_1", await receive(scene, QueueUrl, { AttributeNames: ["All"] }));
  },
  "test_fifo_set_content_based_deduplication_strategy[sqs]": async (scene) => {
    const url = await fifoOf(scene, { SqsManagedSseEnabled: "true", ...contentBased });
    scene.record("before-update", await attributesOf(scene, url));
    await setAttributes(scene, url, { ContentBasedDeduplication: "false" });
    scene.record("after-update", await attributesOf(scene, url));
  },
  "test_too_many_entries_in_batch_request[sqs]": async (scene) => {
    const QueueUrl = await queueOf(scene);
    const entries = twentyIds.map((Id) => ({ Id, MessageBody: "m" }));
    await scene.refused(
      "test_too_many_entries_in_batch_request",
      sendBatch(scene, QueueUrl, entries),
    );
  },
  "test_invalid_batch_id[sqs]": async (scene) => {
    const QueueUrl = await queueOf(scene);
    await scene.refused(
      "test_invalid_batch_id",
      sendBatch(scene, QueueUrl, [{ Id: "message:1", MessageBody: "m" }]),
    );
  },
  "test_send_batch_missing_deduplication_id_for_fifo_queue[sqs]": async (scene) => {
    const QueueUrl = await fifoOf(scene, { ContentBasedDeduplication: "false" });
    const entry = { MessageBody: "messageBody", MessageGroupId: "test-group" };
    const entries = [
      { Id: "1", ...entry, MessageDeduplicationId: "d" },
      { Id: "2", ...entry },
    ];
    await scene.refused(
      "test_missing_deduplication_id_for_fifo_queue",
      sendBatch(scene, QueueUrl, entries),
    );
  },
  test_send_batch_message_size: async (scene) => {
    const QueueUrl = await queueOf(scene, { MaximumMessageSize: "1024" });
    const entries = [
      { Id: "a4cff0d1-1961-44bd-ae53-c6d5ed71ed08", MessageBody: "a".repeat(1_024) },
      { Id: "35b535ed-b76a-4ebd-b749-6eb35cdb55ee", MessageBody: "a".repeat(1_025) },
    ];
    scene.record("send-message-batch-result", await sendBatch(scene, QueueUrl, entries));
  },
  "test_send_batch_missing_message_group_id_for_fifo_queue[sqs]": async (scene) => {
    const QueueUrl = await fifoOf(scene, contentBased);
    const entries = [{ Id: "1", MessageBody: "m", MessageDeduplicationId: "d" }];
    await scene.refused(
      "test_missing_message_group_id_for_fifo_queue",
      sendBatch(scene, QueueUrl, entries),
    );
  },
  "test_delete_message_batch_invalid_msg_id[sqs-]": badDeleteId(""),
  [`test_delete_message_batch_invalid_msg_id[sqs-${"testLongId".repeat(10)}]`]: badDeleteId(
    "testLongId".repeat(10),
  ),
  "test_delete_message_batch_invalid_msg_id[sqs-invalid:id]": badDeleteId("invalid:id"),
  "test_delete_message_batch_with_too_large_batch[sqs]": async (scene) => {
    const QueueUrl = await queueOf(scene);
    const Entries = twentyIds.map((Id) => ({ Id, ReceiptHandle: "any" }));
    await scene.refused(
      "error_response",
      scene.stack.sqs.send(new DeleteMessageBatchCommand({ QueueUrl, Entries })),
    );
  },
  "test_change_message_visibility_batch_with_too_large_batch[sqs]": async (scene) => {
    const QueueUrl = await queueOf(scene);
    const Entries = twentyIds.map((Id) => ({ Id, ReceiptHandle: "any", VisibilityTimeout: 1 }));
    const command = new ChangeMessageVisibilityBatchCommand({ QueueUrl, Entries });
    await scene.refused("error_response", scene.stack.sqs.send(command));
  },
  "test_send_message_with_binary_attributes[sqs]": async (scene) => {
    const QueueUrl = await queueOf(scene);
    const text = "traceparent\x1e00-774062d6c37081a5a0b9b5b88e30627c-2d2482211f6489da-01";
    const MessageAttributes = { attr1: { DataType: "Binary", BinaryValue: Buffer.from(text) } };
    await send(scene, { QueueUrl, MessageBody: "test", MessageAttributes });
    scene.record(
      "binary-attrs-msg",
      await receive(scene, QueueUrl, { MessageAttributeNames: ["All"] }),
    );
  },
  "test_send_message_with_empty_string_attribute[sqs]": async (scene) => {
    const QueueUrl = await queueOf(scene);
    const MessageAttributes = { ErrorDetails: { StringValue: "", DataType: "String" } };
    await scene.refused("empty-string-attr", send(scene, { QueueUrl, MessageAttributes }));
  },
  test_dead_letter_queue_message_attributes: async (scene) => {
    const deadUrl = await queueOf(scene, {}, "dl-queue");
    const deadLetterTargetArn = await arnOf(scene, deadUrl);
    const RedrivePolicy = JSON.stringify({ deadLetterTargetArn, maxReceiveCount: 1 });
    const QueueUrl = await queueOf(scene, { RedrivePolicy });
    scene.record("dlq-arn", deadLetterTargetArn);
    scene.record("sourcen-arn", await arnOf(scene, QueueUrl));
    const StringValue =
      "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1";
    await send(scene, {
      QueueUrl,
      MessageBody: "message-1",
      MessageSystemAttributes: { AWSTraceHeader: { DataType: "String", StringValue } },
      MessageAttributes: { MyAttribute: { DataType: "String", StringValue: "foobar" } },
    });
    await send(scene, { QueueUrl, MessageBody: "message-2" });
    const collect = async (url: string, VisibilityTimeout: number) => {
      const messages = [];
      for (let round = 0; round < 4; round++) {
        const names = { AttributeNames: ["All" as const], MessageAttributeNames: ["All"] };
        const { Messages = [] } = await receive(scene, url, { VisibilityTimeout, ...names });
        messages.push(...Messages);
      }
      return messages
        .map(({ Attributes: { SenderId: _, ...Attributes } = {}, ...message }) => ({
          ...message,
          Attributes,
        }))
        .sort((a, b) => (a.Body ?? "").localeCompare(b.Body ?? ""));
    };
    scene.record("rec-pre-dlq", await collect(QueueUrl, 0));
    scene.record("dlq-messages", await collect(deadUrl, 30));
  },
  "test_set_unsupported_attribute_fifo[sqs]": async (scene) => {
    const standard = await queueOf(scene);
    await scene.refused(
      "invalid-attr-name-1",
      setAttributes(scene, standard, { FifoQueue: "true" }),
    );
    const fifo = await fifoOf(scene);
    await setAttributes(scene, fifo, { FifoQueue: "true" });
    await scene.refused("invalid-attr-name-2", setAttributes(scene, fifo, { FifoQueue: "false" }));
  },
  "test_fifo_deduplication_arrives_once_after_delete[sqs-True]": arrivesOnceAfterDelete({}),
  "test_fifo_deduplication_arrives_once_after_delete[sqs-False]": arrivesOnceAfterDelete({
    MessageDeduplicationId: "d",
  }),
  "test_fifo_deduplication_not_on_message_group_id[sqs-True]": notOnGroup({}),
  "test_fifo_deduplication_not_on_message_group_id[sqs-False]": notOnGroup({
    MessageDeduplicationId: "d",
  }),
  "test_posting_to_fifo_requires_deduplicationid_group_id[sqs]": async (scene) => {
    const QueueUrl = await fifoOf(scene);
    for (const suffix of ["", "-query"]) {
      await scene.refused(
        `invalid-parameter-value${suffix}`,
        send(scene, { QueueUrl, MessageGroupId: "g" }),
      );
      await scene.refused(
        `missing-parameter${suffix}`,
        send(scene, { QueueUrl, MessageDeduplicationId: "d" }),
      );
    }
  },
  "test_successive_purge_calls_fail[sqs]": async (scene) => {
    const QueueUrl = await queueOf(scene);
    await scene.stack.sqs.send(new PurgeQueueCommand({ QueueUrl }));
    await scene.refused(
      "purge_queue_error",
      scene.stack.sqs.send(new PurgeQueueCommand({ QueueUrl })),
    );
  },
  "test_sqs_fifo_same_dedup_id_different_message_groups[sqs]": twoGroups({}, [
    { MessageBody: "Test", MessageDeduplicationId: "same-dedup" },
    { MessageBody: "Test", MessageDeduplicationId: "same-dedup" },
  ]),
  "test_fifo_high_throughput_ordering[sqs]": twoGroups(
    { DeduplicationScope: "messageGroup", FifoThroughputLimit: "perMessageGroupId" },
    [
      { MessageBody: "Test1", MessageDeduplicationId: "same-dedup" },
      { MessageBody: "Test2", MessageDeduplicationId: "same-dedup" },
    ],
  ),
  "test_fifo_change_to_high_throughput_after_creation[sqs]": async (scene) => {
    const QueueUrl = await fifoOf(scene, { DeduplicationScope: "queue" });
    const round = async (key: string, n: number, MessageDeduplicationId = "same-dedup") => {
      await send(scene, {
        QueueUrl,
        MessageBody: `Test${n}`,
        MessageGroupId: `group${n}`,
        MessageDeduplicationId,
      });
      const answer = await receive(scene, QueueUrl);
      scene.record(key, answer);
      if (answer.Messages) await remove(scene, QueueUrl, handleOf(answer));
    };
    await round("same-dedup-different-grp-1", 1);
    await round("same-dedup-different-grp-2", 2);
    await setAttributes(scene, QueueUrl, {
      DeduplicationScope: "messageGroup",
      FifoThroughputLimit: "perMessageGroupId",
    });
    scene.record("set-to-high-throughput", await attributesOf(scene, QueueUrl));
    scene.record("same-dedup-different-grp-high-throughput", await receive(scene, QueueUrl));
    await round("same-dedup-different-grp-high-throughput-2", 3);
    await round("new-dedup2-high-throughput", 4, "dedup_2");
    await round("same-dedup2-high-throughput", 5, "dedup_2");
  },
  "test_fifo_change_to_regular_throughput_after_creation[sqs]": async (scene) => {
    const throughput = {
      DeduplicationScope: "messageGroup",
      FifoThroughputLimit: "perMessageGroupId",
    };
    const QueueUrl = await fifoOf(scene, throughput);
    const round = async (key: string, n: number) => {
      const ids = { MessageGroupId: `group${n}`, MessageDeduplicationId: "same-dedup" };
      await send(scene, { QueueUrl, MessageBody: `Test${n}`, ...ids });
      const answer = await receive(scene, QueueUrl);
      scene.record(key, answer);
      await remove(scene, QueueUrl, handleOf(answer));
    };
    await round("same-dedup-different-grp-1", 1);
    await round("same-dedup-different-grp-2", 2);
    await setAttributes(scene, QueueUrl, {
      DeduplicationScope: "queue",
      FifoThroughputLimit: "perQueue",
    });
    scene.record("set-to-regular-throughput", await attributesOf(scene, QueueUrl));
    await round("same-dedup-different-grp-regular-throughput", 3);
  },
  "test_receive_message_message_attribute_names_filters[sqs]": async (scene) => {
    const QueueUrl = await queueOf(scene, { VisibilityTimeout: "0" });
    const text = (StringValue: string): MessageAttributeValue => ({
      DataType: "String",
      StringValue,
    });
    const MessageAttributes = {
      "Help.Me": text("Me"),
      Hello: text("There"),
      General: text("Kenobi"),
    };
    scene.record(
      "send_message_response",
      await send(scene, { QueueUrl, MessageBody: "msg", MessageAttributes }),
    );
    const whole = (MessageAttributeNames: string[]) =>
      receive(scene, QueueUrl, { MessageAttributeNames });
    const one = async (names: string[]) => (await whole(names)).Messages?.[0];
    scene.record("empty_filter", await whole([]));
    scene.record("all_name", await whole(["All"]));
    scene.record("all_wildcard_asterisk", await one(["*"]));
    scene.record("all_wildcard", await one([".*"]));
    scene.record("only_non_existing_names", await one(["Foo", "Help"]));
    scene.record("only_existing", await one(["Hello", "General"]));
    scene.record("existing_and_non_existing", await one(["Foo", "Hello"]));
    scene.record("prefix_filter", await one(["Hel.*"]));
    scene.record("illegal_name_1", await whole(["AWS."]));
    scene.record("illegal_name_2", await whole(["..foo"]));
  },
  "test_receive_message_attribute_names_filters[sqs]": systemAttributeNames("AttributeNames"),
  "test_receive_message_message_system_attribute_names_filters[sqs]": systemAttributeNames(
    "MessageSystemAttributeNames",
  ),
  "test_message_system_attribute_names_with_attribute_names[sqs]": async (scene) => {
    const QueueUrl = await queueOf(scene, { VisibilityTimeout: "0" });
    await send(scene, { QueueUrl, MessageBody: "msg" });
    const ask = (name: QueueAttributeName) =>
      receive(scene, QueueUrl, {
        AttributeNames: [name],
        MessageSystemAttributeNames: ["All"],
      });
    scene.record("same_values", await ask("All"));
    scene.record("different_values", await ask("VisibilityTimeout"));
  },
  test_non_existent_queue: async (scene) => {
    const QueueUrl = await queueOf(scene);
    await scene.stack.sqs.send(new DeleteQueueCommand({ QueueUrl }));
    await scene.refused("queue-does-not-exist", attributesOf(scene, QueueUrl));
    const find = new GetQueueUrlCommand({ QueueName: "queue" });
    await scene.refused("queue-does-not-exist-url", scene.stack.sqs.send(find));
  },
  "test_set_unsupported_attribute_standard[sqs]": async (scene) => {
    const url = await queueOf(scene);
    await scene.refused("invalid-attr-name-1", setAttributes(scene, url, { FifoQueue: "true" }));
    await scene.refused("invalid-attr-name-2", setAttributes(scene, url, { FifoQueue: "false" }));
  },
  "test_create_standard_queue_with_fifo_attribute_raises_error[sqs]": async (scene) => {
    const cases = {
      "invalid-attribute-fifo-queue": { FifoQueue: "false" },
      "invalid-attribute-content-based-deduplication": { ContentBasedDeduplication: "false" },
      "invalid-attribute-deduplication-scope": { DeduplicationScope: "queue" },
      "invalid-attribute-throughput-limit": { FifoThroughputLimit: "perQueue" },
    };
    for (const [key, attributes] of Object.entries(cases))
      await scene.refused(key, queueOf(scene, attributes));
  },
  "test_dead_letter_queue_with_fifo_and_content_based_deduplication[sqs]": async (scene) => {
    const deadUrl = await fifoOf(scene, contentBased, "dead.fifo");
    const RedrivePolicy = JSON.stringify({
      deadLetterTargetArn: await arnOf(scene, deadUrl),
      maxReceiveCount: 2,
    });
    const QueueUrl = await fifoOf(scene, { ...contentBased, RedrivePolicy });
    const first = await send(scene, { QueueUrl, MessageBody: "foobar", MessageGroupId: "1" });
    for (let round = 0; round < 3; round++)
      await receive(scene, QueueUrl, { VisibilityTimeout: 0 });
    const dead = await receive(scene, deadUrl);
    expect(dead.Messages).toMatchObject([{ MessageId: first.MessageId, Body: "foobar" }]);
    const second = await send(scene, { QueueUrl, MessageBody: "foobar2", MessageGroupId: "1" });
    const next = await receive(scene, QueueUrl);
    expect(next.Messages).toMatchObject([{ MessageId: second.MessageId, Body: "foobar2" }]);
  },
  "test_sqs_fifo_message_group_scope_no_throughput_setting[sqs]": twoGroups(
    { ...contentBased, DeduplicationScope: "messageGroup" },
    [{ MessageBody: "Test" }, { MessageBody: "Test" }],
  ),
  "test_set_empty_redrive_policy[sqs]": async (scene) => {
    const url = await queueOf(scene);
    const redrive = async () => (await attributesOf(scene, url)).Attributes?.["RedrivePolicy"];
    await setAttributes(scene, url, { RedrivePolicy: "" });
    expect(await redrive()).toBeUndefined();
    const RedrivePolicy = JSON.stringify({
      deadLetterTargetArn: await arnOf(scene, url),
      maxReceiveCount: "42",
    });
    await setAttributes(scene, url, { RedrivePolicy });
    expect(await redrive()).toBe(RedrivePolicy);
    await setAttributes(scene, url, { RedrivePolicy: "" });
    expect(await redrive()).toBeUndefined();
  },
  "test_send_receive_wait_time_seconds[sqs]": async (scene) => {
    const QueueUrl = await queueOf(scene);
    await send(scene, { QueueUrl });
    await send(scene, { QueueUrl });
    const wait = (WaitTimeSeconds: number) => receive(scene, QueueUrl, { WaitTimeSeconds });
    await scene.refused("recieve_message_error_too_large", wait(21));
    await scene.refused("recieve_message_error_too_small", wait(-1));
    scene.record("empty_short_poll_by_default_resp", await receive(scene, QueueUrl));
    scene.record("empty_short_poll_explicit_resp", await wait(0));
  },
  "test_receive_empty_queue[sqs]": async (scene) => {
    const QueueUrl = await queueOf(scene);
    scene.record("empty_short_poll_resp_no_param", await receive(scene, QueueUrl));
    scene.record("empty_short_poll_resp", await receive(scene, QueueUrl, { WaitTimeSeconds: 0 }));
    const poll = receive(scene, QueueUrl, { WaitTimeSeconds: 1 });
    await scene.stack.clock.waitedFor();
    scene.stack.clock.advance(1_000);
    scene.record("empty_long_poll_resp", await poll);
  },
  "test_send_empty_message[sqs]": async (scene) => {
    const QueueUrl = await queueOf(scene);
    await scene.refused("send_empty_message", send(scene, { QueueUrl, MessageBody: "" }));
  },
  test_list_queues_pagination: async (scene) => {
    const QueueNamePrefix = "7f7df0f5";
    for (let index = 0; index < 10; index++)
      await queueOf(scene, {}, `7f7df0f5-test-queue-${index}`);
    await queueOf(scene, {}, "another");
    const list = (MaxResults?: number, NextToken?: string) =>
      scene.stack.sqs.send(new ListQueuesCommand({ QueueNamePrefix, MaxResults, NextToken }));
    const names = (urls: string[] = []) => urls.map((url) => url.replace(/^.*queue-/, "")).join("");
    expect(names((await list()).QueueUrls)).toBe("0123456789");
    const page = await list(2);
    expect(names(page.QueueUrls)).toBe("01");
    const rest = await list(10, page.NextToken);
    expect(names(rest.QueueUrls)).toBe("23456789");
    expect(rest.NextToken).toBeUndefined();
  },
  "test_delete_after_visibility_timeout[sqs]": async (scene) => {
    const QueueUrl = await queueOf(scene, { VisibilityTimeout: "1" });
    await send(scene, { QueueUrl, MessageBody: "foobar" });
    const received = await receive(scene, QueueUrl);
    scene.stack.clock.advance(1_000);
    await remove(scene, QueueUrl, handleOf(received));
    scene.record("delete_after_timeout_queue_empty", await receive(scene, QueueUrl));
  },
  "test_fifo_delete_after_visibility_timeout[sqs]": async (scene) => {
    const QueueUrl = await fifoOf(scene, { VisibilityTimeout: "1", ...contentBased });
    await send(scene, { QueueUrl, MessageBody: "foobar", MessageGroupId: "1" });
    const received = await receive(scene, QueueUrl);
    scene.record("received_sqs_message", received);
    scene.stack.clock.advance(1_000);
    await scene.refused("delete_after_timeout_fifo", remove(scene, QueueUrl, handleOf(received)));
  },
  "test_fair_queue_with_message_group_id[sqs]": async (scene) => {
    const QueueUrl = await queueOf(scene);
    scene.record("send_message", await send(scene, { QueueUrl, MessageGroupId: "test" }));
    const answer = await receive(scene, QueueUrl, { AttributeNames: ["All"] });
    scene.record("get-message-with-deduplication-id", answer);
  },
  "test_send_message_to_standard_queue_with_invalid_message_group_id[empty]": badGroup(""),
  "test_send_message_to_standard_queue_with_invalid_message_group_id[too_long]": badGroup(
    "a".repeat(129),
  ),
  "test_send_message_to_standard_queue_with_invalid_message_group_id[spaces]":
    badGroup("group 123"),
  "test_message_deduplication_id_invalid[empty]": badDeduplicationId(""),
  "test_message_deduplication_id_invalid[too_long]": badDeduplicationId("a".repeat(129)),
  "test_message_deduplication_id_invalid[spaces]": badDeduplicationId("group 123"),
  test_message_deduplication_id_success: async (scene) => {
    const QueueUrl = await fifoOf(scene);
    const ids = { MessageGroupId: "test", MessageDeduplicationId: "a".repeat(128) };
    expect((await send(scene, { QueueUrl, ...ids })).MessageId).toBeDefined();
  },
  "test_fifo_queue_send_message_with_zero_delay_defaults_to_queue_delay[sqs]": async (scene) => {
    const QueueUrl = await fifoOf(scene, { ...contentBased, DelaySeconds: "2" });
    const message = { QueueUrl, MessageBody: "message-1", MessageGroupId: "1", DelaySeconds: 0 };
    scene.record("send_message_result", await send(scene, message));
    scene.record("receive_message_initial_result", await receive(scene, QueueUrl));
    scene.stack.clock.advance(3_000);
    scene.record("receive_message_after_delay_result", await receive(scene, QueueUrl));
  },
  "test_approximate_number_of_messages_not_visible[sqs]": async (scene) => {
    const QueueUrl = await queueOf(scene, { VisibilityTimeout: "5" });
    for (let index = 0; index < 6; index++) await send(scene, { QueueUrl });
    await receive(scene, QueueUrl);
    expect(await counts(scene, QueueUrl)).toBe("5 1 0");
    scene.stack.clock.advance(5_000);
    expect(await counts(scene, QueueUrl)).toBe("6 0 0");
  },
  "test_fifo_approximate_number_of_messages_not_visible[sqs]": async (scene) => {
    const QueueUrl = await fifoOf(scene, { ...contentBased, VisibilityTimeout: "5" });
    for (const [index, MessageGroupId] of [..."112233"].entries()) {
      await send(scene, { QueueUrl, MessageBody: `message-${index}`, MessageGroupId });
    }
    for (const group of ["1", "2"]) {
      const { Messages } = await receive(scene, QueueUrl, {
        MessageSystemAttributeNames: ["MessageGroupId"],
      });
      expect(Messages).toMatchObject([{ Attributes: { MessageGroupId: group } }]);
    }
    expect(await counts(scene, QueueUrl)).toBe("4 2 0");
    scene.stack.clock.advance(5_000);
    expect(await counts(scene, QueueUrl)).toBe("6 0 0");
  },
  "test_fifo_delete_after_visibility_timeout_extended[sqs]": async (scene) => {
    const QueueUrl = await fifoOf(scene, { VisibilityTimeout: "1", ...contentBased });
    await send(scene, { QueueUrl, MessageBody: "foobar", MessageGroupId: "1" });
    const received = await receive(scene, QueueUrl);
    scene.record("received_sqs_message", received);
    await changeVisibility(scene, QueueUrl, handleOf(received), 5);
    scene.stack.clock.advance(1_500);
    await remove(scene, QueueUrl, handleOf(received));
    scene.record("delete_after_timeout_fifo_extended", await receive(scene, QueueUrl));
  },
  "test_fifo_group_visibility_extends_with_change_message_visibility[sqs-0-visible]":
    visibleUpTo(0),
  "test_fifo_group_visibility_extends_with_change_message_visibility[sqs-1-visible]":
    visibleUpTo(1),
  "test_fifo_group_visibility_extends_with_change_message_visibility[sqs-2-visible]":
    visibleUpTo(2),
};

/** Recorded under a parameter's old name; the test, and its answers, are the ones of `…-visible`. */
const OLDER_NAMES: Readonly<Record<string, string>> = {
  "sqs-all-invisible": "sqs-0-visible",
  "sqs-1-invisible": "sqs-1-visible",
  "sqs-no-invisible": "sqs-2-visible",
};
const sceneOf = (name: string) => {
  const parameter = /\[(.*)\]$/.exec(name)?.[1] ?? "";
  return SCENES[name.replace(parameter, OLDER_NAMES[parameter] ?? parameter)];
};

/** What the SDK makes of an answer or an error, in the form in which the recorder kept it. */
const ClientError = z.looseObject({
  Error: z.object({ Code: z.string(), Message: z.string(), Type: z.string() }),
  __type: z.string(),
  $metadata: z.object({ httpStatusCode: z.number() }),
});
const asRecorded = (value: unknown): unknown => {
  if (typeof value !== "object" || value === null || !("$metadata" in value)) return value;
  const { $metadata, ...answer } = z.parse(
    z.looseObject({ $metadata: z.object({ httpStatusCode: z.number() }) }),
    value,
  );
  return {
    ...answer,
    ResponseMetadata: { HTTPHeaders: {}, HTTPStatusCode: $metadata.httpStatusCode },
  };
};
const errorAsRecorded = (error: unknown) => {
  const { Error: shown, __type, $metadata } = z.parse(ClientError, error);
  const QueryErrorCode = __type.replace(/^.*#/, "");
  return {
    Error: { ...shown, QueryErrorCode },
    ResponseMetadata: { HTTPHeaders: {}, HTTPStatusCode: $metadata.httpStatusCode },
  };
};

describe("SQS as AWS answered it", () => {
  let stack: WireStack;
  beforeEach(async () => {
    stack = await wireStack();
  });
  afterEach(() => stack.close());

  it("plays or names every recorded test", () => {
    const played = recordedNames.filter((name) => sceneOf(name) !== undefined);
    const left = recordedNames.filter((name) => sceneOf(name) === undefined);
    expect(left.toSorted()).toEqual(Object.keys(LEFT_OUT).toSorted());
    expect(played.length).toBeGreaterThan(60);
  });

  it.each(recordedNames.filter((name) => sceneOf(name) !== undefined))("%s", async (name) => {
    expect.hasAssertions();
    const full = Object.keys(recordings).find((key) => shortName(key) === name) ?? name;
    const content = recordings[full]?.["recorded-content"] ?? {};
    const bindings: Bindings = new Map();
    const record = (key: string, actual: unknown) => {
      // `message` repeats the error's own; `-query` answers are of the other protocol.
      expectRecorded(asRecorded(actual), content[key], bindings);
    };
    const refused = async (key: string, call: Promise<unknown>) => {
      const error = await call.then(
        () => undefined,
        (thrown: unknown) => thrown,
      );
      expect(error, `${key} was not refused`).toBeDefined();
      const { message: _, ...recorded } = z.parse(z.looseObject({}), content[key]);
      expectRecorded(errorAsRecorded(error), recorded, bindings);
    };
    await sceneOf(name)?.({ stack, record, refused });
  });
});
