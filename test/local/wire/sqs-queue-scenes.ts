/** Recorded tests about queues themselves: their attributes, batches, tags, purges and dead letters. */
import {
  ChangeMessageVisibilityBatchCommand,
  DeleteMessageBatchCommand,
  DeleteQueueCommand,
  GetQueueUrlCommand,
  ListQueuesCommand,
  ListQueueTagsCommand,
  PurgeQueueCommand,
  TagQueueCommand,
  UntagQueueCommand,
} from "@aws-sdk/client-sqs";
import { expect } from "vitest";
import {
  arnOf,
  attributesOf,
  contentBased,
  fifoOf,
  queueOf,
  receive,
  type Scene,
  type Scenes,
  send,
  sendBatch,
  setAttributes,
} from "./sqs-scene.ts";

const twentyIds = Array.from({ length: 20 }, (_, index) => `id-${index}`);
const badDeleteId = (Id: string) => async (scene: Scene) => {
  const QueueUrl = await queueOf(scene);
  const Entries = [{ Id, ReceiptHandle: "any" }];
  await scene.refused(
    "error_response",
    scene.stack.sqs.send(new DeleteMessageBatchCommand({ QueueUrl, Entries })),
  );
};
const counts = async (scene: Scene, url: string) => {
  const { Attributes = {} } = await attributesOf(scene, url, [
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesNotVisible",
    "ApproximateNumberOfMessagesDelayed",
  ]);
  return Object.values(Attributes).join(" ");
};

export const QUEUE_SCENES: Scenes = {
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
  "test_successive_purge_calls_fail[sqs]": async (scene) => {
    const QueueUrl = await queueOf(scene);
    await scene.stack.sqs.send(new PurgeQueueCommand({ QueueUrl }));
    await scene.refused(
      "purge_queue_error",
      scene.stack.sqs.send(new PurgeQueueCommand({ QueueUrl })),
    );
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
};
