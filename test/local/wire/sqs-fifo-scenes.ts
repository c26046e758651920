/** Recorded tests about FIFO queues: groups, order, de-duplication, handles. */
import { expect } from "vitest";
import {
  attributesOf,
  changeVisibility,
  contentBased,
  fifoOf,
  handleOf,
  type Queue,
  receive,
  remove,
  type Scene,
  type Scenes,
  send,
  sendBatch,
  setAttributes,
} from "./sqs-scene.ts";

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
const badDeduplicationId = (MessageDeduplicationId: string) => async (scene: Scene) => {
  const QueueUrl = await fifoOf(scene);
  const message = { QueueUrl, MessageGroupId: "test", MessageDeduplicationId };
  await scene.refused("error-response", send(scene, message));
};

export const FIFO_SCENES: Scenes = {
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
  "test_send_batch_missing_message_group_id_for_fifo_queue[sqs]": async (scene) => {
    const QueueUrl = await fifoOf(scene, contentBased);
    const entries = [{ Id: "1", MessageBody: "m", MessageDeduplicationId: "d" }];
    await scene.refused(
      "test_missing_message_group_id_for_fifo_queue",
      sendBatch(scene, QueueUrl, entries),
    );
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
  "test_sqs_fifo_message_group_scope_no_throughput_setting[sqs]": twoGroups(
    { ...contentBased, DeduplicationScope: "messageGroup" },
    [{ MessageBody: "Test" }, { MessageBody: "Test" }],
  ),
  "test_fifo_delete_after_visibility_timeout[sqs]": async (scene) => {
    const QueueUrl = await fifoOf(scene, { VisibilityTimeout: "1", ...contentBased });
    await send(scene, { QueueUrl, MessageBody: "foobar", MessageGroupId: "1" });
    const received = await receive(scene, QueueUrl);
    scene.record("received_sqs_message", received);
    scene.stack.clock.advance(1_000);
    await scene.refused("delete_after_timeout_fifo", remove(scene, QueueUrl, handleOf(received)));
  },
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
